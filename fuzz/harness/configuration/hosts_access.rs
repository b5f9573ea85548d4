//! Any text, as hosts.allow, hosts.deny and a file of patterns (`--access-control`).
//!
//! The first byte of the input selects the client; the rest, split at NULs, is the three files. No file is
//! opened and no name is looked up. Checked: there is no panic; an error names a line of the file; comments
//! make no difference, nor does keeping the files with an index; denying more never admits a client, and allowing more never denies one.

use std::cell::RefCell;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use receiver::net::host_access::{Client, Content, Fault, HostName, Kind, World, decide};

use super::{check_line, one_further};

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut parts = data.splitn(4, |&byte| byte == 0);
    let choice = parts.next().and_then(|part| part.first()).copied().unwrap_or_default();
    let mut part = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (allow, deny, patterns) = (part(), part(), part());
    PATTERNS.set(patterns);

    let client = client(choice, false);
    let decided = outcome(&allow, &deny, &client);
    assert_eq!(outcome_as_kept(&allow, &deny, choice), decided);
    let moved = outcome(&format!("#\n{allow}"), &format!("#\n{deny}"), &client);
    match &decided {
        Err(message) => {
            let text = if message.starts_with(ALLOW) { &allow } else { &deny };
            check_line(message, text);
            assert_eq!(moved, Err(one_further(message)));
        }
        Ok(_) => assert_eq!(moved, decided),
    }
    let more_denied = outcome(&allow, &format!("{deny}\n\nALL: ALL\n"), &client);
    let more_allowed = outcome(&format!("{allow}\n\nALL: ALL\n"), &deny, &client);
    match decided {
        Ok(true) => assert_eq!(more_allowed, Ok(true)),
        Ok(false) => assert_eq!(more_denied, Ok(false)),
        Err(message) if message.starts_with(ALLOW) => {
            // A rule that cannot be decided may be followed by one that admits the client.
            assert!(more_allowed == Ok(true) || more_allowed.as_ref() == Err(&message));
            assert_eq!(more_denied, Err(message));
        }
        Err(message) => assert_eq!(more_denied, Err(message)),
    }
}

const ALLOW: &str = "allow";
const DENY: &str = "deny";

/// The decision, or the error that prevents one.
fn outcome(allow: &str, deny: &str, client: &Client) -> Result<bool, String> {
    decided(allow, deny, client, &|text| Content::text(Kind::Rules, text.to_owned()))
}

/// The same with files that are kept.
fn outcome_as_kept(allow: &str, deny: &str, choice: u8) -> Result<bool, String> {
    decided(allow, deny, &client(choice, true), &|text| indexed(Kind::Rules, text))
}

fn decided(
    allow: &str,
    deny: &str,
    client: &Client,
    content: &dyn Fn(&str) -> Content,
) -> Result<bool, String> {
    let read = |path: &Path| -> Result<Arc<Content>, Fault> {
        Ok(Arc::new(content(if path == ALLOW { allow } else { deny })))
    };
    let decided = decide([Path::new(ALLOW), Path::new(DENY)], &read, client);
    decided.map_err(|fault| fault.to_string())
}

/// Without an index where it would take too much memory.
fn indexed(kind: Kind, text: &str) -> Content {
    Content::indexed(kind, text).unwrap_or_else(|| Content::text(kind, text.to_owned()))
}

fn client(choice: u8, is_kept: bool) -> Client {
    let peers = ["10.0.0.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "::1", "::ffff:10.1.2.3"];
    let peer = peers[usize::from(choice) % peers.len()].parse().expect("an address");
    let server = "10.9.9.9:104".parse().expect("an address");
    let read = |path: &str| match path {
        "/missing" => Err("it is missing".to_owned()),
        _ => Ok(Arc::new(Content::text(Kind::Patterns, PATTERNS.with_borrow(String::clone)))),
    };
    let kept = |path: &str| match path {
        "/missing" => Err("it is missing".to_owned()),
        _ => Ok(Arc::new(PATTERNS.with_borrow(|text| indexed(Kind::Patterns, text)))),
    };
    let pattern_file = if is_kept { kept } else { read };
    Client::with(peer, server, World { look_up: name_of, pattern_file })
}

/// A host name of each kind, chosen by the address.
fn name_of(address: IpAddr) -> HostName {
    match address.to_string().as_str() {
        "192.0.2.1" => HostName::Known("Host.Example.org".into()),
        "192.0.2.2" => HostName::Known("workstation".into()),
        "192.0.2.3" => HostName::Paranoid,
        "::1" => HostName::CannotTell("no answer".into()),
        _ => HostName::Unknown,
    }
}

thread_local! {
    /// Content of every pattern file.
    static PATTERNS: RefCell<String> = const { RefCell::new(String::new()) };
}
