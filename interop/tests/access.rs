//! Tests which peers are served, and how they are named: reverse look-ups and host access control.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use interop::wire::{Answer, Client, Request};
use interop::{Namespace, Program, Scratch, Server, both, skip};

const ALLOW: &str = "/etc/hosts.allow";
const DENY: &str = "/etc/hosts.deny";
const HOSTS: &str = "127.0.0.1 localhost\n127.0.0.2 far.example.org far\n127.0.0.3 near\n";

/// Peers with the names that [`HOSTS`] gives them, and one without a name.
const PEERS: [[u8; 4]; 5] =
    [[127, 0, 0, 1], [127, 0, 0, 2], [127, 0, 0, 3], [127, 0, 0, 4], [127, 1, 2, 3]];

/// Peers are named by host name, or by address with `--disable-host-lookup`, at DEBUG only.
#[test]
fn peers_are_named_as_by_debian() {
    let cases: [(&[&str], Option<&str>); 3] =
        [(&["-d"], Some("localhost")), (&["-d", "-dhl"], Some("127.0.0.1")), (&["-v"], None)];
    for (options, name) in cases {
        let names = both(options, |server| {
            let (client, _) = Client::associate(server.port(), &Request::usual());
            client.release();
            server.wait_for_log("I: Association Release");
            let log = server.stderr();
            let line = log.lines().find_map(|line| line.strip_prefix("D: Association Received: "));
            line.map(str::to_owned)
        });
        assert_eq!(names, [name, name].map(|name| name.map(str::to_owned)), "{options:?}");
    }
}

/// With a name server that never answers, an association waits only briefly at DEBUG, where peers are named.
/// With Debian's program it waits until the resolver gives up.
#[test]
fn a_silent_name_server_holds_up_nobody() {
    let Some(namespace) = Namespace::available() else { return skip("no mount namespaces here") };
    // The socket is bound, but never read.
    let Ok(_silence) = UdpSocket::bind("127.0.0.53:53") else {
        return skip("no name server can be played here");
    };
    let resolver = "nameserver 127.0.0.53\noptions timeout:5 attempts:2\n";
    let files = [("/etc/resolv.conf", resolver), ("/etc/nsswitch.conf", "hosts: files dns\n")];
    for options in [&["-d"][..], &["-v"], &["-v", "+ac"]] {
        let server = namespace.setup_with_files(Program::Ours, &files, options).start();
        let asked = Instant::now();
        let mut client = Client::connect_from(Ipv4Addr::new(127, 0, 7, 7), server.port());
        client.send(&Request::usual().encode());
        assert!(matches!(client.answer(), Answer::Accept(_)), "{options:?}");
        assert!(asked.elapsed() < Duration::from_secs(3), "{options:?} {:?}", asked.elapsed());
        client.release();
        server.wait_for_log("I: Association Release");
        let named = server.stderr().contains("D: Association Received: 127.0.7.7\n");
        assert_eq!(named, options == ["-d"], "{}", server.stderr());
    }
}

/// Tests both files, and every kind of pattern that needs no other machine.
#[test]
fn hosts_allow_and_deny_are_obeyed_as_by_debian() {
    let Some(namespace) = Namespace::available().filter(|_| Path::new(ALLOW).exists()) else {
        return skip("no mount namespaces here, or no hosts.allow");
    };
    let others = "ALL: ALL\n";
    for (allow, deny, expected) in [
        ("", "", [true; 5]),
        ("", others, [false; 5]),
        ("storescp: 127.0.0.2 127.0.0.3\n", others, [false, true, true, false, false]),
        ("# no: rule\nALL EXCEPT sshd: 127.0.0.\n", others, [true, true, true, true, false]),
        ("sshd: ALL\n", others, [false; 5]),
        ("", "store*: ALL EXCEPT 127.0.0.0/255.255.255.252\n", [true, true, true, false, false]),
        ("", "storescp: 127.0.0.0/30, 127.1.*\n", [false, false, false, true, false]),
        ("storescp: LOCAL\n", others, [true, false, true, false, false]),
        ("storescp: .example.org near\n", others, [false, true, true, false, false]),
        ("", "storescp: f*.org\n", [true, false, true, true, true]),
        ("storescp: \\\n 127.0.0.1 : deny\nALL: ALL: ALLOW\n", "", [false, true, true, true, true]),
        ("storescp: 127.0.0.1: severity info\n", others, [true, false, false, false, false]),
        ("storescp: 127.0.0.1: nonsense\n", "", [false, true, true, true, true]),
        ("storescp: ALL@127.0.0.1\n", others, [true, false, false, false, false]),
    ] {
        let [ours, theirs] = [Program::Ours, Program::Debian]
            .map(|program| served(namespace, program, allow, deny, &["+ac"]));
        assert_eq!(ours, expected, "{allow}{deny}");
        assert_eq!(theirs, expected, "{allow}{deny}");
    }
}

