use super::*;
use crate::storage::doubles::Scratch;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `host.example.org` (192.0.2.1), `workstation` (192.0.2.2), one whose name is not its own
/// (192.0.2.3), and everybody else without names.
fn name_of(address: IpAddr) -> HostName {
    match address.to_string().as_str() {
        "192.0.2.1" => HostName::Known("Host.Example.org".into()),
        "192.0.2.2" => HostName::Known("workstation".into()),
        "192.0.2.3" => HostName::Paranoid,
        _ => HostName::Unknown,
    }
}

fn client(peer: &str) -> Client {
    let pattern_file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let world = World { look_up: name_of, pattern_file };
    Client::with(peer.parse().unwrap(), "10.9.9.9:104".parse().unwrap(), world)
}

fn admitted(allow: &str, deny: &str, peer: &str) -> bool {
    decide(allow, deny, peer).unwrap_or(false)
}

fn decide(allow: &str, deny: &str, peer: &str) -> Result<bool, Fault> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let scratch = Scratch::new(&format!("host-access-{number}"));
    let write = |name: &str, text: &str| {
        let path = scratch.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let access = HostAccess { allow: write("allow", allow), deny: write("deny", deny) };
    access.admits(&client(peer))
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
    let access = HostAccess { allow: nowhere.into(), deny: nowhere.into() };
    assert!(access.admits(&client("10.0.0.1")).unwrap());
}

#[test]
fn a_file_that_cannot_be_read_lets_nobody_in() {
    let access = HostAccess { allow: "/".into(), deny: "/nonexistent".into() };
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
    for services in ["sshd", "105", "storescp@10.0.", "ALL EXCEPT storescp", "storescpd", ""] {
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
        ("10.0.0.1/8", "10.0.0.1", false),
        ("10.0.0.1/255.255.255.255", "10.0.0.1", false),
        ("10.0.0.0/0", "10.0.0.1", false),
        ("10.0.0.0/33", "10.0.0.1", false),
        ("10.0.0.0/x", "10.0.0.1", false),
        ("[::1]", "::1", true),
        ("[::1]/128", "::1", true),
        ("[3ffe:505:2:1::]/64", "3ffe:505:2:1:ffff::1", true),
        ("[3ffe:505:2:1::]/64", "3ffe:505:2:2::1", false),
        ("[::]/0", "fe80::1", true),
        ("[::]/0", "10.0.0.1", false),
        ("10.0.0.1", "::ffff:10.0.0.1", true),
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
fn users_are_unknown() {
    for (clients, expected) in [
        ("ALL@ALL", true),
        ("UNKNOWN@10.", true),
        ("KNOWN@ALL", false),
        ("joe@ALL", false),
        ("ALL@11.", false),
    ] {
        assert_eq!(listed(clients, "10.0.0.1"), expected, "{clients}");
    }
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
    let numbers: Vec<usize> = rule::lines(allow).iter().map(|(line, _)| *line).collect();
    assert_eq!(numbers, [3, 4]);
}

#[test]
fn patterns_may_come_from_a_file() {
    let scratch = Scratch::new("host-access-list");
    let list = scratch.0.join("list");
    std::fs::write(&list, format!("10.0.0.1\n10.0.1.\n{}\n", list.display())).unwrap();
    let clients = list.to_str().unwrap();
    assert!(listed(clients, "10.0.0.1") && listed(clients, "10.0.1.7"));
    // It names itself, and comes to an end all the same.
    assert!(!listed(clients, "10.0.0.2") && !listed("/nonexistent", "10.0.0.1"));
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
    let fault = decide("", "storescp: @trusted\n", "10.0.0.1").unwrap_err().to_string();
    assert!(fault.ends_with("deny: line 1: netgroup '@trusted' is not supported here"), "{fault}");
    assert!(admitted("storescp: 10.0.0.1 @trusted\n", "", "10.0.0.1"), "not needed");
}

#[test]
fn a_hostile_pattern_takes_no_time() {
    let text = "a".repeat(5000);
    assert!(!pattern::is_text(&"*a".repeat(2000).replace("aa", "a"), &(text.clone() + "b")));
    assert!(pattern::is_text(&"*a".repeat(2000), &text));
}
