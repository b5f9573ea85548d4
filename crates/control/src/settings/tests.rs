use super::*;

const TOKEN: &str = "3f2a90c1d4e5f60718293a4b5c6d7e8f";

fn token(name: &str) -> Token {
    let hash = TokenHash::of(TOKEN).unwrap();
    Token { name: name.to_owned(), hash, role: Role::Viewer }
}

#[test]
fn addresses_to_listen_on() {
    for (text, expected) in [
        ("8042", "127.0.0.1:8042"),
        ("0", "127.0.0.1:0"),
        ("0.0.0.0:80", "0.0.0.0:80"),
        ("[::1]:8042", "[::1]:8042"),
        ("[::1]", "[::1]:8042"),
        ("::1", "[::1]:8042"),
        ("10.0.0.7", "10.0.0.7:8042"),
    ] {
        assert_eq!(parse_listen(text).map(|it| it.to_string()), Ok(expected.to_owned()), "{text}");
    }
    for text in ["", "65536", "-1", "+80", "localhost", "localhost:8042", "1.2.3.4:", ":8042"] {
        let fault = parse_listen(text).unwrap_err();
        assert!(fault.contains(&format!("'{text}' is neither a port")), "{fault}");
    }
}

#[test]
fn loopback_needs_nothing() {
    for address in ["127.0.0.1:0", "127.5.0.1:1", "[::1]:2"] {
        assert!(ControlSettings::on(address.parse().unwrap()).check().is_ok(), "{address}");
    }
    assert!(matches!(ControlSettings::default().check(), Err(Error::NoAddress)));
}

#[test]
fn other_addresses_need_tls_and_a_log_in_or_insecure() {
    for address in ["0.0.0.0:8042", "[::]:8042", "10.0.0.7:8042", "[::ffff:127.0.0.1]:8042"] {
        let open = ControlSettings::on(address.parse().unwrap());
        let tls = Some(ControlTls::new("cert.pem".into(), "key.pem".into()));
        let mut settings = open.clone();
        let missing = |settings: &ControlSettings| settings.check().unwrap_err().to_string();
        assert!(missing(&settings).contains("needs TLS and a token or user:"), "{address}");
        settings.tokens.push(token("prometheus"));
        assert!(missing(&settings).contains("needs TLS:"), "{address}");
        settings.tls.clone_from(&tls);
        assert!(settings.check().is_ok(), "{address}");
        settings.tokens.clear();
        assert!(missing(&settings).contains("needs a token or user:"), "{address}");
        assert!(missing(&settings).contains("insecure = true"), "{address}");
        assert!(ControlSettings { insecure: true, ..open }.check().is_ok(), "{address}");
    }
    // One of several is enough.
    let mut two = ControlSettings::on("127.0.0.1:1".parse().unwrap());
    two.listen.push("0.0.0.0:2".parse().unwrap());
    assert!(two.check().unwrap_err().to_string().contains("0.0.0.0:2"));
}

#[test]
fn names_are_not_given_twice_and_hashes_are_looked_at() {
    let mut settings = ControlSettings::on("127.0.0.1:1".parse().unwrap());
    settings.tokens = vec![token("a"), token("b")];
    assert!(settings.check().is_ok());
    let password_hash = hash_password("x").unwrap();
    settings.users = vec![User { name: "b".to_owned(), password_hash, role: Role::Operator }];
    assert!(matches!(settings.check(), Err(Error::SameName { name }) if name == "b"));
    settings.users[0].name = "c".to_owned();
    assert!(settings.check().is_ok());
    settings.users[0].password_hash = "secret".to_owned();
    let error = settings.check().unwrap_err().to_string();
    assert!(error.contains("user 'c'") && error.contains("storescp hash-password"), "{error}");
}

#[test]
fn secrets_are_not_shown() {
    let mut settings = ControlSettings::on("127.0.0.1:1".parse().unwrap());
    settings.tokens.push(token("a"));
    let hash = hash_password("x").unwrap();
    settings.users.push(User { name: "u".into(), password_hash: hash.clone(), role: Role::Viewer });
    let mut tls = ControlTls::new("c".into(), "k".into());
    tls.password = KeyPassword::Given("secret".into());
    settings.tls = Some(tls);
    let shown = format!("{settings:?}");
    assert!(!shown.contains(&hash) && !shown.contains("secret"), "{shown}");
}