/// Cases where we follow hosts_access(5) and Debian's program does not: a peer without a name is unknown, and
/// rules may refer to our own address or port.
#[test]
fn hosts_files_mean_what_their_manual_says() {
    let Some(namespace) = Namespace::available().filter(|_| Path::new(ALLOW).exists()) else {
        return skip("no mount namespaces here, or no hosts.allow");
    };
    for (allow, options, expected) in [
        ("storescp: KNOWN\n", &["+ac"][..], [true, true, true, false, false]),
        ("storescp: UNKNOWN\n", &["+ac"], [false, false, false, true, true]),
        ("storescp: UNKNOWN\n", &["+ac", "-dhl"], [true; 5]),
        ("storescp@127.0.0.1: LOCAL\n", &["+ac"], [true, false, true, false, false]),
        ("storescp@127.0.0.2: ALL\n", &["+ac"], [false; 5]),
        ("1-65535: ALL\n", &["+ac"], [false; 5]),
        ("storescp: @netgroup 127.0.0.1\n", &["+ac"], [true, false, false, false, false]),
        ("storescp: @netgroup: deny\nALL: ALL\n", &["+ac"], [false; 5]),
    ] {
        let served = served(namespace, Program::Ours, allow, "ALL: ALL\n", options);
        assert_eq!(served, expected, "{allow} {options:?}");
    }
}

/// Cases where Debian's program serves peers that a rule of hosts.deny should have kept out.
#[test]
fn what_cannot_be_read_understood_or_looked_up_denies() {
    let Some(namespace) = Namespace::available().filter(|_| Path::new(ALLOW).exists()) else {
        return skip("no mount namespaces here, or no hosts.allow");
    };
    let scratch = Scratch::new();
    let list = |name: &str, content: &[u8]| {
        let path = scratch.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path.display().to_string()
    };
    let commented = list("commented", b"# f\xfcr alle im Haus\n127.0.0.2\n127.1.\n");
    let spoilt = list("spoilt", b"127.1.\nm\xfcller\n");
    let missing = scratch.path().join("missing").display().to_string();
    let nobody = [false; 5];
    let unlisted = [true, false, true, true, false];
    for (allow, deny, options, expected, reason) in [
        ("", format!("storescp: {commented}\n"), &["+ac", "-dhl"][..], unlisted, ""),
        ("", format!("#\nstorescp: {spoilt}\n"), &["+ac"], nobody, "deny: line 2: "),
        ("", format!("storescp: {missing}\n"), &["+ac"], nobody, "deny: line 1: cannot read "),
        ("", format!("ALL: ALL EXCEPT {missing}\n"), &["+ac"], nobody, "line 1: cannot read "),
        ("", "storescp: .evil.example\n".into(), &["+ac", "-dhl"], nobody, "line 1: it asks for a"),
        ("", "storescp 127.0.0.2\n".into(), &["+ac"], nobody, "line 1: there is no ':'"),
        (
            "storescp: 127.0.0.2 @group\n",
            "ALL: ALL\n".into(),
            &["+ac"],
            PEERS.map(|it| it[3] == 2),
            "",
        ),
    ] {
        let files = [(ALLOW, allow), (DENY, &deny), ("/etc/hosts", HOSTS)];
        let server = namespace.setup_with_files(Program::Ours, &files, options).start();
        let served = PEERS.map(|peer| is_served(&server, peer));
        assert_eq!(served, expected, "{allow} {deny} {options:?}");
        assert!(server.stderr().contains(reason), "{reason}: {}", server.stderr());
    }
}

/// Debian's program decides such cases differently: a missing list denies nobody, an invalid line is skipped,
/// and a peer whose host name looks like an address matches patterns for addresses.
#[test]
fn debian_lets_in_where_we_are_in_doubt() {
    let Some(namespace) = Namespace::available().filter(|_| Path::new(ALLOW).exists()) else {
        return skip("no mount namespaces here, or no hosts.allow");
    };
    let hosts = "127.0.0.1 localhost\n127.0.0.2 10.evil.example\n";
    let second = PEERS.map(|peer| peer == [127, 0, 0, 2]);
    for (allow, deny, options, theirs) in [
        ("", "storescp: /nonexistent/list\n", &["+ac"][..], [true; 5]),
        ("", "storescp ALL\n", &["+ac"], [true; 5]),
        ("", "storescp: 127.0.0.1/8\n", &["+ac"], [true; 5]),
        ("", "storescp: .evil.example\n", &["+ac", "-dhl"], [true; 5]),
        ("storescp: 10.*\n", "ALL: ALL\n", &["+ac"], second),
    ] {
        let served = [Program::Ours, Program::Debian].map(|program| {
            let files = [(ALLOW, allow), (DENY, deny), ("/etc/hosts", hosts)];
            let server = namespace.setup_with_files(program, &files, options).start();
            PEERS.map(|peer| is_served(&server, peer))
        });
        assert_eq!(served, [[false; 5], theirs], "{allow} {deny} {options:?}");
    }
}

