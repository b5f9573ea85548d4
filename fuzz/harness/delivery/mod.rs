//! Any text as a filter, and any values of the attributes in it.
//!
//! The input is split at bytes 1E: the filter, then one value for each of its attributes, with backslashes between
//! several. Checked: there is no panic; a fault is at a character of the filter and says something; a filter is the same
//! when it is read again; it asks for no attribute but those that it names; `not` turns it round; and without values
//! nothing but `not` holds.

use dataset::AttributeName;
use delivery::limits::{FILTER_ATTRIBUTES, FILTER_BYTES};
use delivery::{Filter, Known};

const KNOWN: Known<'_> = Known {
    calling_ae_title: "CT1",
    called_ae_title: "ARCHIVE",
    sop_class_uid: "1.2.840.10008.5.1.4.1.1.2",
    transfer_syntax_uid: "1.2.840.10008.1.2.1",
    rule: Some("ct"),
};

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut parts = data.split(|&byte| byte == 0x1E);
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let filter = match Filter::parse(&text) {
        Ok(filter) => filter,
        Err(fault) => {
            assert!(text.is_char_boundary(fault.offset), "{text:?}: {fault:?}");
            assert!(fault.message.len() > 5, "{fault:?}");
            return;
        }
    };
    assert!(text.len() <= FILTER_BYTES);
    let names = filter.attributes();
    assert!(names.len() <= FILTER_ATTRIBUTES);
    let texts: Vec<String> = parts.map(|it| String::from_utf8_lossy(it).into_owned()).collect();
    let values = |name: &AttributeName| {
        let index = names.iter().position(|it| it == name).expect("an attribute of the filter");
        let text = texts.get(index).map_or("", String::as_str);
        text.split('\\').map(str::to_owned).collect()
    };
    let holds = filter.matches(&KNOWN, &values);
    let again = Filter::parse(&filter.to_string()).expect("the same filter");
    assert_eq!(again.matches(&KNOWN, &values), holds, "{text:?}");
    if let Ok(turned) = Filter::parse(&format!("not ({text})")) {
        assert_ne!(turned.matches(&KNOWN, &values), holds, "{text:?}");
    }
    let is_plain = !text.to_ascii_lowercase().contains("not");
    if is_plain {
        assert!(!filter.matches(&Known::default(), &|_| Vec::new()), "{text:?}");
    }
}
