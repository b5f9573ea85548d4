//! Tests the program as it is built for users: its size, and the names of its functions. A debug build is skipped.

use std::ops::Range;
use std::path::Path;
use std::{fs, str};

use interop::{peers, skip};

#[test]
fn the_program_is_small() {
    let Some(program) = release_build() else { return };
    let len = program.len();
    assert!(len <= LARGEST_BYTES, "{len} bytes: {:#?}", sections(&program));
}

/// Debuggers, profilers and backtraces take the names of functions from the symbols.
#[test]
fn functions_have_names() {
    let Some(program) = release_build() else { return };
    let sections = sections(&program);
    let find = |name: &str| {
        let found = sections.iter().find(|section| section.name == name);
        &program[found.unwrap_or_else(|| panic!("no {name} in {sections:#?}")).range.clone()]
    };
    let (symbols, names) = (find(".symtab"), find(".strtab"));
    let functions = symbols.chunks_exact(SYMBOL_BYTES).filter(|symbol| symbol[4] & 0xF == FUNCTION);
    let names: Vec<_> = functions.map(|symbol| name_at(names, word(symbol, 0))).collect();
    for words in
        [&["receiver", "association", "serve"][..], &["dataset", "Parser"], &["SSL_accept"]]
    {
        let named = |name: &&str| words.iter().all(|word| name.contains(word));
        assert!(names.iter().any(named), "no function among {} has {words:?}", names.len());
    }
}

/// The bytes of the program under test; `None` if it was not built for users.
fn release_build() -> Option<Vec<u8>> {
    let path = peers::storescp();
    let profile = path.parent().and_then(Path::file_name);
    if profile.is_none_or(|profile| profile != "release") {
        skip("what the program is like when built for users: this is not a release build");
        return None;
    }
    let program = fs::read(path).expect("the program under test");
    if !program.starts_with(b"\x7fELF\x02\x01") {
        skip("what the program is like when built for users: not of 64-bit little endian ELF");
        return None;
    }
    Some(program)
}

#[derive(Debug)]
struct Section {
    name: String,
    range: Range<usize>,
}

/// The sections that have bytes in the file (System V ABI, chapter 4).
fn sections(program: &[u8]) -> Vec<Section> {
    let (table, entry_bytes) = (long(program, 0x28), half(program, 0x3A));
    let header = |index: usize| &program[table + index * entry_bytes..][..entry_bytes];
    let range = |header: &[u8]| long(header, 0x18)..long(header, 0x18) + long(header, 0x20);
    let names = &program[range(header(half(program, 0x3E)))];
    let headers = (0..half(program, 0x3C)).map(header);
    let with_bytes = headers.filter(|header| word(header, 4) != NOBITS && word(header, 4) != 0);
    with_bytes
        .map(|header| Section {
            name: name_at(names, word(header, 0)).to_owned(),
            range: range(header),
        })
        .collect()
}

/// The name that ends with a NUL.
fn name_at(names: &[u8], at: u32) -> &str {
    let name = names[at as usize..].split(|&byte| byte == 0).next();
    name.and_then(|name| str::from_utf8(name).ok()).expect("a name")
}

fn half(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    half(bytes, at) as u32 | (half(bytes, at + 2) as u32) << 16
}

fn long(bytes: &[u8], at: usize) -> usize {
    word(bytes, at) as usize | (word(bytes, at + 4) as usize) << 32
}

/// 26 MB: about 6 MB of these are the control plane, the settings file, audit messages and traces, and 8 MB catalogue and
/// outbox, with SQLite, the protocol of PostgreSQL and an HTTP client.
const LARGEST_BYTES: usize = 26_000_000;

/// SHT_NOBITS: a section without bytes in the file.
const NOBITS: u32 = 8;

/// The size of an Elf64_Sym.
const SYMBOL_BYTES: usize = 24;

/// STT_FUNC.
const FUNCTION: u8 = 2;
