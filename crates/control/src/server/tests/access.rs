//! Who is let in, and what they are told.

use super::{exchange, get, local, serve, status};
use crate::program::AccessOutcome;
use crate::settings::{ControlSettings, Role, Token, TokenHash, User, hash_password};
use std::net::SocketAddr;

pub(super) const VIEWER: &str = "viewer-3f2a90c1d4e5f60718293a4b";
const OPERATOR: &str = "operator-5c6d7e8f90a1b2c3d4e5f6";

/// Log-ins over plain HTTP, which tests need no certificates for.
pub(super) fn protected() -> ControlSettings {
    let token = |name: &str, secret, role| Token {
        name: name.into(),
        hash: TokenHash::of(secret).unwrap(),
        role,
    };
    let user = |name: &str, password| {
        let password_hash = hash_password(password).unwrap();
        User { name: name.into(), password_hash, role: Role::Viewer }
    };
    ControlSettings {
        tokens: vec![
            token("prometheus", VIEWER, Role::Viewer),
            token("ansible", OPERATOR, Role::Operator),
        ],
        users: vec![user("müller", "right horse"), user("else", "other")],
        insecure: true,
        ..ControlSettings::on("0.0.0.0:0".parse().unwrap())
    }
}

pub(super) fn basic(user: &str, password: &str) -> String {
    let both = openssl::base64::encode_block(format!("{user}:{password}").as_bytes());
    format!("Authorization: Basic {both}\r\n")
}

pub(super) fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn post(address: SocketAddr, fields: &str) -> String {
    exchange(
        address,
        &format!(
            "POST /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n{fields}\r\n"
        ),
    )
}

#[test]
fn tokens_and_users_get_in_and_others_do_not() {
    let (_handle, fake, address) = serve(&protected());
    let anonymous = get(address, "/readyz", "");
    assert_eq!(status(&anonymous), 401);
    assert!(anonymous.to_lowercase().contains("www-authenticate: basic realm=\"storescp\""));
    assert!(fake.events().is_empty(), "a browser always tries without first");
    for good in
        [bearer(VIEWER), bearer(OPERATOR), basic("müller", "right horse"), basic("else", "other")]
    {
        assert_eq!(status(&get(address, "/readyz", &good)), 200, "{good}");
        assert_eq!(status(&get(address, "/readyz", &good)), 200, "{good} again");
    }
    let granted = |name: &str, role| (Some(name.to_owned()), AccessOutcome::Granted(role));
    let expected = [
        granted("prometheus", Role::Viewer),
        granted("ansible", Role::Operator),
        granted("müller", Role::Viewer),
        granted("else", Role::Viewer),
    ];
    assert_eq!(fake.events(), expected, "each once");
    for bad in [
        bearer(&VIEWER[1..]),
        basic("müller", "other"),
        basic("else", "right horse"),
        basic("nobody", "right horse"),
        basic("", ""),
        "Authorization: Digest x\r\n".to_owned(),
    ] {
        let answer = get(address, "/readyz", &bad);
        assert_eq!(status(&answer), 401, "{bad}");
        assert!(!answer.contains("incoming"), "{answer}");
    }
    let refused = fake.events().split_off(4);
    assert_eq!(refused.len(), 6);
    assert!(refused.contains(&(Some("nobody".to_owned()), AccessOutcome::Refused)));
    assert!(refused.contains(&(None, AccessOutcome::Refused)), "a token may be anybody's");
}

#[test]
fn who_guesses_has_to_wait() {
    let (_handle, fake, address) = serve(&protected());
    for _ in 0..10 {
        assert_eq!(status(&get(address, "/readyz", &bearer("wrong"))), 401);
    }
    for credentials in [bearer("wrong"), bearer(VIEWER), basic("müller", "right horse")] {
        let answer = get(address, "/readyz", &credentials);
        assert_eq!(status(&answer), 429, "{answer}");
        let wait = answer.to_lowercase();
        let wait = wait.split_once("retry-after: ").unwrap().1.split("\r\n").next().unwrap();
        assert!((1..=6).contains(&wait.parse::<u32>().unwrap()), "{wait}");
    }
    let events = fake.events();
    assert_eq!(events.len(), 11, "a failure is told, and once that it was one too many");
    assert_eq!(events[10].1, AccessOutcome::Blocked);
}

