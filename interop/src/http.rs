//! A client of the control plane (`--http`).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::Server;

/// The control plane of a receiver that was started with `-v` and `--http 127.0.0.1:0`.
#[derive(Debug, Clone)]
pub struct Http {
    address: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// Status.
    pub status: u16,
    /// Status line and header, in lower case.
    pub head: String,
    /// What comes behind.
    pub body: String,
}

impl Http {
    /// Waits until it is announced in the log.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    pub fn of(server: &Server) -> Self {
        const ANNOUNCED: &str = "HTTP on http://";
        server.wait_for_log(ANNOUNCED);
        let log = server.stderr();
        let (_, address) = log.split_once(ANNOUNCED).expect("it is announced");
        let address = address.split_whitespace().next().expect("an address");
        Self { address: address.to_owned() }
    }

    /// Where it listens: address and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The JSON at a path.
    ///
    /// # Panics
    /// If the status is not 200, or the body is no JSON.
    #[must_use]
    pub fn json(&self, path: &str) -> Value {
        let answer = self.send("GET", path, "");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// Sends a request with a body of JSON.
    ///
    /// # Panics
    /// If there is no answer within half a minute.
    #[must_use]
    pub fn send(&self, method: &str, path: &str, body: &str) -> HttpAnswer {
        let mut stream = TcpStream::connect(&self.address).expect("the control plane listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time limit can be set");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("it reads the request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer in UTF-8");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let (head, body) = (head.to_ascii_lowercase(), body.to_owned());
        HttpAnswer { status: status.expect("a status"), head, body }
    }
}

impl HttpAnswer {
    /// Its body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}
