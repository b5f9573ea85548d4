use super::*;

const TEXT: &str = "[[TransferSyntaxes]]
[Some]
TransferSyntax1 = LocalEndianExplicit
TransferSyntax2 = =JPEGBaseline
TransferSyntax3 = ImplicitVRLittleEndian
TransferSyntax4 = 1.2.3.4
[[PresentationContexts]]
[Those]
PresentationContext1 = VerificationSOPClass\\Some
PresentationContext2 = CTImageStorage \\ some
PresentationContext3 = 1.2.840.10008.5.1.4.1.1.4\\Some
[[SCPSCURoleSelection]]
[Roles]
Role1 = CTImageStorage\\Both
[[ExtendedNegotiation]]
[Extended]
ExtendedNegotiation1 = MRImageStorage\\02:00:ff
ExtendedNegotiation2 = CTImageStorage\\02AB
[[Profiles]]
[Default]
PresentationContexts = Those
[All Lists]
PresentationContexts = those
SCPSCURoleSelection = roles
ExtendedNegotiation = extended
";

fn read(text: &str, name: &str) -> Result<Profile, Fault> {
    Profile::parse(text, name)
}

/// What is wrong with the text once `line` stands where the line that begins with `start` was.
fn fault(start: &str, line: &str) -> String {
    let replaced: Vec<&str> =
        TEXT.lines().map(|old| if old.starts_with(start) { line } else { old }).collect();
    assert_ne!(replaced, TEXT.lines().collect::<Vec<_>>(), "no line begins with {start}");
    read(&replaced.join("\n"), "Default").unwrap_err().in_file(Path::new("x.cfg")).to_string()
}

#[test]
fn a_profile_says_what_is_accepted() {
    let profile = read(TEXT, "all lists").unwrap();
    assert!(profile.warnings.is_empty());
    let uids: Vec<&str> = profile.classes.iter().map(|(uid, _)| uid.as_str()).collect();
    let expected = ["1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"];
    assert_eq!(uids, expected);
    for (_, policy) in &profile.classes {
        let syntaxes: Vec<&str> = policy.transfer_syntaxes.iter().map(|it| it.uid()).collect();
        let local =
            if cfg!(target_endian = "big") { "1.2.840.10008.1.2.2" } else { "1.2.840.10008.1.2.1" };
        assert_eq!(syntaxes, [local, "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2", "1.2.3.4"]);
    }
    let roles: Vec<Roles> = profile.classes.iter().map(|(_, policy)| policy.roles).collect();
    assert_eq!(roles, [Roles::Scu, Roles::Both, Roles::Scu]);
    let extended: Vec<Option<&[u8]>> =
        profile.classes.iter().map(|(_, policy)| policy.extended_negotiation.as_deref()).collect();
    assert_eq!(extended, [None, Some(&[2, 0xab][..]), Some(&[2, 0, 0xff][..])]);

    let plain = read(TEXT, "DEFAULT").unwrap();
    assert!(plain.classes.iter().all(|(_, it)| it.extended_negotiation.is_none()));
}

