//! Contexts, transfer syntaxes, and files that cannot be sent.

use super::fixture::{Folder, explicit, item};
use super::peer::{Behavior, ScriptedPeer};
use super::{CT, answers, deliver, letters, reason, session};
use crate::Item;
use dataset::transfer_syntax::{
    EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, RLE_LOSSLESS,
};
use std::fs;

#[test]
fn another_uncompressed_syntax_is_encoded_anew_and_a_compressed_one_parked() {
    let folder = Folder::new();
    let plain = folder.item(CT, "1.2.5", EXPLICIT_VR_LITTLE_ENDIAN, &explicit("1.2.5", 64));
    let long = explicit("1.2.6", 3_000_000);
    let long = folder.item(CT, "1.2.6", EXPLICIT_VR_LITTLE_ENDIAN, &long);
    let compressed = folder.item(CT, "1.2.7", RLE_LOSSLESS, &explicit("1.2.7", 64));
    let items = [plain, long, compressed];
    for syntax in [IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN] {
        let peer = ScriptedPeer::start(Behavior { accepts: vec![syntax], ..answers(0) });
        let told = deliver(&mut *session(&peer), &items);
        assert_eq!(letters(&told), "DDP");
        assert!(reason(&told[2]).contains("accepts no presentation context"), "{told:?}");
        assert!(reason(&told[2]).contains("1.2.840.10008.5.1.4.1.1.2 (CT"), "{told:?}");
        let seen = peer.seen.lock().unwrap();
        assert!(seen.arrived.iter().all(|it| it.transfer_syntax == syntax));
        let mut expected = vec![0x08, 0, 0x18, 0, 6, 0, 0, 0];
        expected.extend(b"1.2.5\0\x28\0\0\x01\x02\0\0\0\x10\0\xE0\x7F\x10\0\x40\0\0\0");
        expected.extend(0..64);
        if syntax == EXPLICIT_VR_BIG_ENDIAN {
            expected = b"\0\x08\0\x18UI\0\x061.2.5\0\0\x28\x01\0US\0\x02\0\x10".to_vec();
            expected.extend(b"\x7F\xE0\0\x10OW\0\0\0\0\0\x40");
            expected.extend((0..32).flat_map(|pair| [2 * pair + 1, 2 * pair]));
        }
        assert_eq!(seen.arrived[0].data_set, expected);
        assert_eq!(seen.arrived[1].data_set.len(), expected.len() + 3_000_000 - 64);
    }
}

#[test]
fn more_than_128_contexts_take_several_associations() {
    let folder = Folder::new();
    let items: Vec<Item> = (0..200)
        .map(|number| {
            let class = format!("1.2.840.10008.5.1.4.1.1.{number}");
            let instance = format!("1.2.3.{number}");
            let syntax = if number % 2 == 0 { RLE_LOSSLESS } else { EXPLICIT_VR_LITTLE_ENDIAN };
            folder.item(&class, &instance, syntax, &explicit(&instance, 10))
        })
        .collect();
    let peer = ScriptedPeer::start(answers(0));
    assert_eq!(letters(&deliver(&mut *session(&peer), &items)), "D".repeat(200));
    let seen = peer.seen.lock().unwrap();
    assert_eq!(seen.arrived.len(), 200);
    assert!((2..=4).contains(&seen.proposed.len()), "{}", seen.proposed.len());
    assert!(seen.proposed.iter().all(|contexts| contexts.len() <= 128));
    assert_eq!(seen.released, seen.proposed.len());
}

#[test]
fn an_object_with_other_needs_opens_an_association_for_all_of_them() {
    let folder = Folder::new();
    let peer = ScriptedPeer::start(answers(0));
    let mut session = session(&peer);
    for class in ["1.2.1", "1.2.2", "1.2.1", "1.2.2"] {
        let item = folder.item(class, "1.2.3", RLE_LOSSLESS, b"\x08\0\x18\0UI\0\0");
        assert_eq!(letters(&deliver(&mut *session, &[item])), "D");
    }
    let seen = peer.seen.lock().unwrap();
    let contexts: Vec<usize> = seen.proposed.iter().map(Vec::len).collect();
    assert_eq!(contexts, [1, 2]);
}

