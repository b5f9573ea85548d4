use super::*;
use crate::settings::{ClientTls, Header};
use crate::testing::{Identity, Scratch};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// What a server has received: the head of a request, and its spans.
type Received = (String, Vec<Span>);

/// Reads one request, and answers it.
fn serve(stream: &mut (impl Read + Write), answer: &str) -> Option<Received> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length = head.split("Content-Length: ").nth(1).unwrap();
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            let body = end + 4..end + 4 + length;
            if bytes.len() >= body.end {
                // A byte at a time, as a slow server may.
                answer.bytes().for_each(|byte| stream.write_all(&[byte]).unwrap());
                let request = ExportTraceServiceRequest::decode(&bytes[body]).unwrap();
                let spans = request.resource_spans[0].scope_spans[0].spans.clone();
                return Some((head, spans));
            }
        }
        match stream.read(&mut buffer).ok()? {
            0 => return None,
            count => bytes.extend(&buffer[..count]),
        }
    }
}

/// A server that answers requests so, one after the other, on as few connections as the client opens.
fn server(answers: Vec<&'static str>) -> (u16, Receiver<Received>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, received) = channel();
    thread::spawn(move || {
        let mut answers = answers.into_iter();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            for answer in answers.by_ref() {
                let Some(request) = serve(&mut stream, answer) else { break };
                told.send(request).unwrap();
            }
        }
    });
    (port, received)
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const LIMIT: Duration = Duration::from_secs(30);

fn exporter(settings: &TraceSettings) -> Exporter {
    Exporter {
        poster: Poster::new(settings).unwrap(),
        resource: Resource { attributes: vec![KeyValue::text("service.name", "storescp")] },
        version: "1".to_owned(),
    }
}

fn some_span() -> Span {
    span([1; 16], [2; 8], [3; 8], "C-STORE", KIND_SERVER)
}

fn settings(port: u16) -> TraceSettings {
    TraceSettings::new(format!("http://127.0.0.1:{port}/v1/traces").parse().unwrap())
}

#[test]
fn spans_are_posted_on_one_connection() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    let (port, received) = server(vec![OK, interim, OK]);
    let mut settings = settings(port);
    settings.headers =
        vec![Header { name: "Authorization".to_owned(), value: "Bearer x".to_owned() }];
    let mut exporter = exporter(&settings);
    for _ in 0..3 {
        assert_eq!(exporter.deliver(&[some_span(), some_span()]), (2, Ok(())));
        let (head, spans) = received.recv_timeout(LIMIT).unwrap();
        assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1:"), "{head}");
        assert!(head.contains("\r\nContent-Type: application/x-protobuf\r\n"), "{head}");
        assert!(head.contains("\r\nAuthorization: Bearer x"), "{head}");
        assert_eq!(spans, [some_span(), some_span()]);
    }
}

#[test]
fn what_a_server_refuses_for_now_is_kept_and_what_it_refuses_is_dropped() {
    for (answer, is_for_now) in [
        ("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", true),
        ("HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\n\r\n", true),
        ("HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false),
        ("nonsense\r\n\r\n", true),
    ] {
        let (port, _received) = server(vec![answer]);
        let (sent, result) = exporter(&settings(port)).deliver(&[some_span()]);
        assert_eq!((sent, matches!(result, Err(Failure::Later(_)))), (0, is_for_now), "{answer}");
        assert!(result.is_err());
    }
}

#[test]
fn a_head_without_an_end_is_read_up_to_a_bound() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
        while stream.write_all(&[b'x'; 1024]).is_ok() {}
    });
    let (_, result) = exporter(&settings(port)).deliver(&[some_span()]);
    assert!(matches!(&result, Err(Failure::Later(why)) if why.contains("exceeds")), "{result:?}");
}

#[test]
fn spans_are_posted_by_tls_to_the_right_server_only() {
    let (scratch, authority) = (Scratch::new(), Identity::authority());
    let ca = Some(scratch.file("ca.pem", &authority.certificate_pem()));
    for (name, is_right) in [("localhost", true), ("elsewhere", false)] {
        let acceptor = authority.issued(name).acceptor(None);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            acceptor.accept(stream).ok().and_then(|mut stream| serve(&mut stream, OK))
        });
        let url = format!("https://localhost:{port}").parse().unwrap();
        let tls = ClientTls { ca: ca.clone(), ..ClientTls::default() };
        let settings = TraceSettings { tls, ..TraceSettings::new(url) };
        assert_eq!(exporter(&settings).deliver(&[some_span()]).1.is_ok(), is_right);
        assert_eq!(server.join().unwrap().is_some(), is_right);
    }
}

#[test]
fn so_many_traces_are_sampled() {
    assert!(is_sampled([0xff; 16], 1.0) && !is_sampled([0; 16], 0.0));
    for (ratio, expected) in [(0.25, 2_500), (0.5, 5_000)] {
        let sampled = (0..10_000).filter(|_| is_sampled(random().unwrap(), ratio)).count();
        assert!(sampled.abs_diff(expected) < 400, "{ratio}: {sampled}");
    }
    // Whoever samples the same trace by a greater share samples it too.
    let id = random().unwrap();
    assert!(!is_sampled(id, 0.3) || is_sampled(id, 0.6));
}
