//! Audit messages and traces.

use super::*;

fn told(text: &str) -> String {
    parse(text.as_bytes(), &command_line("11112")).unwrap_err().to_string()
}

#[test]
fn audit_messages_and_traces_are_set_up() {
    let text = "[audit]\ndestination = 'syslog+tls://audit.example'\nsource-id = 'archive-1'\nsite-id = 'here'\n\
                [traces]\nurl = 'http://127.0.0.1:4318'\nshare = 0.25\nservice-name = 'archive'\n\
                [[traces.header]]\nname = 'Authorization'\nvalue = { env = 'PATH' }";
    let config = config(text);
    let (audit, traces) = (config.audit.unwrap(), config.traces.unwrap());
    assert_eq!(audit.destination.to_string(), "syslog+tls://audit.example:6514");
    assert_eq!(
        (audit.source_id.as_deref(), audit.site_id.as_deref()),
        (Some("archive-1"), Some("here"))
    );
    assert_eq!((traces.ratio, traces.service_name.as_str()), (0.25, "archive"));
    assert_eq!(traces.headers[0].name, "Authorization");
    assert_eq!(traces.headers[0].value, std::env::var("PATH").unwrap());
    // The file turns off what the command line turns on, and adds to it.
    let line = command_line("11112 --audit syslog+udp://host --traces http://host");
    let off = parse(b"audit.enabled = false\ntraces.enabled = false", &line).unwrap();
    assert_eq!((off.audit, off.traces), (None, None));
    let on = parse(b"audit.source-id = 'a'\ntraces.share = 0", &line).unwrap();
    assert_eq!(on.audit.unwrap().source_id.as_deref(), Some("a"));
    assert_eq!(on.traces.unwrap().ratio, 0.0);
}

#[test]
fn what_is_wrong_with_them_is_told_with_its_place() {
    for (text, message) in [
        ("[audit]\nsource-id = 'a'", "missing key \"destination\""),
        ("[traces]\nshare = 0.5", "missing key \"url\""),
        (
            "audit.destination = 'syslog://host'",
            "1:21: audit.destination: 'syslog://host' is no destination for audit messages: expected a scheme",
        ),
        (
            "audit.destination = 1",
            "1:21: audit.destination: expected a URL in quotes, not the number 1",
        ),
        (
            "audit = { destination = 'file:/a', ca = 'x.pem' }",
            "CA, certificate and key are used with TLS only",
        ),
        (
            "audit = { destination = 'syslog+tls://host', ca = '/no/such.pem' }",
            "/no/such.pem: No such file or directory",
        ),
        (
            "traces = { url = 'http://host', share = 2 }",
            "expected a number from 0 to 1, not the number 2",
        ),
        (
            "traces = { url = 'http://host', header = [{ name = 'a b', value = { env = 'PATH' } }] }",
            "'a b' is no header field",
        ),
        ("traces = { url = 'http://host', header = [{ name = 'a' }] }", "missing key \"value\""),
    ] {
        let told = told(text);
        assert!(told.contains(message), "{text}: {told}");
    }
    // A secret does not stand in the file, and is not repeated.
    let told =
        told("traces = { url = 'http://host', header = [{ name = 'a', value = 's3cret' }] }");
    assert!(
        told.contains("a secret must not be in this file") && !told.contains("s3cret"),
        "{told}"
    );
}
