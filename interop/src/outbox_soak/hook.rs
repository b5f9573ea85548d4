//! A webhook's server that fails now and then, and remembers which objects it was told of.

use super::marks::{Marks, Number};
use crate::random::Random;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// The longest body that is read.
const BODY_BYTES: usize = 1024 * 1024;

/// The server; it ends with the program.
pub(super) struct Hook {
    port: u16,
    state: Arc<State>,
}

struct State {
    told: Marks,
    repeats: AtomicU64,
    failures: AtomicU64,
    is_away: AtomicBool,
    /// How many of a hundred requests fail.
    failing: usize,
}

impl Hook {
    pub(super) fn start(senders: usize, failing: usize, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(State {
            told: Marks::new(senders),
            repeats: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            is_away: AtomicBool::new(false),
            failing,
        });
        let serving = Arc::clone(&state);
        thread::spawn(move || {
            for (part, stream) in listener.incoming().enumerate() {
                let Ok(stream) = stream else { continue };
                let (state, random) = (Arc::clone(&serving), Random::new(seed, part as u64));
                thread::spawn(move || state.serve(stream, random));
            }
        });
        Self { port, state }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/events", self.port)
    }

    /// The objects that it has acknowledged.
    pub(super) fn told(&self) -> &Marks {
        &self.state.told
    }

    /// Events that it was told more than once, and requests that it failed.
    pub(super) fn repeats_and_failures(&self) -> (u64, u64) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (of(&self.state.repeats), of(&self.state.failures))
    }

    /// Closes every connection at once, or serves again.
    pub(super) fn set_away(&self, away: bool) {
        self.state.is_away.store(away, Ordering::Relaxed);
    }
}

impl State {
    /// Answers requests until the connection ends.
    fn serve(&self, stream: TcpStream, mut random: Random) {
        let _ = stream.set_nodelay(true);
        let Ok(mut answers) = stream.try_clone() else { return };
        let mut requests = BufReader::new(stream);
        while !self.is_away.load(Ordering::Relaxed) {
            let Some(body) = read_request(&mut requests) else { return };
            if random.percent(self.failing) {
                self.failures.fetch_add(1, Ordering::Relaxed);
                let answer = match random.below(4) {
                    0 => "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
                    1 => {
                        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
                    }
                    // It has it, and does not say so.
                    2 => {
                        self.remember(&body);
                        return;
                    }
                    _ => {
                        thread::sleep(Duration::from_millis(300));
                        return;
                    }
                };
                if answers.write_all(answer.as_bytes()).is_err() {
                    return;
                }
                continue;
            }
            self.remember(&body);
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            if answers.write_all(answer).is_err() {
                return;
            }
        }
    }

    fn remember(&self, body: &[u8]) {
        let Ok(body) = serde_json::from_slice::<serde_json::Value>(body) else { return };
        let events = body.as_array().cloned().unwrap_or_else(|| vec![body]);
        for event in events {
            let uid = event["data"]["sopInstanceUid"].as_str().unwrap_or_default();
            if let Some(number) = Number::of_uid(uid)
                && !self.told.add(number)
            {
                self.repeats.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// The body of the next request.
fn read_request(requests: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if requests.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok().filter(|length| *length <= BODY_BYTES)?;
        }
    }
    let mut body = vec![0; length];
    requests.read_exact(&mut body).ok()?;
    Some(body)
}
