//! Files with objects, and their deliveries.

use super::CT;
use crate::Item;
use catalog::{
    Delivery, DeliveryId, Event, EventKind, InstanceId, ObjectAttributes, ReceivedObject,
    StoredInstance,
};
use dataset::part10::{FileMeta, header};
use dataset::transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN;
use dataset::{TransferSyntax, Uid};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A folder that goes with the test.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Folder {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("dicom-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    /// A file with an object, and its delivery.
    pub(super) fn item(
        &self,
        class: &str,
        instance: &str,
        syntax: &TransferSyntax,
        data: &[u8],
    ) -> Item {
        let [sop_class, sop_instance]: [Uid; 2] = [class, instance].map(|it| it.parse().unwrap());
        let mut bytes = header(&FileMeta {
            sop_class: &sop_class,
            sop_instance: &sop_instance,
            transfer_syntax: syntax,
            implementation_class_uid: "2.25.1",
            implementation_version_name: "TEST",
            source_ae_title: b"SCU",
        });
        bytes.extend_from_slice(data);
        let path = self.0.join(instance);
        fs::write(&path, &bytes).unwrap();
        item(&path, class, instance, syntax, bytes.len() as u64)
    }

    /// So many CT images.
    pub(super) fn images(&self, count: usize) -> Vec<Item> {
        let image = |number| {
            let instance = format!("1.2.3.{number}");
            self.item(CT, &instance, EXPLICIT_VR_LITTLE_ENDIAN, &explicit(&instance, 300))
        };
        (0..count).map(image).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn item(
    path: &Path,
    class: &str,
    instance: &str,
    syntax: &TransferSyntax,
    size: u64,
) -> Item {
    let now = SystemTime::UNIX_EPOCH;
    let object = ReceivedObject {
        key: instance.to_owned(),
        directory: path.parent().unwrap().to_owned(),
        file: None,
        spool: None,
        sop_class: class.to_owned(),
        sop_instance: instance.to_owned(),
        transfer_syntax: syntax.uid().to_owned(),
        size,
        digest: None,
        received: now,
        association: 1,
        calling: "CT".to_owned(),
        called: "STORESCP".to_owned(),
        peer: "127.0.0.1".to_owned(),
        rule: None,
        replaced: false,
        kept: false,
        attributes: ObjectAttributes::default(),
    };
    let event = Event {
        key: instance.to_owned(),
        kind: EventKind::ObjectStored,
        time: now,
        instance: Some(InstanceId(1)),
        data: None,
    };
    let delivery = Delivery {
        id: DeliveryId(1),
        destination: "pacs".to_owned(),
        event,
        instance: Some(StoredInstance { id: InstanceId(1), object }),
        study: None,
        attempts: 0,
        since: now,
    };
    Item { delivery, path: Some(path.to_owned()), missing: false, source: "//test".into() }
}

/// SOP Instance UID and so many bytes of pixel data, in explicit VR little endian.
pub(super) fn explicit(instance: &str, pixel_bytes: u32) -> Vec<u8> {
    let mut bytes = element(0x0008, 0x0018, b"UI", &padded(instance));
    bytes.extend(element(0x0028, 0x0100, b"US", &[16, 0]));
    bytes.extend([0xE0, 0x7F, 0x10, 0x00]);
    bytes.extend(b"OW\0\0");
    bytes.extend(pixel_bytes.to_le_bytes());
    bytes.extend((0..pixel_bytes).map(|at| (at % 251) as u8));
    bytes
}

fn element(group: u16, element: u16, vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    let head = [&group.to_le_bytes()[..], &element.to_le_bytes(), vr, &length.to_le_bytes()];
    [&head.concat(), value].concat()
}

fn padded(uid: &str) -> Vec<u8> {
    let mut bytes = uid.as_bytes().to_vec();
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}
