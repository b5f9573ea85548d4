//! One POST after the other to one HTTP/1.1 server, by a blocking connection that is kept.

use crate::connection::{Connection, reason, tls_connector};
use crate::error::Error;
use crate::limits::{CONNECT_TIMEOUT, HTTP_RESPONSE_BYTES, SEND_TIMEOUT};
use crate::settings::TraceSettings;
use openssl::ssl::SslConnector;
use std::io::{Read, Write};

/// A client of one server. Holds one connection, and a response of at most [`HTTP_RESPONSE_BYTES`] for a moment.
pub(super) struct Poster {
    settings: TraceSettings,
    connector: Option<SslConnector>,
    connection: Option<Connection>,
}

impl Poster {
    /// Reads keys and certificates; connects to nothing.
    ///
    /// # Errors
    /// They cannot be used.
    pub(super) fn new(settings: &TraceSettings) -> Result<Self, Error> {
        let connector = settings.url.is_tls.then(|| tls_connector(&settings.tls)).transpose()?;
        Ok(Self { settings: settings.clone(), connector, connection: None })
    }

    /// Posts a body of this media type. Returns the status code of the response.
    ///
    /// # Errors
    /// Why there is no response, in words for the log.
    pub(super) fn post(&mut self, media_type: &str, body: &[u8]) -> Result<u16, String> {
        let kept = self.connection.take().and_then(|mut kept| kept.is_open().then_some(kept));
        let mut connection = match kept {
            Some(kept) => kept,
            None => {
                let connector = self.connector.as_ref();
                Connection::open(&self.settings.url.endpoint, connector, CONNECT_TIMEOUT)?
            }
        };
        connection.limit(SEND_TIMEOUT);
        let mut request = self.head(media_type, body.len()).into_bytes();
        request.extend(body);
        connection.write_all(&request).map_err(|error| reason(&error))?;
        let response = read_response(&mut connection)?;
        if response.keeps_connection {
            self.connection = Some(connection);
        } else {
            connection.close();
        }
        Ok(response.status)
    }

    fn head(&self, media_type: &str, length: usize) -> String {
        let TraceSettings { url, headers, .. } = &self.settings;
        let mut head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: storescp\r\nContent-Type: {media_type}\r\n\
             Content-Length: {length}\r\n",
            url.path, url.endpoint
        );
        for header in headers {
            head.push_str(&format!("{}: {}\r\n", header.name, header.value));
        }
        head.push_str("\r\n");
        head
    }
}

struct Response {
    status: u16,
    keeps_connection: bool,
}

/// Reads a response; its body is dropped. A body of unknown or great length ends the connection.
fn read_response(connection: &mut Connection) -> Result<Response, String> {
    let mut received = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(&received);
        let parsed = parsed.map_err(|error| format!("its response is not HTTP: {error}"))?;
        if let httparse::Status::Complete(head_bytes) = parsed {
            let status = response.code.unwrap_or_default();
            // An interim response (RFC 9110 §15.2).
            if status < 200 {
                received.drain(..head_bytes);
                continue;
            }
            let length = body_length(response.headers, status);
            let left = length.and_then(|it| it.checked_sub(received.len() - head_bytes));
            let keeps_connection = !says_close(response.headers)
                && left.is_some_and(|left| left <= HTTP_RESPONSE_BYTES)
                && skip(connection, left.unwrap_or_default());
            return Ok(Response { status, keeps_connection });
        }
        let mut buffer = [0; 1024];
        match connection.read(&mut buffer) {
            Ok(0) => return Err("it closed the connection without a response".to_owned()),
            Ok(count) => received.extend(&buffer[..count]),
            Err(error) => return Err(format!("no response: {}", reason(&error))),
        }
        if received.len() > HTTP_RESPONSE_BYTES {
            return Err(format!("the head of its response exceeds {HTTP_RESPONSE_BYTES} bytes"));
        }
    }
}

/// The length of the body; `None` if only its end, or a coding, tells.
fn body_length(headers: &[httparse::Header<'_>], status: u16) -> Option<usize> {
    if matches!(status, 204 | 304) {
        return Some(0);
    }
    let value = |name: &str| {
        headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|it| it.value)
    };
    if value("transfer-encoding").is_some() {
        return None;
    }
    std::str::from_utf8(value("content-length")?).ok()?.trim().parse().ok()
}

fn says_close(headers: &[httparse::Header<'_>]) -> bool {
    headers.iter().any(|header| {
        header.name.eq_ignore_ascii_case("connection")
            && header.value.to_ascii_lowercase().windows(5).any(|word| word == b"close")
    })
}

fn skip(connection: &mut Connection, mut left: usize) -> bool {
    let mut buffer = [0; 1024];
    while left > 0 {
        let most = left.min(buffer.len());
        match connection.read(&mut buffer[..most]) {
            Ok(count) if count > 0 => left -= count,
            _ => return false,
        }
    }
    true
}