#[test]
fn every_fault_is_told_with_its_place() {
    for (start, line, expected) in [
        ("[[TransferS", "[[T]]", "cannot find section [[TRANSFERSYNTAXES]] in config file (x.cfg)"),
        (
            "[[Presentation",
            "[[P]]",
            "cannot find section [[PRESENTATIONCONTEXTS]] in config file (x.cfg)",
        ),
        ("[[Profiles", "[[P]]", "cannot find section [[PROFILES]] in config file (x.cfg)"),
        ("[Some", "[Some", "syntax error: name of section without ']' (x.cfg, line 2)"),
        (
            "TransferSyntax2",
            "TransferSyntax2 = jpeg",
            "not a valid transfer syntax UID: jpeg (x.cfg, line 4)",
        ),
        (
            "TransferSyntax2",
            "TransferSyntax2 =",
            "not a valid transfer syntax UID:  (x.cfg, line 4)",
        ),
        (
            "TransferSyntax1",
            "TransferSyntax0 = JPEGBaseline",
            "transfer syntax key undefined: SOME (x.cfg, line 2)",
        ),
        (
            "PresentationContext2",
            "PresentationContext2 = CT\\Some",
            "not a valid abstract syntax UID: CT (x.cfg, line 10)",
        ),
        (
            "PresentationContext2",
            "PresentationContext2 = CTImageStorage",
            "syntax error: missing '\\' in entry PRESENTATIONCONTEXT2 in config file (x.cfg, line 10)",
        ),
        (
            "PresentationContext2",
            "PresentationContext2 = CTImageStorage\\x y",
            "transfer syntax key undefined: XY (x.cfg, line 10)",
        ),
        (
            "Role1",
            "Role1 = CTImageStorage\\NONE",
            "syntax error: unknown role key in entry ROLE1 in config file (x.cfg, line 14)",
        ),
        (
            "ExtendedNegotiation1",
            "ExtendedNegotiation1 = MRImageStorage\\2",
            "parse error in extended negotiation data in entry EXTENDEDNEGOTIATION1 in config file (x.cfg, line 17)",
        ),
        (
            "ExtendedNegotiation1",
            "ExtendedNegotiation1 = MRImageStorage\\+1",
            "parse error in extended negotiation data in entry EXTENDEDNEGOTIATION1 in config file (x.cfg, line 17)",
        ),
        (
            "ExtendedNegotiation1",
            "ExtendedNegotiation1 = CTImageStorage\\02",
            "extended negotiation defined twice for abstract syntax UID: CTImageStorage (x.cfg, line 18)",
        ),
        (
            "Role1",
            "Role1 = NuclearMedicineImageStorage\\SCU",
            "abstract syntax defined in role selection list 'ROLES' but not in presentation context list 'THOSE': 1.2.840.10008.5.1.4.1.1.20 (x.cfg, line 24)",
        ),
        (
            "PresentationContexts = those",
            "PresentationContexts = these",
            "presentation context key undefined: THESE (x.cfg, line 23)",
        ),
        (
            "PresentationContexts = those",
            "#",
            "no PRESENTATIONCONTEXTS  entry in section ALLLISTS in config file (x.cfg, line 22)",
        ),
        (
            "SCPSCURoleSelection = roles",
            "SCPSCURoleSelection = none",
            "role selection key undefined: NONE (x.cfg, line 24)",
        ),
        (
            "ExtendedNegotiation = ext",
            "ExtendedNegotiation = none",
            "extended negotiation key undefined: NONE (x.cfg, line 25)",
        ),
    ] {
        assert_eq!(fault(start, line), format!("cannot read config file: {expected}"));
    }
    let unknown = "unknown configuration profile name: DEFAULT (x.cfg)";
    assert_eq!(fault("[Default]", "[Other]"), unknown);
    let twice = "profile 'DEFAULT' is not valid for SCP use, duplicate abstract syntaxes found: \
                 CTImageStorage (x.cfg, line 11)";
    let doubled = TEXT.replace("ExtendedNegotiation1 = MR", "ExtendedNegotiation3 = MR");
    let doubled = doubled.replace("ExtendedNegotiation2", "ExtendedNegotiation1");
    let doubled = doubled.replace("1.2.840.10008.5.1.4.1.1.4", "CTImageStorage");
    let fault = read(&doubled, "Default").unwrap_err().in_file(Path::new("x.cfg"));
    assert_eq!(fault.to_string(), twice);
    let endless = Profile::read(Path::new("/dev/zero"), "Default").unwrap_err();
    assert!(
        matches!(&endless, Fault::Unreadable(_, why) if why.kind() == std::io::ErrorKind::FileTooLarge)
    );
    let missing = Profile::read(Path::new("no such.cfg"), "Default").unwrap_err().to_string();
    assert_eq!(missing, "cannot read config file: unable to open configuration file: no such.cfg");
}

#[test]
fn a_gap_in_the_numbers_is_warned_of() {
    let text = TEXT.replace("TransferSyntax2", "TransferSyntax5");
    let profile = read(&text, "Default").unwrap();
    assert_eq!(profile.classes[0].1.transfer_syntaxes.len(), 1);
    let gap = "has no effect: TRANSFERSYNTAX2 is missing";
    let expected = [(4, 5), (5, 3), (6, 4)]
        .map(|(line, number)| format!("line {line}: TRANSFERSYNTAX{number} {gap}"));
    assert_eq!(profile.warnings, expected);
}

#[test]
fn the_example_of_the_manual_is_a_profile() {
    let manual = include_str!("../../../../../docs/operations.md");
    let (_, text) = manual.split_once("```ini\n").expect("an example");
    let (text, _) = text.split_once("```").expect("its end");
    let profile = read(text, "default").unwrap();
    assert_eq!((profile.classes.len(), profile.warnings.len()), (2, 0));
    assert_eq!(profile.classes[1].1.roles, Roles::Both);
    assert_eq!(profile.classes[1].1.extended_negotiation.as_deref(), Some(&[2, 0, 1][..]));
}

#[test]
fn application_information_is_bounded() {
    let most = EXTENDED_NEGOTIATION_BYTES;
    assert_eq!(hexadecimal(&"ab".repeat(most)).unwrap().len(), most);
    assert_eq!(hexadecimal(&"ab".repeat(most + 1)), None);
    for wrong in ["", "0", "012", "0g", "01:", ":01", "01 02", "é0"] {
        assert_eq!(hexadecimal(wrong), None, "{wrong}");
    }
}
