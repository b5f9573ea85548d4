mod files;

use super::*;
use platform::testing::Scratch;
use std::net::IpAddr;

/// `host.example.org` (192.0.2.1), `workstation` (192.0.2.2), one whose name is not its own
/// (192.0.2.3), one whose name nobody can tell (192.0.2.5), one where nobody asks for it (192.0.2.6), and
/// everybody else without names.
fn name_of(address: IpAddr) -> HostName {
    match address.to_string().as_str() {
        "192.0.2.1" => HostName::Known("Host.Example.org".into()),
        "192.0.2.2" => HostName::Known("workstation".into()),
        "192.0.2.3" => HostName::Paranoid,
        "192.0.2.5" => HostName::CannotTell("no answer".into()),
        "192.0.2.6" => HostName::NotAsked,
        _ => HostName::Unknown,
    }
}

fn client(peer: &str) -> Client {
    let pattern_file = |path: &str| {
        file::read_settled(Path::new(path), Kind::Patterns).map_err(|error| error.to_string())
    };
    let world = World { look_up: name_of, pattern_file };
    Client::with(peer.parse().unwrap(), "10.9.9.9:104".parse().unwrap(), world)
}

const ALLOW: &str = "hosts.allow";
const DENY: &str = "hosts.deny";

fn admitted(allow: &str, deny: &str, peer: &str) -> bool {
    decide(allow, deny, peer).unwrap_or(false)
}

fn decide(allow: &str, deny: &str, peer: &str) -> Result<bool, Fault> {
    // What is read each time and what is kept come to the same.
    let decided = |content: &dyn Fn(String) -> Content| {
        let read = |path: &Path| {
            Ok(Arc::new(content(if path == ALLOW { allow } else { deny }.to_owned())))
        };
        super::decide([Path::new(ALLOW), Path::new(DENY)], &read, &client(peer))
    };
    let as_text = decided(&|text| Content::text(Kind::Rules, text));
    let indexed = decided(&|text| Content::indexed(Kind::Rules, &text).unwrap());
    let shown = |decided: &Result<bool, Fault>| format!("{decided:?}");
    assert_eq!(shown(&as_text), shown(&indexed), "{allow} {deny} {peer}");
    as_text
}

/// Whether a list of clients has the peer, by both files.
fn listed(clients: &str, peer: &str) -> bool {
    let allowed = admitted(&format!("storescp: {clients}\n"), "ALL: ALL\n", peer);
    let denied = !admitted("", &format!("storescp: {clients}\n"), peer);
    assert_eq!(allowed, denied, "{clients} {peer}");
    allowed
}

#[test]
fn allow_comes_before_deny_and_nothing_denies_nobody() {
    assert!(admitted("", "", "10.0.0.1"));
    assert!(!admitted("", "ALL: ALL\n", "10.0.0.1"));
    assert!(admitted("storescp: 10.0.0.1\n", "ALL: ALL\n", "10.0.0.1"));
    assert!(!admitted("storescp: 10.0.0.1\n", "ALL: ALL\n", "10.0.0.2"));
    assert!(admitted("", "sshd: ALL\n", "10.0.0.1"));
    let nowhere = Path::new("/nonexistent/hosts.allow");
    let access = HostAccess::of(nowhere.into(), nowhere.into());
    assert!(access.admits(&client("10.0.0.1")).unwrap());
}

#[test]
fn a_file_that_cannot_be_read_lets_nobody_in() {
    let access = HostAccess::of("/".into(), "/nonexistent".into());
    let fault = access.admits(&client("10.0.0.1")).unwrap_err();
    assert!(fault.to_string().starts_with("cannot read /: "), "{fault}");
}

#[test]
fn services_are_named_in_many_ways() {
    for services in [
        "storescp",
        "StoreSCP",
        "ALL",
        "store*",
        "sshd,storescp httpd",
        "104",
        "ALL EXCEPT sshd",
        "storescp@10.9.9.9",
        "ALL@10.9.",
        "sshd EXCEPT x storescp",
    ] {
        let expected = services != "sshd EXCEPT x storescp";
        assert_eq!(
            admitted("", &format!("{services}: ALL\n"), "10.0.0.1"),
            !expected,
            "{services}"
        );
    }
    for services in ["sshd", "105", "storescp@10.0.", "ALL EXCEPT storescp", "storescpd"] {
        assert!(admitted("", &format!("{services}: ALL\n"), "10.0.0.1"), "{services}");
    }
}