#[test]
fn a_viewer_changes_nothing() {
    let (_handle, _, address) = serve(&protected());
    let json = "Content-Type: application/json\r\n";
    let answer = post(address, &format!("{json}{}", bearer(VIEWER)));
    assert!(status(&answer) == 403 && answer.contains("operator"), "{answer}");
    // It is allowed, and then there is nothing to post to.
    assert_eq!(status(&post(address, &format!("{json}{}", bearer(OPERATOR)))), 405);
    assert_eq!(status(&post(address, &bearer(OPERATOR))), 415);
    let foreign = format!("{json}Origin: http://evil.example\r\n{}", bearer(OPERATOR));
    assert_eq!(status(&post(address, &foreign)), 403);
}

#[test]
fn this_machine_needs_no_log_in_but_web_pages_get_nowhere() {
    let settings = ControlSettings { listen: local().listen, insecure: false, ..protected() };
    let (_handle, fake, address) = serve(&settings);
    assert_eq!(status(&get(address, "/readyz", "")), 200);
    let rebound = exchange(
        address,
        "GET /readyz HTTP/1.1\r\nHost: evil.example:8042\r\nConnection: close\r\n\r\n",
    );
    assert!(status(&rebound) == 421 && !rebound.contains("incoming"), "{rebound}");
    let nameless = exchange(address, "GET /readyz HTTP/1.0\r\n\r\n");
    assert_eq!(status(&nameless), 400);
    assert_eq!(status(&post(address, "")), 415);
    assert_eq!(status(&post(address, "Content-Type: application/json\r\n")), 405, "operator");
    let page = "Content-Type: application/json\r\nSec-Fetch-Site: cross-site\r\n";
    assert_eq!(status(&post(address, page)), 403);
    // What a proxy on this machine passes on comes from elsewhere.
    let proxied = "X-Forwarded-For: 203.0.113.5\r\n";
    assert_eq!(status(&get(address, "/readyz", proxied)), 401);
    let logged_in = format!("{proxied}{}", bearer(VIEWER));
    assert_eq!(status(&get(address, "/readyz", &logged_in)), 200);
    assert_eq!(fake.events().len(), 1);
}

#[test]
fn a_proxy_without_log_ins_is_refused() {
    let (_handle, _, address) = serve(&local());
    let answer = get(address, "/readyz", "Forwarded: for=203.0.113.5\r\n");
    assert!(status(&answer) == 403 && answer.contains("add a token or user"), "{answer}");
}

#[test]
fn a_secret_in_the_url_is_refused_and_said() {
    for settings in [local(), protected()] {
        let (_handle, _, address) = serve(&settings);
        for path in ["/readyz?token=abc", "/readyz?access_token=", "/?API_KEY=x"] {
            let answer = get(address, path, &bearer(VIEWER));
            assert!(status(&answer) == 400 && answer.contains("does not belong in a URL"));
        }
    }
    let (_handle, _, address) = serve(&protected());
    assert_eq!(status(&get(address, &format!("/readyz?x={OPERATOR}"), &bearer(VIEWER))), 400);
    assert_eq!(status(&get(address, "/readyz?x=1", &bearer(VIEWER))), 200);
}

#[test]
fn a_url_does_not_tell_who_guesses_whether_a_token_is_one() {
    let (_handle, _, address) = serve(&ControlSettings { open_health: true, ..protected() });
    for path in ["/", "/metrics", "/livez"] {
        for fields in ["".to_owned(), bearer("wrong")] {
            let answers = [VIEWER, "guessed-3f2a90c1d4e5f607"].map(|guess| {
                let answer = get(address, &format!("{path}?x={guess}"), &fields);
                answer.lines().filter(|line| !line.starts_with("date: ")).collect::<String>()
            });
            assert_eq!(answers[0], answers[1]);
        }
    }
}

#[test]
fn health_can_be_open_without_telling_much() {
    let (_handle, fake, address) = serve(&ControlSettings { open_health: true, ..protected() });
    let answer = get(address, "/readyz", "");
    assert!(status(&answer) == 200 && answer.ends_with("directory: ok\n"), "{answer}");
    assert_eq!(status(&get(address, "/livez", "")), 200);
    assert_eq!(status(&get(address, "/", "")), 401);
    assert!(fake.events().is_empty(), "{:?}", fake.events());
}

#[test]
fn insecure_without_log_ins_is_open_but_not_to_web_pages() {
    let settings =
        ControlSettings { insecure: true, ..ControlSettings::on("0.0.0.0:0".parse().unwrap()) };
    let (_handle, _, address) = serve(&settings);
    assert_eq!(status(&get(address, "/readyz", "")), 200);
    let rebound = "GET /readyz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange(address, rebound)), 421);
}
