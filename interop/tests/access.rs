//! Who is served, and how peers are named: reverse look-ups and host access control.

use interop::both;
use interop::wire::{Client, Request};

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