#[test]
fn addresses_and_networks() {
    for (clients, peer, expected) in [
        ("10.0.0.1", "10.0.0.1", true),
        ("10.0.0.1", "10.0.0.10", false),
        ("10.0.", "10.0.7.1", true),
        ("10.0.", "10.1.0.0", false),
        ("10.0.*", "10.0.7.1", true),
        ("10.0.0.?", "10.0.0.1", true),
        ("10.0.0.?", "10.0.0.10", false),
        ("131.155.72.0/255.255.254.0", "131.155.73.255", true),
        ("131.155.72.0/255.255.254.0", "131.155.74.0", false),
        ("10.0.0.0/8", "10.7.0.1", true),
        ("10.0.0.1/32", "10.0.0.1", true),
        ("[::1]", "::1", true),
        ("[::1]/128", "::1", true),
        ("[3ffe:505:2:1::]/64", "3ffe:505:2:1:ffff::1", true),
        ("[3ffe:505:2:1::]/64", "3ffe:505:2:2::1", false),
        ("[::]/0", "fe80::1", true),
        ("[::]/0", "10.0.0.1", false),
        ("10.0.0.1", "::ffff:10.0.0.1", true),
        ("[::ffff:10.0.0.1]", "::ffff:10.0.0.1", true),
        ("[::ffff:10.0.0.0]/104", "10.7.0.1", true),
        ("[::ffff:10.0.0.0]/104", "11.7.0.1", false),
        ("[::ffff:0:0]/96", "10.0.0.1", true),
        ("[64:ff9b::]/96", "10.0.0.1", false),
        ("10.0.0.1, 10.0.0.2,10.0.0.3", "10.0.0.3", true),
    ] {
        assert_eq!(listed(clients, peer), expected, "{clients} {peer}");
    }
}

#[test]
fn names_and_what_is_known_of_them() {
    let peers = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];
    for (clients, expected) in [
        ("ALL", [true, true, true, true]),
        ("LOCAL", [false, true, false, false]),
        ("KNOWN", [true, true, false, false]),
        ("UNKNOWN", [false, false, false, true]),
        ("PARANOID", [false, false, true, false]),
        (".example.org", [true, false, false, false]),
        (".xample.org", [false, false, false, false]),
        ("host.example.org", [true, false, false, false]),
        ("HOST*ORG", [true, false, false, false]),
        ("workstation", [false, true, false, false]),
        ("paranoi?", [false, false, false, false]),
    ] {
        assert_eq!(peers.map(|peer| listed(clients, peer)), expected, "{clients}");
    }
}

#[test]
fn exceptions_nest() {
    for (clients, expected) in [
        ("ALL EXCEPT 10.0.0.1", false),
        ("ALL except 10.0.0.1", false),
        ("ALL EXCEPT 10. EXCEPT 10.0.0.1", true),
        ("10. EXCEPT 10.1. 10.2.", true),
        ("EXCEPT 10.0.0.1", false),
    ] {
        assert_eq!(listed(clients, "10.0.0.1"), expected, "{clients}");
    }
}

#[test]
fn users_are_not_asked_for() {
    for clients in ["ALL@ALL", "UNKNOWN@10."] {
        assert!(listed(clients, "10.0.0.1"), "{clients}");
    }
    for clients in ["ALL@11.", "joe@11.", "KNOWN@192."] {
        assert!(!listed(clients, "10.0.0.1"), "{clients}");
    }
    for clients in ["KNOWN@ALL", "joe@ALL", "joe@10.", "ALL EXCEPT joe@ALL"] {
        assert_doubt(clients, "10.0.0.1", "user names are not supported");
    }
}

