//! Any text as a path template, and any values of the attributes in it.
//!
//! The input is split at bytes 1E: the template, then one value for each of a few attributes. Checked: there is no
//! panic; an error is at a character of the template and says something; a template that is read makes a path of as
//! many names as it has levels, whatever the values are, and each name is one that leads nowhere else, shows itself,
//! and can be had on every system; the same object has the same path.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dataset::transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN;
use dataset::{Dictionary, OutputFormat, Transcoder, Uid};
use proto::AeTitle;
use receiver::Peer;
use receiver::limits::{PATH_COMPONENT_BYTES, TEMPLATE_PATH_BYTES};
use receiver::output::{Naming, PathTemplate, RenderedPath};
use storage::FileName;

/// Tag and VR of the attributes that have values, in the order of the data set.
const ATTRIBUTES: [(u32, &str); 9] = [
    (0x0008_0005, "CS"),
    (0x0008_0020, "DA"),
    (0x0008_0060, "CS"),
    (0x0008_1030, "LO"),
    (0x0010_0010, "PN"),
    (0x0010_0020, "LO"),
    (0x0020_0011, "IS"),
    (0x0028_0010, "US"),
    (0x0029_1008, "UN"),
];

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut parts = data.split(|&byte| byte == 0x1E);
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let template = match PathTemplate::parse(&text) {
        Ok(template) => template,
        Err(error) => {
            assert!(text.is_char_boundary(error.offset), "{text:?}: {error:?}");
            assert!(error.message.len() > 5, "{error:?}");
            return;
        }
    };
    assert_eq!(template.as_str(), text);
    let values: Vec<&[u8]> = parts.collect();
    let path = rendered(&template, &values);
    assert_eq!(path, rendered(&template, &values));
    check(&template, &path);
}

/// The path of an object with these values.
pub fn rendered(template: &PathTemplate, values: &[&[u8]]) -> RenderedPath {
    let mut bytes = Vec::new();
    for (&(tag, vr), value) in ATTRIBUTES.iter().zip(values) {
        push(&mut bytes, tag, vr, value);
        if tag == 0x0028_0010 {
            push(&mut bytes, 0x0029_0010, "LO", b"ACME");
        }
    }
    let format = OutputFormat { bit_preserving: true, ..OutputFormat::default() };
    let dictionary = Arc::new(Dictionary::built_in());
    let transcoder = Transcoder::new(EXPLICIT_VR_LITTLE_ENDIAN, &format, dictionary);
    let mut transcoder = transcoder.noting(Arc::clone(template.wanted()));
    // What breaks rules is not noted.
    let _ = transcoder.push(&[IoSlice::new(&bytes)], &mut Vec::new());
    let title = |text: &[u8]| AeTitle::parse(text).expect("a title");
    let peer = Peer { calling_ae: title(b"../X"), called_ae: title(b"Y"), ..Peer::default() };
    let uid = |text: &[u8]| Uid::parse(text).expect("a UID");
    let naming = Naming {
        attributes: transcoder.attributes(),
        default_character_set: Some("ISO_IR 144"),
        sop_class: &uid(b"1.2.840.10008.5.1.4.1.1.2"),
        sop_instance: &uid(b"1.2.3"),
        peer: &peer,
        requested: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
    };
    template.render(&naming).expect("names that files may have")
}

/// Fails unless the names are safe.
pub fn check(template: &PathTemplate, path: &RenderedPath) {
    assert_eq!(path.folders.len(), template.folders());
    let files: Vec<FileName> = path.names().take(3).collect();
    assert!(files.len() == 3 && files[0] != files[1] && files[1] != files[2], "{files:?}");
    for name in path.folders.iter().chain(&files) {
        let text = name.as_str();
        assert!(text.len() <= PATH_COMPONENT_BYTES + 5, "{text}");
        assert!(!text.starts_with(['.', '-', ' ']), "{text:?}");
        assert!(!text.ends_with(['.', ' ']), "{text:?}");
        assert!(!text.chars().any(is_bad), "{text:?}");
        let stem = text.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
        assert!(!matches!(&*stem, "CON" | "PRN" | "AUX" | "NUL" | "COM1" | "LPT9"), "{text}");
    }
    let all = path.folders.iter().chain(&files[..1]).map(|name| name.as_str().len() + 1);
    assert!(all.sum::<usize>() <= TEMPLATE_PATH_BYTES + 1);
}

fn is_bad(letter: char) -> bool {
    let turns_text = matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || turns_text || "/\\:*?\"<>|".contains(letter)
}

/// An element of explicit VR little endian, cut to what its length can say.
fn push(bytes: &mut Vec<u8>, tag: u32, vr: &str, value: &[u8]) {
    let value = &value[..value.len().min(0xFFFE)];
    let length = value.len().next_multiple_of(2);
    let (group, element) = ((tag >> 16) as u16, tag as u16);
    bytes.extend(group.to_le_bytes());
    bytes.extend(element.to_le_bytes());
    bytes.extend(vr.as_bytes());
    if vr == "UN" {
        bytes.extend([0, 0]);
        bytes.extend((length as u32).to_le_bytes());
    } else {
        bytes.extend((length as u16).to_le_bytes());
    }
    bytes.extend(value);
    bytes.resize(bytes.len() + length - value.len(), b' ');
}
