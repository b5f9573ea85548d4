//! The receiver in `docs/examples/webhook.py`, in a process of its own.

use super::*;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Example {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    url: String,
}

impl Example {
    fn start(secret: &str) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/webhook.py");
        let mut command = Command::new("python3");
        command.arg(program).arg("0").env("WEBHOOK_SECRET", secret);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        output.read_line(&mut url).unwrap();
        Self { child, output, url: url.trim().to_owned() }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_example_verifies_signatures_and_drops_repeats() {
    let secret = "whsec_c3RvcmVzY3Agc2lnbnMgaXRzIGV2ZW50cw==";
    let mut example = Example::start(secret);
    let signed = WebhookSettings { secret: Some(secret.into()), ..settings(&example.url) };
    let mut alone = session(&signed);
    let mut batched = session(&WebhookSettings { batch: 2, ..signed.clone() });
    assert_eq!(deliver(&mut *alone, &["a"]), [Some(Outcome::Done)]);
    assert_eq!(example.line(), "storescp.study.ended a");
    assert_eq!(
        deliver(&mut *alone, &["a"]),
        [Some(Outcome::Done)],
        "a repeat is taken, not acted upon"
    );
    assert_eq!(deliver(&mut *batched, &["a", "b"]), [Some(Outcome::Done), Some(Outcome::Done)]);
    assert_eq!(example.line(), "storescp.study.ended b");

    for secret in [None, Some(b"another secret".to_vec())] {
        let mut session = session(&WebhookSettings { secret, ..signed.clone() });
        let outcome = deliver(&mut *session, &["c"]).remove(0).unwrap();
        assert_parked(&outcome, &["401", "signature"]);
    }
    assert_eq!(deliver(&mut *alone, &["d"]), [Some(Outcome::Done)]);
    assert_eq!(example.line(), "storescp.study.ended d", "c was not acted upon");
}