/// A list of clients of which nobody can tell whether the peer is in it keeps the peer out, in either
/// file, and the reason is told with file and line.
#[track_caller]
fn assert_doubt(clients: &str, peer: &str, why: &str) {
    let rule = format!("\nstorescp: {clients}\n");
    for (allow, deny, file) in
        [(&*rule, "ALL: ALL\n", ALLOW), (&rule, "", ALLOW), ("", &rule, DENY)]
    {
        let fault = decide(allow, deny, peer).map_err(|fault| fault.to_string());
        let fault = fault.expect_err(clients);
        assert!(fault.starts_with(&format!("{file}: line 2: ")), "{fault}");
        assert!(fault.contains(why), "{fault}");
    }
}

#[test]
fn what_is_no_pattern_is_in_doubt() {
    for clients in [
        "10.0.0.1/8",
        "10.0.0.1/255.255.255.255",
        "10.0.0.0/0",
        "10.0.0.0/33",
        "10.0.0.0/x",
        "10.0.0",
        "10.0.0.256",
        "010.0.0.1",
        "10.0.0.256.",
        "10.0.0.1.",
        "host.example.org.",
        "[10.0.0.1]",
        "[::1]/129",
        "[::1",
        "m\u{fffd}ller.example.org",
        "10.0.0.1\u{0}",
    ] {
        assert_doubt(clients, "10.0.0.1", "is no pattern");
    }
}

/// Behind its first colon, options would begin, and what is before it is a name.
#[test]
fn an_ipv6_address_without_brackets_is_in_doubt() {
    for clients in [
        "fe80::1",
        "fd00:1:2:3::/64",
        "2001:db8::7",
        "10. fd00::1",
        "ALL EXCEPT fd00::1",
        "fe80::1%eth0",
        "ALL@fd00::1",
        "fd00::1: allow",
        "fd00::1:allow",
    ] {
        for peer in ["fd00::1", "10.0.0.1"] {
            let allow = format!("storescp: {clients}\n");
            let fault = decide("", &allow, peer).expect_err(clients).to_string();
            assert!(fault.contains("line 1: an IPv6 address has to be in brackets"), "{fault}");
            assert!(decide(&allow, "ALL: ALL\n", peer).is_err(), "{clients}");
        }
        assert!(admitted("", &format!("sshd: {clients}\n"), "fd00::1"), "{clients}");
    }
    assert!(!admitted("", "storescp: [fd00::1]: spawn logger a::b :: c\n", "fd00::1"));
    assert!(admitted("", "storescp: [fd00::1]: spawn logger :: c\n", "fd00::2"));
}

#[test]
fn a_name_that_nobody_can_tell_keeps_out() {
    let by_name = [
        ".example.org",
        "host.example.org",
        "h*",
        "LOCAL",
        "KNOWN",
        "PARANOID",
        "ALL EXCEPT .example.org",
        "192. EXCEPT LOCAL",
        "ALL EXCEPT KNOWN",
        "ALL EXCEPT PARANOID",
    ];
    for clients in by_name.iter().chain(&["UNKNOWN", "ALL EXCEPT UNKNOWN"]) {
        assert_doubt(clients, "192.0.2.5", "192.0.2.5 cannot be looked up: no answer");
    }
    for clients in by_name {
        assert_doubt(clients, "192.0.2.6", "--disable-host-lookup");
    }
    assert!(listed("UNKNOWN", "192.0.2.6"));
    for peer in ["192.0.2.5", "192.0.2.6"] {
        // Where it makes no difference, nobody wants to know.
        for clients in ["192.0.2.*", "192.0.2.0/24", ".example.org 192.0.2.", "ALL", "LOCAL ALL"] {
            assert!(listed(clients, peer), "{clients} {peer}");
        }
        for clients in ["192.0.2.1", "10. EXCEPT .example.org", "1*.1", "ALL EXCEPT 192. LOCAL"] {
            assert!(!listed(clients, peer), "{clients} {peer}");
        }
    }
}