#[test]
fn what_was_refused_is_asked_for_again_once_in_each_lot() {
    let folder = Folder::new();
    let behavior = Behavior { accepts: vec![EXPLICIT_VR_LITTLE_ENDIAN], ..answers(0) };
    let peer = ScriptedPeer::start(behavior);
    let mut session = session(&peer);
    let compressed =
        |number| folder.item(CT, &format!("1.2.7.{number}"), RLE_LOSSLESS, b"\x08\0\x18\0UI\0\0");
    let items = [compressed(1), compressed(2), folder.images(1).remove(0), compressed(3)];
    assert_eq!(letters(&deliver(&mut *session, &items)), "PPDP");
    assert_eq!(peer.seen.lock().unwrap().proposed.len(), 1);
    assert_eq!(letters(&deliver(&mut *session, &items)), "PPDP");
    assert_eq!(peer.seen.lock().unwrap().proposed.len(), 2);
}

#[test]
fn a_file_that_is_gone_changed_or_damaged_is_parked_and_the_others_go_on() {
    let folder = Folder::new();
    let mut items = folder.images(7);
    fs::remove_file(items[0].path.as_ref().unwrap()).unwrap();
    let path = |at: usize| items[at].path.clone().unwrap();
    let bytes = fs::read(path(1)).unwrap();
    fs::write(path(1), &bytes[..bytes.len() - 1]).unwrap();
    fs::write(path(2), vec![0; bytes.len()]).unwrap();
    fs::copy(path(4), path(3)).unwrap();
    items[5].missing = true;
    let peer = ScriptedPeer::start(answers(0));
    let told = deliver(&mut *session(&peer), &items);
    assert_eq!(letters(&told), "PPPPDPD");
    for (at, expected) in [
        (0, "cannot read the file"),
        (1, "it has"),
        (2, "begins neither with"),
        (3, "another object"),
        (5, "gone"),
    ] {
        assert!(reason(&told[at]).contains(expected), "{}", reason(&told[at]));
    }
    let seen = peer.seen.lock().unwrap();
    assert_eq!((seen.proposed.len(), seen.arrived.len()), (1, 2));
}

#[test]
fn what_came_is_sent_if_another_file_of_it_is_kept_in_its_place() {
    let folder = Folder::new();
    let mut items = folder.images(2);
    for (item, kept) in items.iter_mut().zip([true, false]) {
        let object = &mut item.delivery.instance.as_mut().unwrap().object;
        (object.size, object.kept) = (object.size + 2, kept);
    }
    let peer = ScriptedPeer::start(answers(0));
    assert_eq!(letters(&deliver(&mut *session(&peer), &items)), "DP");
}

#[test]
fn a_damaged_data_set_is_parked_only_if_it_has_to_be_encoded_anew() {
    let folder = Folder::new();
    let mut data = explicit("1.2.5", 64);
    data.truncate(data.len() - 10);
    let items = [folder.item(CT, "1.2.5", EXPLICIT_VR_LITTLE_ENDIAN, &data)];
    let behavior = Behavior { accepts: vec![IMPLICIT_VR_LITTLE_ENDIAN], ..answers(0) };
    let told = deliver(&mut *session(&ScriptedPeer::start(behavior)), &items);
    assert_eq!(letters(&told), "P");
    assert!(reason(&told[0]).contains("cannot encode the data set in"), "{told:?}");
    assert_eq!(letters(&deliver(&mut *session(&ScriptedPeer::start(answers(0))), &items)), "D");
}

#[test]
fn a_file_without_a_head_is_sent_as_the_catalogue_says() {
    let folder = Folder::new();
    let data = explicit("1.2.5", 64);
    let path = folder.0.join("raw");
    fs::write(&path, &data).unwrap();
    let size = data.len() as u64;
    let items = [item(&path, CT, "1.2.5", EXPLICIT_VR_LITTLE_ENDIAN, size)];
    let peer = ScriptedPeer::start(answers(0));
    assert_eq!(letters(&deliver(&mut *session(&peer), &items)), "D");
    assert_eq!(peer.seen.lock().unwrap().arrived[0].data_set, data);
}
