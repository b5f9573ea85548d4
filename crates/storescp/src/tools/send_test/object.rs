//! A made-up object: a Secondary Capture image (PS3.3 §A.8.1) of 8 by 8 pixels.

use chrono::{DateTime, Local};
use dataset::{TransferSyntax, Uid, transfer_syntax};
use requestor::{ContextProposal, Instance};

/// Secondary Capture Image Storage.
const SOP_CLASS: &str = "1.2.840.10008.5.1.4.1.1.7";

/// The image, before it is known in which transfer syntax it goes.
pub(super) struct TestObject {
    sop_class: Uid,
    sop_instance: Uid,
    study: Uid,
    series: Uid,
    now: DateTime<Local>,
}

impl TestObject {
    /// One that nobody has seen before.
    pub(super) fn new() -> Self {
        Self {
            sop_class: uid(SOP_CLASS),
            sop_instance: new_uid(),
            study: new_uid(),
            series: new_uid(),
            now: Local::now(),
        }
    }

    pub(super) fn sop_class(&self) -> Uid {
        self.sop_class
    }

    /// In the two transfer syntaxes that every receiver knows.
    pub(super) fn context(&self) -> ContextProposal {
        let syntaxes = [
            transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN,
            transfer_syntax::IMPLICIT_VR_LITTLE_ENDIAN,
        ];
        ContextProposal { sop_class: self.sop_class, transfer_syntaxes: syntaxes.to_vec() }
    }

    pub(super) fn instance(&self, transfer_syntax: &'static TransferSyntax) -> Instance {
        Instance { sop_class: self.sop_class, sop_instance: self.sop_instance, transfer_syntax }
    }

    /// The data set, in explicit or implicit VR little endian.
    pub(super) fn data_set(&self, is_explicit: bool) -> Vec<u8> {
        let (date, time) = (self.now.format("%Y%m%d").to_string(), self.now.format("%H%M%S"));
        let mut set = DataSet { bytes: Vec::new(), is_explicit };
        set.text((0x0008, 0x0016), *b"UI", self.sop_class.as_str());
        set.text((0x0008, 0x0018), *b"UI", self.sop_instance.as_str());
        set.text((0x0008, 0x0020), *b"DA", &date);
        set.text((0x0008, 0x0030), *b"TM", &time.to_string());
        set.text((0x0008, 0x0050), *b"SH", "");
        set.text((0x0008, 0x0060), *b"CS", "OT");
        set.text((0x0008, 0x0064), *b"CS", "WSD");
        set.text((0x0008, 0x0090), *b"PN", "");
        set.text((0x0008, 0x103E), *b"LO", "made up by storescp test");
        set.text((0x0010, 0x0010), *b"PN", "STORESCP^TEST");
        set.text((0x0010, 0x0020), *b"LO", "STORESCP-TEST");
        set.text((0x0010, 0x0030), *b"DA", "");
        set.text((0x0010, 0x0040), *b"CS", "");
        set.text((0x0020, 0x000D), *b"UI", self.study.as_str());
        set.text((0x0020, 0x000E), *b"UI", self.series.as_str());
        set.text((0x0020, 0x0010), *b"SH", "");
        set.text((0x0020, 0x0011), *b"IS", "1");
        set.text((0x0020, 0x0013), *b"IS", "1");
        set.text((0x0020, 0x0020), *b"CS", "");
        set.text((0x0020, 0x0060), *b"CS", "");
        set.number((0x0028, 0x0002), 1);
        set.text((0x0028, 0x0004), *b"CS", "MONOCHROME2");
        for (element, value) in
            [(0x0010, SIDE), (0x0011, SIDE), (0x0100, 8), (0x0101, 8), (0x0102, 7), (0x0103, 0)]
        {
            set.number((0x0028, element), value);
        }
        let pixels: Vec<u8> = (0..SIDE * SIDE).map(|pixel| (pixel * 4) as u8).collect();
        set.element((0x7FE0, 0x0010), *b"OB", &pixels);
        set.bytes
    }
}

/// Rows and columns.
const SIDE: u16 = 8;

struct DataSet {
    bytes: Vec<u8>,
    is_explicit: bool,
}

impl DataSet {
    /// A value of characters, padded to even length (PS3.5 §6.2).
    fn text(&mut self, tag: (u16, u16), vr: [u8; 2], text: &str) {
        let mut value = text.as_bytes().to_vec();
        if !value.len().is_multiple_of(2) {
            value.push(if vr == *b"UI" { 0 } else { b' ' });
        }
        self.element(tag, vr, &value);
    }

    fn number(&mut self, tag: (u16, u16), value: u16) {
        self.element(tag, *b"US", &value.to_le_bytes());
    }

    /// PS3.5 §7.1.2, §7.1.3.
    fn element(&mut self, (group, element): (u16, u16), vr: [u8; 2], value: &[u8]) {
        self.bytes.extend(group.to_le_bytes());
        self.bytes.extend(element.to_le_bytes());
        let length = value.len() as u32;
        if self.is_explicit && vr != *b"OB" {
            self.bytes.extend(vr);
            self.bytes.extend((length as u16).to_le_bytes());
        } else {
            if self.is_explicit {
                self.bytes.extend(vr);
                self.bytes.extend([0, 0]);
            }
            self.bytes.extend(length.to_le_bytes());
        }
        self.bytes.extend_from_slice(value);
    }
}

/// Made of a random UUID (PS3.5 §B.2).
fn new_uid() -> Uid {
    uid(&format!("2.25.{}", uuid::Uuid::new_v4().as_u128()))
}

fn uid(text: &str) -> Uid {
    text.parse().expect("digits and dots, and at most 44 of them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_elements_are_in_order_and_each_run_has_others() {
        let object = TestObject::new();
        let bytes = object.data_set(false);
        let mut rest = bytes.as_slice();
        let mut last = (0, 0);
        while let [g0, g1, e0, e1, l0, l1, l2, l3, after @ ..] = rest {
            let tag = (u16::from_le_bytes([*g0, *g1]), u16::from_le_bytes([*e0, *e1]));
            let length = u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize;
            assert!(tag > last && length.is_multiple_of(2), "{tag:x?}");
            (last, rest) = (tag, &after[length..]);
        }
        assert_eq!((last, rest.len()), ((0x7FE0, 0x0010), 0));
        assert_ne!(TestObject::new().sop_instance, object.sop_instance);
        assert!(object.data_set(true).len() > bytes.len());
    }
}