/// Only what is known for sure lets in, and nothing else keeps that from doing so.
#[test]
fn a_doubt_is_for_denying() {
    let doubtful = "storescp: .example.org";
    for (allow, deny, expected) in [
        (format!("{doubtful}\nstorescp: 192.\n"), "ALL: ALL\n".to_owned(), Some(true)),
        (format!("{doubtful}\nstorescp: 10.\n"), "ALL: ALL\n".to_owned(), None),
        (format!("{doubtful}: deny\nstorescp: 192.\n"), String::new(), None),
        ("storescp: 192.: deny\n".to_owned(), String::new(), Some(false)),
        ("storescp: 192.\n".to_owned(), doubtful.to_owned(), Some(true)),
        (String::new(), format!("{doubtful}: allow\n"), None),
        (String::new(), format!("{doubtful}: allow\nstorescp: 192.: allow\n"), Some(true)),
        (String::new(), format!("storescp: 192.: allow\n{doubtful}\n"), Some(true)),
        (String::new(), format!("sshd: .example.org\n{doubtful} EXCEPT 192."), Some(true)),
    ] {
        assert_eq!(decide(&allow, &deny, "192.0.2.5").ok(), expected, "{allow} / {deny}");
    }
}

#[test]
fn a_line_that_is_no_rule_is_in_doubt() {
    for line in ["nonsense", "storescp", "storescp:", ": ALL", "storescp: , ", "storescp ALL"] {
        for (allow, deny) in [(line, ""), ("", line), (line, "ALL: ALL\n")] {
            let fault = decide(allow, deny, "10.0.0.1").expect_err(line).to_string();
            assert!(fault.contains(": line 1: there is no"), "{fault}");
        }
        assert!(admitted(&format!("{line}\nALL: 10.\n"), "ALL: ALL\n", "10.0.0.1"), "{line}");
    }
    for line in ["store\u{fffd}scp: ALL", "100-200: ALL", "\u{feff}storescp: ALL"] {
        let fault = decide("", line, "10.0.0.1").expect_err(line).to_string();
        assert!(
            fault.contains("hosts.deny: line 1: ") && fault.contains("is no service"),
            "{fault}"
        );
    }
    for line in ["# storescp: ALL", "  # nothing", " \t ", "", "sshd: nonsense/8"] {
        assert!(decide(line, line, "10.0.0.1").unwrap(), "{line}");
    }
    let exceptions = format!("storescp: ALL{}\n", " EXCEPT ALL".repeat(20_000));
    let fault = decide("", &exceptions, "10.0.0.1").unwrap_err().to_string();
    assert!(fault.ends_with("more than 64 times EXCEPT"), "{fault}");
}

#[test]
fn options_decide_or_are_ignored_or_deny() {
    for (options, in_allow, in_deny) in [
        ("allow", true, true),
        ("ALLOW", true, true),
        ("deny", false, false),
        ("severity mail.info", true, false),
        ("spawn (touch /nonexistent) &", true, false),
        ("umask=022 : nice : allow", true, true),
        ("setenv A b\\:c : deny", false, false),
        ("twist /bin/echo no", false, false),
        ("aclexec true", false, false),
        ("allow : deny", false, false),
        ("deny : allow", false, false),
        ("allow foo", false, false),
        ("bogus", false, false),
        ("", false, false),
    ] {
        let rule = format!("storescp: 10.0.0.1: {options}\n");
        assert_eq!(admitted(&rule, "", "10.0.0.1"), in_allow, "{options}");
        assert_eq!(admitted("", &rule, "10.0.0.1"), in_deny, "{options}");
    }
    let fault = decide("\n\nALL: ALL: bogus\n", "", "10.0.0.1").unwrap_err().to_string();
    assert!(fault.ends_with("allow: line 3: option 'bogus' is not supported here"), "{fault}");
}

#[test]
fn lines_are_joined_commented_and_passed_over() {
    let allow = "# storescp: 10.0.0.2\n\nnonsense 10.0.0.3\nstorescp: \\\n10.0.0.1 \\\n10.0.0.4";
    for (peer, expected) in
        [("10.0.0.1", true), ("10.0.0.2", false), ("10.0.0.3", false), ("10.0.0.4", true)]
    {
        assert_eq!(admitted(allow, "ALL: ALL", peer), expected, "{peer}");
    }
    let numbers: Vec<usize> = rule::lines(allow).map(|(line, _)| line).collect();
    assert_eq!(numbers, [3, 4]);
}

