//! Opens many misbehaving connections to a receiver, as a background load for measuring a well-behaved sender.
//!
//!     crowd HOST:PORT [--idle N] [--slow N] [--deaf N] [--silent N] [--resets N]
//!
//! Prints one line of JSON once all connections are open, and runs until standard input is closed.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use interop::Object;
use interop::wire::{Client, Command, Pdv, Request, data_pdu, release_request};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().expect("HOST:PORT");
    let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let mut numbers = BTreeMap::from([
        ("--idle", 10_000),
        ("--slow", 200),
        ("--deaf", 20),
        ("--silent", 500),
        ("--resets", 20),
    ]);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse().ok()).expect("a number");
        *numbers.get_mut(name.as_str()).unwrap_or_else(|| panic!("{name} is no option")) = value;
    }
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("allowed");

    let number = |name: &str| -> usize { numbers[name] };
    let silent: Vec<_> = (0..number("--silent")).map(|_| Client::connect(port)).collect();
    let idle: Vec<_> = (0..number("--idle")).map(|_| Client::usual(port)).collect();
    let deaf: Vec<_> = (0..number("--deaf")).map(|_| deaf(port)).collect();
    let mut slow: Vec<_> = (0..number("--slow")).map(|n| Slow::begin(port, n % 5)).collect();

    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                slow.iter_mut().for_each(Slow::send_a_byte);
                thread::sleep(Duration::from_secs(1));
            }
        });
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                let each = 1000 / u64::try_from(number("--resets").max(1)).unwrap_or(1000);
                if number("--resets") > 0 {
                    reset(port);
                }
                thread::sleep(Duration::from_millis(each));
            }
        });
        println!("{{\"open\": {}}}", silent.len() + idle.len() + deaf.len() + number("--slow"));
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        ended.store(true, Ordering::Relaxed);
    });
}

/// A peer that sends request after request and reads no response.
fn deaf(port: u16) -> Client {
    let mut client = Client::usual(port);
    let echo = data_pdu(&[Pdv::command(1, true, &Command::echo(1).encode())]);
    let many = echo.repeat(1000);
    while client.send_within(&many, Duration::from_millis(20)) {}
    client
}

/// A peer that sends one byte per second.
struct Slow {
    client: Client,
    rest: std::vec::IntoIter<u8>,
}

impl Slow {
    /// Starts in one of five states of the protocol.
    fn begin(port: u16, state: usize) -> Self {
        let object = Object::ct(10_000);
        let command = Command::store(1, &object.sop_class, &object.sop_instance).encode();
        let command = data_pdu(&[Pdv::command(3, true, &command)]);
        let data = data_pdu(&[Pdv::data(3, true, &object.bytes)]);
        let mut client = if state == 0 { Client::connect(port) } else { Client::usual(port) };
        let rest = match state {
            0 => Request::usual().encode(),
            1 => command,
            2 | 3 => {
                client.send(&command);
                // The header of the PDU and of the PDV, or within the data set.
                let sent = if state == 2 { 0 } else { 5_000 };
                client.send(&data[..sent]);
                data[sent..].to_vec()
            }
            _ => release_request(),
        };
        Self { client, rest: rest.into_iter() }
    }

    fn send_a_byte(&mut self) {
        if let Some(byte) = self.rest.next() {
            // The receiver may have closed the connection already.
            let _ = self.client.try_send(&[byte]);
        }
    }
}

/// A connection that is reset in the middle of a request.
fn reset(port: u16) {
    let Ok(mut client) = Client::try_connect(port) else { return };
    let request = Request::usual().encode();
    let _ = client.try_send(&request[..request.len() / 2]);
    client.reset();
}
