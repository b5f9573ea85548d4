use super::*;
use crate::limits::{FILTER_ATTRIBUTES, FILTER_BYTES, FILTER_DEPTH};
use dataset::Tag;
use proptest::prelude::*;

const KNOWN: Known<'_> = Known {
    calling_ae_title: "CT1",
    called_ae_title: "ARCHIVE",
    sop_class_uid: "1.2.840.10008.5.1.4.1.1.2",
    transfer_syntax_uid: "1.2.840.10008.1.2.1",
    rule: Some("ct"),
};

/// An object of one slice.
fn values(name: &AttributeName) -> Vec<String> {
    let texts: &[&str] = match name {
        AttributeName::Public(Tag(0x0008, 0x0008)) => &["ORIGINAL", "PRIMARY", "AXIAL"],
        AttributeName::Public(Tag(0x0008, 0x0020)) => &["20240131"],
        AttributeName::Public(Tag(0x0008, 0x0060)) => &["CT"],
        AttributeName::Public(Tag(0x0008, 0x1030)) => &["Schädel nativ 100% \\"],
        AttributeName::Public(Tag(0x0010, 0x0010)) => &["O'Neill^Ann"],
        AttributeName::Public(Tag(0x0018, 0x0050)) => &["1.250"],
        AttributeName::Public(Tag(0x0020, 0x0013)) => &["7"],
        AttributeName::Public(Tag(0x0028, 0x0030)) => &["0.5", "0.75"],
        AttributeName::Public(Tag(0x0008, 0x0050)) => &[""],
        AttributeName::Private { group: 0x0029, creator, element: 8 } if **creator == *"ACME" => {
            &["10"]
        }
        _ => &[],
    };
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn matches(text: &str) -> bool {
    let filter = Filter::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
    assert_eq!(filter.to_string(), text);
    filter.matches(&KNOWN, &values)
}

#[test]
fn what_holds_of_an_object() {
    for text in [
        "Modality = 'CT'",
        "Modality in ['MR', 'CT'] and not StudyDescription like '%LOCALIZER%'",
        "Modality not in ['MR'] AND StudyDescription Not Like 'x%'",
        "Modality != \"MR\"",
        "(0008,0060) = 'CT'",
        "( 0008 , 0060 ) = 'CT'",
        "(0029,'ACME',08) > 9",
        "(0029, \"ACME\" , 08) = '10'",
        "StudyDate >= '20240101' and StudyDate < 20240201",
        "InstanceNumber = 7.0 and InstanceNumber = '07' and InstanceNumber > -1",
        "SliceThickness = 1.25 and SliceThickness <= 1.25",
        "PixelSpacing < 0.6 and PixelSpacing > 0.6",
        "ImageType = 'AXIAL' and not ImageType = 'DERIVED'",
        "ImageType != 'DERIVED' and not ImageType != 'AXIAL'",
        "StudyDescription like 'schÄdel%'",
        "StudyDescription like '%100\\% \\\\'",
        "StudyDescription like '_ch_del%nativ%'",
        "PatientName = 'O''Neill^Ann' and PatientName = \"O'Neill^Ann\"",
        "exists Modality and not exists PatientID and not exists AccessionNumber",
        "CallingAETitle like 'ct_' and CalledAETitle = 'ARCHIVE' and Rule = 'ct'",
        "SOPClassUID = 'CTImageStorage' and SOPClassUID = '1.2.840.10008.5.1.4.1.1.2'",
        "(0008,0016) in ['CTImageStorage']",
        "TransferSyntaxUID in ['ExplicitVRLittleEndian']",
        "Modality = 'MR' and Modality = 'MR' or Modality = 'CT'",
        "not (Modality = 'MR' or Modality = 'US')",
        "not not Modality = 'CT'",
    ] {
        assert!(matches(text), "{text}");
    }
}

#[test]
fn what_does_not_hold() {
    for text in [
        "Modality = 'ct'",
        "Modality = 'CT' and (Modality = 'MR' or Modality = 'US')",
        // Without a value no comparison holds.
        "PatientID = 'X'",
        "PatientID != 'X'",
        "PatientID like '%'",
        "PatientID < 'X' or PatientID >= 'X'",
        "AccessionNumber != 'X'",
        "InstanceNumber > 7",
        "InstanceNumber like '_7'",
        "StudyDescription like 'nativ'",
        "(0029,'OTHER',08) > 0",
        "(0029,'ACME',09) > 0",
        "Rule = 'mr'",
    ] {
        assert!(!matches(text), "{text}");
    }
    let nobody = Filter::parse("exists Rule").unwrap();
    assert!(!nobody.matches(&Known { rule: None, ..KNOWN }, &values));
}

#[test]
fn a_private_number_is_compared_as_what_it_is() {
    let text = |_: &AttributeName| vec!["A10".to_owned()];
    let holds = |filter: &str| Filter::parse(filter).unwrap().matches(&KNOWN, &text);
    assert!(holds("(0029,'ACME',08) > 9"), "as text");
    assert!(matches("(0029,'ACME',08) > 9") && !matches("(0029,'ACME',08) > '9'"));
}

#[test]
fn whole_numbers_are_compared_exactly() {
    let large = |_: &AttributeName| vec!["9007199254740993".to_owned()];
    let holds = |filter: &str| Filter::parse(filter).unwrap().matches(&KNOWN, &large);
    assert!(holds("InstanceNumber = 9007199254740993"));
    assert!(holds("InstanceNumber != 9007199254740992"));
    let odd = |_: &AttributeName| vec!["nan".to_owned(), "seven".to_owned()];
    let holds = |filter: &str| Filter::parse(filter).unwrap().matches(&KNOWN, &odd);
    assert!(!holds("InstanceNumber < 1 or InstanceNumber >= 1") && holds("InstanceNumber != 1"));
}

#[test]
fn attributes_are_named_once_and_those_of_the_association_not() {
    let filter = "(Modality = 'CT' or not Modality like 'x') and exists (0029,'ACME',08) and Rule = 'x' and \
                  SOPClassUID = '1.2'";
    let names = Filter::parse(filter).unwrap().attributes();
    let private = AttributeName::Private { group: 0x0029, creator: "ACME".into(), element: 8 };
    assert_eq!(names, [AttributeName::Public(Tag(0x0008, 0x0060)), private]);
}

#[test]
fn faults_say_where_and_what() {
    for (text, offset, told) in [
        ("", 0, "expected an attribute such as Modality or (0008,0060), exists, not or ("),
        ("Modality", 8, "expected =, !=, <, <=, >, >=, in or like"),
        ("Modality = MR", 11, "expected a text in quotes or a number: 'MR'"),
        ("Modality == 'MR'", 9, "== is not of this language: write ="),
        ("Modality <> 'MR'", 9, "<> is not of this language: write !="),
        ("Modality = 'MR' && 1", 16, "&& is not of this language: write and"),
        ("Modality = 'MR", 11, "the text has no end: ' is missing"),
        ("Modality = ''", 11, "no value is empty: write not exists, with the attribute"),
        ("Modality in 'MR'", 12, "expected a list, such as ['CT', 'MR']"),
        ("Modality in ['MR' 'CT']", 18, "expected , or ]"),
        ("Modality in []", 13, "expected a text in quotes, or a number"),
        ("Modality like MR", 14, "expected a text in quotes, such as '%LOCALIZER%'"),
        ("Modality not = 'MR'", 13, "expected in or like"),
        ("(Modality = 'MR'", 16, "expected ), and or or"),
        ("Modality = 'MR')", 15, "expected and, or or the end"),
        ("Modalty = 'MR'", 0, "no attribute has the keyword Modalty; did you mean Modality?"),
        (
            "callingaetitle = 'X'",
            0,
            "no attribute has the keyword callingaetitle; did you mean CallingAETitle?",
        ),
        ("ä = 'ü' or Modalität = 'x'", 0, "no attribute has the keyword ä: expected one of PS3.6"),
        (
            "InstanceNumber = 'first'",
            17,
            "expected a number: the values of this attribute are numbers",
        ),
        ("InstanceNumber = 5x", 17, "5x is no number; a text needs quotes: '5x'"),
        (
            "ReferencedImageSequence = 'x'",
            0,
            "ReferencedImageSequence is a sequence, which has no value",
        ),
        ("PixelData = 'x'", 0, "PixelData is binary data, which cannot be compared"),
        (
            "(0029,1008) = 1",
            0,
            "(0029,1008) is private, and has no meaning without its creator: (0029,'CREATOR',08)",
        ),
        ("(0028,'ACME',08) = 1", 0, "the group 0028 is not private: only odd ones are"),
        (
            "(0010,002) = 1",
            0,
            "expected a tag of hexadecimal digits such as (0010,0020), or a private one",
        ),
        ("(0002,0010) = '1'", 0, "(0002,0010) is in no data set"),
        ("Modality = 'MR' and ?", 20, "? has no meaning here"),
    ] {
        let fault = Filter::parse(text).unwrap_err();
        assert_eq!(fault.offset, offset, "{text}: {}", fault.message);
        assert!(fault.message.starts_with(told), "{text}: {}", fault.message);
    }
}

#[test]
fn length_depth_and_attributes_are_bounded() {
    let deep = |depth: usize| format!("{}Modality = 'CT'{}", "(".repeat(depth), ")".repeat(depth));
    assert!(matches(&deep(FILTER_DEPTH)));
    let fault = Filter::parse(&deep(FILTER_DEPTH + 1)).unwrap_err();
    assert_eq!(
        (fault.offset, fault.message.as_str()),
        (FILTER_DEPTH, "brackets and not are at most 32 deep")
    );
    assert!(Filter::parse(&"not ".repeat(1000)).is_err());
    // Without brackets nothing is deep.
    let long = "Modality='CT' or ".repeat(200);
    assert!(matches(&format!("{long}Modality='CT'")));
    let fault = Filter::parse(&"(".repeat(1_000_000)).unwrap_err();
    assert_eq!(fault.offset, FILTER_BYTES);
    let many: Vec<String> =
        (1..=FILTER_ATTRIBUTES + 1).map(|it| format!("exists (0010,F0{it:02X})")).collect();
    assert!(
        Filter::parse(&many.join(" or ")).unwrap_err().message.contains("at most 16 attributes")
    );
    assert!(Filter::parse(&many[1..].join(" or ")).is_ok());
}

/// What `like` means, without any cleverness.
fn like(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|taken| like(rest, &text[taken..])),
        ['_', rest @ ..] => !text.is_empty() && like(rest, &text[1..]),
        [letter, rest @ ..] => text.first() == Some(letter) && like(rest, &text[1..]),
    }
}