#[test]
fn patterns_may_come_from_a_file() {
    let scratch = Scratch::new("host-access-list");
    let list = scratch.0.join("list");
    // Words of a comment are patterns to the TCP wrappers.
    let text = b"# f\xfcr alle am host LOCAL .org\n10.0.0.1\n10.0.1.\t10.0.2.0/24 # 10.0.3.1\n";
    std::fs::write(&list, text).unwrap();
    let clients = list.to_str().unwrap();
    for peer in ["10.0.0.1", "10.0.1.7", "10.0.2.9"] {
        assert!(listed(clients, peer), "{peer}");
        assert!(!listed(&format!("ALL EXCEPT {clients}"), peer), "{peer}");
    }
    for peer in ["10.0.0.2", "192.0.2.1", "192.0.2.2", "192.0.2.5", "192.0.2.6"] {
        assert!(!listed(clients, peer), "{peer}");
        assert!(listed(&format!("ALL EXCEPT {clients}"), peer), "{peer}");
    }
    assert_doubt(
        clients,
        "10.0.3.1",
        "list: line 3: '10.0.3.1' is in a comment, which TCP wrappers would read as a pattern",
    );
    assert!(admitted("", "storescp: /dev/null\n", "10.0.0.1"));
}

#[test]
fn a_file_of_patterns_that_cannot_be_obeyed_is_in_doubt() {
    let scratch = Scratch::new("host-access-doubt");
    let path = |name: &str| scratch.0.join(name).to_str().unwrap().to_owned();
    let write = |name: &str, text: &[u8]| {
        std::fs::write(path(name), text).unwrap();
        path(name)
    };
    let pipe = path("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    std::os::unix::fs::symlink(path("nowhere"), path("link")).unwrap();
    let itself = path("itself");
    let cases = [
        (path("missing"), "cannot read "),
        (path("link"), "cannot read "),
        (path("missing") + "/list", "cannot read "),
        (path(""), "it is not a file"),
        (pipe, "it is not a file"),
        ("/dev/zero".to_owned(), "it is longer than 1024 KiB"),
        (write("long", &vec![b'a'; 2 << 20]), "it is longer than 1024 KiB"),
        (write("itself", itself.as_bytes()), "files of patterns within one another"),
        (write("latin", b"10.1.\nm\xfcller\n"), "latin: line 2: 'm\\u{7f}ller' is no pattern"),
        (write("utf16", b"\xff\xfe1\x000\0.\0"), "is no pattern"),
        (write("except", b"10. EXCEPT 10.1."), "line 1: EXCEPT has no meaning here"),
        (
            write("deeper", format!("\n{}", path("missing")).as_bytes()),
            "deeper: line 2: cannot read ",
        ),
        (write("group", b"@trusted"), "line 1: netgroup '@trusted' is not supported here"),
    ];
    for (clients, why) in cases {
        assert_doubt(&clients, "11.0.0.1", why);
        assert_doubt(&format!("ALL EXCEPT {clients}"), "11.0.0.1", why);
        // What is surely listed beside it is listed.
        assert!(listed(&format!("{clients} 11."), "11.0.0.1"), "{clients}");
    }
}

#[test]
fn files_of_patterns_that_multiply_let_nobody_in() {
    let scratch = Scratch::new("host-access-many");
    let list = scratch.0.join("list");
    std::fs::write(&list, format!("{} ", list.display()).repeat(5000)).unwrap();
    let fault = decide(&format!("ALL: {}\n", list.display()), "", "10.0.0.1").unwrap_err();
    let expected = "allow: line 1: more than 64 files of patterns in one";
    assert!(fault.to_string().ends_with(expected), "{fault}");
}

#[test]
fn a_netgroup_lets_nobody_in() {
    assert_doubt("@trusted", "10.0.0.1", "netgroup '@trusted' is not supported here");
    assert!(admitted("storescp: 10.0.0.1 @trusted\n", "", "10.0.0.1"), "not needed");
}

#[test]
fn a_hostile_pattern_takes_no_time() {
    let text = "a".repeat(5000);
    assert!(!pattern::is_text(&"*a".repeat(2000).replace("aa", "a"), &(text.clone() + "b")));
    assert!(pattern::is_text(&"*a".repeat(2000), &text));
}
