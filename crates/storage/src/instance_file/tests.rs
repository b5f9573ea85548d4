//! What an [`InstanceFile`] holds back, and what it writes.

use super::*;
use crate::Directory;
use crate::directory::testing::{Scratch, create};

const BLOCK: usize = WRITE_BLOCK_BYTES;

fn started(scratch: &Scratch) -> InstanceFile {
    create(&Directory::open(&scratch.0, Durability::None).unwrap()).unwrap()
}

fn content(mut file: InstanceFile, scratch: &Scratch) -> Vec<u8> {
    let name = FileName::new("CT.1".to_owned()).unwrap();
    file.commit(&mut std::iter::once(name), IfExists::Replace, Durability::None).unwrap();
    scratch.content().remove("CT.1").unwrap()
}

#[test]
fn writes_end_at_whole_blocks_where_one_ends_in_them() {
    let scratch = Scratch::new("blocks");
    let mut file = started(&scratch);
    let piece = vec![7; 2 * BLOCK];
    let header = "head".len();
    for (coming, written, held) in [
        (10, header + 10, 0),
        (BLOCK + 1, BLOCK, header + 11),
        (20, BLOCK + header + 31, 0),
        (BLOCK - header - 31, 2 * BLOCK, 0),
        (2 * BLOCK, 4 * BLOCK, 0),
        (2 * BLOCK - 1, 5 * BLOCK, BLOCK - 1),
        (1, 6 * BLOCK, 0),
    ] {
        file.write(&[IoSlice::new(&piece[..coming / 2]), IoSlice::new(&piece[coming / 2..coming])])
            .unwrap();
        assert_eq!((file.written, file.held.len()), (written as u64, held), "{coming}");
    }
    file.next_write_is_last();
    file.write(&[IoSlice::new(&piece[1..])]).unwrap();
    assert_eq!((file.written, file.held.len()), (8 * BLOCK as u64 - 1, 0), "the last is not held");
    assert_eq!(content(file, &scratch)[header..], vec![7; 8 * BLOCK - 1 - header]);
}

#[test]
fn what_is_held_counts_as_written() {
    let scratch = Scratch::new("held");
    for held in [1, BLOCK / 2, BLOCK - 1] {
        let mut file = started(&scratch);
        let mut expected: Vec<u8> = (0..BLOCK - 4 + held).map(|n| (n % 251) as u8).collect();
        let whole = expected.clone();
        let write = |file: &mut InstanceFile, bytes: &[u8]| {
            file.write(&[IoSlice::new(bytes)]).unwrap();
            assert_eq!(file.held.len(), held);
        };
        write(&mut file, &whole);
        let mut read = [0; 2];
        file.read_at(expected.len() as u64 - 2, &mut read).unwrap();
        assert_eq!(read, expected[expected.len() - 2..]);

        file.truncate(0).unwrap();
        write(&mut file, &whole);
        file.patch(10, b"in front").unwrap();
        assert_eq!(file.held.len(), held, "that is written already");
        file.patch(BLOCK as u64 - 5, b"##").unwrap();
        expected[10..18].copy_from_slice(b"in front");
        expected[BLOCK - 5..BLOCK - 3].copy_from_slice(b"##");
        let mut all = vec![0; expected.len()];
        file.read_at(0, &mut all).unwrap();
        assert_eq!(all, expected);

        file.truncate(0).unwrap();
        write(&mut file, &expected);
        file.truncate(BLOCK as u64 - 3).unwrap();
        file.write(&[IoSlice::new(b"end")]).unwrap();
        expected.truncate(BLOCK - 3);
        assert_eq!(content(file, &scratch), [b"head", &expected[..], b"end"].concat());
    }
}

/// The length that [`InstanceFile::size`] reports once the file is stored, and the one on disk.
fn sizes(mut file: InstanceFile, scratch: &Scratch) -> (u64, u64) {
    let name = FileName::new("CT.1".to_owned()).unwrap();
    let before = file.size();
    file.commit(&mut std::iter::once(name), IfExists::Replace, Durability::None).unwrap();
    assert_eq!(file.size(), before, "a commit adds nothing");
    drop(file);
    (before, std::fs::metadata(scratch.0.join("CT.1")).unwrap().len())
}

#[test]
fn the_size_is_the_length_of_the_file_on_disk() {
    let scratch = Scratch::new("size");
    let storage = Directory::open(&scratch.0, Durability::None).unwrap();
    let bytes = vec![7; 3 * BLOCK];
    for header in [0, 1, 132, BLOCK] {
        for data_set in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK - 5] {
            let header = vec![1; header];
            let expected = (header.len() + data_set) as u64;
            let mut prepared = PreparedFile::default();
            let mut file = InstanceFile::create(&storage, &mut prepared, header).unwrap();
            for piece in bytes[..data_set].chunks(BLOCK / 3) {
                file.write(&[IoSlice::new(piece)]).unwrap();
            }
            assert_eq!(file.size(), expected, "while some of it may be held");
            assert_eq!(sizes(file, &scratch), (expected, expected));
        }
    }
}

/// A data set that is written, read back, and written anew in fewer or more bytes, as by deflating it.
#[test]
fn the_size_follows_a_data_set_that_is_written_anew() {
    let scratch = Scratch::new("size-anew");
    let storage = Directory::open(&scratch.0, Durability::None).unwrap();
    let bytes = vec![7; 2 * BLOCK];
    for (first, kept, second) in [
        (2 * BLOCK, 0, BLOCK / 5),
        (2 * BLOCK, 0, 2 * BLOCK),
        (10, 0, BLOCK + 10),
        (BLOCK + 10, BLOCK - 3, 8),
        (BLOCK + 10, 10, 0),
    ] {
        let mut prepared = PreparedFile::default();
        let mut file = InstanceFile::create(&storage, &mut prepared, b"head".to_vec()).unwrap();
        file.write(&[IoSlice::new(&bytes[..first])]).unwrap();
        file.patch(0, b"#").unwrap();
        let mut read = [0; 2];
        file.read_at(first as u64 - 2, &mut read).unwrap();
        assert_eq!(file.size(), 4 + first as u64, "neither adds anything");
        file.truncate(kept as u64).unwrap();
        assert_eq!(file.size(), 4 + kept as u64);
        file.write(&[IoSlice::new(&bytes[..second])]).unwrap();
        let expected = 4 + (kept + second) as u64;
        assert_eq!(sizes(file, &scratch), (expected, expected), "{first} {kept} {second}");
    }
}