/// A condition as text, and whether it holds of an object whose Modality is `CT` and InstanceNumber 7.
fn conditions() -> impl Strategy<Value = (String, bool)> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["CT", "MR", "US"])
            .prop_map(|text| (format!("Modality = '{text}'"), text == "CT")),
        (0..15_i32).prop_map(|number| (format!("InstanceNumber <{number}"), 7 < number)),
        (0..15_i32).prop_map(|number| (format!("InstanceNumber>= {number}"), 7 >= number)),
        prop::collection::vec(prop::sample::select(vec!["CT", "MR", "US"]), 1..4).prop_map(
            |list| (format!("Modality in ['{}']", list.join("','")), list.contains(&"CT"))
        ),
        Just(("exists PatientID".to_owned(), false)),
    ];
    leaf.prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|all| {
                let texts: Vec<String> = all.iter().map(|(text, _)| format!("({text})")).collect();
                (texts.join(" and "), all.iter().all(|it| it.1))
            }),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|all| {
                let texts: Vec<String> = all.iter().map(|(text, _)| format!("({text})")).collect();
                (texts.join(" OR "), all.iter().any(|it| it.1))
            }),
            inner.prop_map(|(text, holds)| (format!("not ({text})"), !holds)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 200 } else { 5000 }))]

    #[test]
    fn conditions_hold_as_their_parts_do((text, holds) in conditions()) {
        if text.len() <= FILTER_BYTES {
            prop_assert_eq!(matches(&text), holds, "{}", text);
        }
    }

    #[test]
    fn patterns_match_as_they_say(pattern in "[ab%_]{0,8}", text in "[ab]{0,10}") {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        let expected = like(&letters(&pattern), &letters(&text));
        prop_assert_eq!(condition::Pattern::new(&pattern).matches(&text), expected);
    }

    #[test]
    fn any_text_is_a_filter_or_a_fault_at_a_character(text in "\\PC{0,60}|([a-z ]|'|\\(|\\)|=|Modality|0008,0060|not |in |\\[|\\]){0,30}") {
        match Filter::parse(&text) {
            Ok(filter) => {
                let again = Filter::parse(&filter.to_string()).unwrap();
                prop_assert_eq!(again.matches(&KNOWN, &values), filter.matches(&KNOWN, &values));
            }
            Err(fault) => {
                prop_assert!(text.is_char_boundary(fault.offset), "{:?}", fault);
                prop_assert!(fault.message.len() > 5);
            }
        }
    }

    #[test]
    fn any_text_can_be_compared_with(value in "\\PC{1,40}") {
        let filter = format!("PatientID = '{}'", value.replace('\'', "''"));
        let one = |_: &AttributeName| vec![value.clone()];
        let filter = Filter::parse(&filter).unwrap();
        prop_assert!(filter.matches(&KNOWN, &one));
        let longer = |_: &AttributeName| vec![value.clone() + "x"];
        prop_assert!(!filter.matches(&KNOWN, &longer));
    }
}
