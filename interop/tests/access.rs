//! Who is served, and how peers are named: reverse look-ups and host access control.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use interop::wire::{Answer, Client, Request};
use interop::{Namespace, Program, both, skip};

const ALLOW: &str = "/etc/hosts.allow";
const DENY: &str = "/etc/hosts.deny";
const HOSTS: &str = "127.0.0.1 localhost\n127.0.0.2 far.example.org far\n127.0.0.3 near\n";

/// Peers with the names that [`HOSTS`] gives them, and one that has none.
const PEERS: [[u8; 4]; 5] =
    [[127, 0, 0, 1], [127, 0, 0, 2], [127, 0, 0, 3], [127, 0, 0, 4], [127, 1, 2, 3]];

/// By host name, or by address with `--disable-host-lookup`; only at DEBUG.
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

/// A name server that says nothing: at DEBUG, where peers are named, an association waits for a moment.
/// With Debian's it waits until the resolver gives up.
#[test]
fn a_silent_name_server_holds_up_nobody() {
    let Some(namespace) = Namespace::available() else { return skip("no mount namespaces here") };
    // Bound, and never read from.
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

/// Both files, and every kind of pattern that needs no other machine.
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

/// What hosts_access(5) says and Debian's does not do: a peer without a name is unknown, and rules
/// may be about our own address or port.
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
        ("storescp: @netgroup 127.0.0.1\nALL: ALL\n", &["+ac"], [false; 5]),
    ] {
        let served = served(namespace, Program::Ours, allow, "ALL: ALL\n", options);
        assert_eq!(served, expected, "{allow} {options:?}");
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
    PEERS.map(|peer| {
        let mut client = Client::connect_from(Ipv4Addr::from(peer), server.port());
        // Who is denied may be so before it has sent anything.
        let _ = client.try_send(&Request::usual().encode());
        match client.answer() {
            Answer::Accept(_) => true,
            Answer::Closed => false,
            other => panic!("{other:?}"),
        }
    })
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

/// Without `+ac`, and with `-ac` behind it, the files do not count.
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