/// A rule by name denies if the name server is missing or refuses to answer. A peer that is listed by address,
/// or matched by a rule that needs no name, is still served.
#[test]
fn a_name_server_that_cannot_be_asked_opens_no_door() {
    let Some(namespace) = Namespace::available().filter(|_| Path::new(ALLOW).exists()) else {
        return skip("no mount namespaces here, or no hosts.allow");
    };
    let Ok(refusing) = UdpSocket::bind("127.0.0.54:53") else {
        return skip("no name server can be played here");
    };
    std::thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, peer)) = refusing.recv_from(&mut query) {
            // The flags of a response with the code REFUSED.
            query[2..4].copy_from_slice(&[0x81, 0x85]);
            let _ = refusing.send_to(&query[..length], peer);
        }
    });
    let named = [true, true, true, false, false];
    for resolver in ["127.0.0.99", "127.0.0.54"] {
        for (allow, deny, expected) in [
            ("", "storescp: .evil.example\n", named),
            ("", "storescp: PARANOID\n", named),
            ("", "ALL: ALL EXCEPT .example.org localhost near\n", named),
            ("storescp: UNKNOWN\n", "ALL: ALL\n", [false; 5]),
            ("storescp: ALL EXCEPT .evil.example\n", "ALL: ALL\n", named),
            ("storescp: KNOWN\nstorescp: 127.1.\n", "ALL: ALL\n", [true, true, true, false, true]),
        ] {
            let resolver = format!("nameserver {resolver}\noptions timeout:1 attempts:1\n");
            let order = "hosts: files dns\n";
            let files = [
                (ALLOW, allow),
                (DENY, deny),
                ("/etc/hosts", HOSTS),
                ("/etc/resolv.conf", &resolver),
                ("/etc/nsswitch.conf", order),
            ];
            let server = namespace.setup_with_files(Program::Ours, &files, &["+ac"]).start();
            let served = PEERS.map(|peer| is_served(&server, peer));
            assert_eq!(served, expected, "{allow} {deny} {resolver}\n{}", server.stderr());
            let reason = "line 1: the host name of 127.0.0.4 cannot be looked up: ";
            assert!(server.stderr().contains(reason), "{}", server.stderr());
        }
    }
}

/// Which of the [`PEERS`] get an association.
fn served(
    namespace: Namespace,
    program: Program,
    allow: &str,
    deny: &str,
    options: &[&str],
) -> [bool; 5] {
    let files = [(ALLOW, allow), (DENY, deny), ("/etc/hosts", HOSTS)];
    let server = namespace.setup_with_files(program, &files, options).start();
    PEERS.map(|peer| is_served(&server, peer))
}

fn is_served(server: &Server, peer: [u8; 4]) -> bool {
    let mut client = Client::connect_from(Ipv4Addr::from(peer), server.port());
    // A denied peer may be disconnected before it sends anything.
    let _ = client.try_send(&Request::usual().encode());
    match client.answer() {
        Answer::Accept(_) => true,
        Answer::Closed => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_denied_peer_is_logged_as_by_debian() {
    let Some(namespace) = Namespace::available().filter(|_| Path::new(ALLOW).exists()) else {
        return skip("no mount namespaces here, or no hosts.allow");
    };
    for options in [&["+ac"][..], &["+ac", "-dhl"]] {
        let logs = [Program::Ours, Program::Debian].map(|program| {
            let files = [(ALLOW, ""), (DENY, "ALL: ALL\n"), ("/etc/hosts", HOSTS)];
            let server = namespace.setup_with_files(program, &files, options).start();
            PEERS.map(|peer| {
                let seen = server.stderr().len();
                let mut client = Client::connect_from(Ipv4Addr::from(peer), server.port());
                assert_eq!(client.answer(), Answer::Closed);
                server.wait_for_log(&format!("({})\n", Ipv4Addr::from(peer)));
                server.stderr()[seen..].to_owned()
            })
        });
        assert_eq!(logs[0], logs[1], "{options:?}");
        assert!(logs[0][1].starts_with("E: Receiving Association failed: 0006:0324 TCP wrapper:"));
    }
}

/// Without `+ac`, or with a later `-ac`, the files are ignored.
#[test]
fn without_access_control_everybody_is_served() {
    let Some(namespace) = Namespace::available().filter(|_| Path::new(ALLOW).exists()) else {
        return skip("no mount namespaces here, or no hosts.allow");
    };
    for options in [&[][..], &["+ac", "-ac"]] {
        let files = [(ALLOW, ""), (DENY, "ALL: ALL\n")];
        let server = namespace.setup_with_files(Program::Ours, &files, options).start();
        Client::usual(server.port()).release();
    }
}
