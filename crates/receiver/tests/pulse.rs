//! What a watchdog asks: whether connections are being accepted.

#![allow(clippy::unwrap_used, clippy::disallowed_types, reason = "a test")]

use platform::testing::Scratch;
use receiver::net::PeerNames;
use receiver::*;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Accepting(Arc<Treatment>);

impl Observer for Accepting {
    fn admit(&self, _: &Proposed<'_>) -> Result<Arc<Treatment>, Refusal> {
        Ok(Arc::clone(&self.0))
    }
}

#[test]
fn the_pulse_stops_when_nobody_accepts_any_more() {
    let scratch = Scratch::new("pulse");
    let identity = Identity::new("2.25.329800735698586629295641978511506172918", "PULSE").unwrap();
    let settings = NodeSettings::new(identity.clone(), 0);
    let output = OutputSettings::new(scratch.0.clone());
    let capacity = Capacity::find(&settings, &[&output], ProgramNeeds::default()).unwrap();
    let output = Arc::new(Output::open(output).unwrap());
    let treatment = Treatment::new(&identity, UNCOMPRESSED, output);
    let observer = Arc::new(Accepting(Arc::new(treatment)));
    let node = Node::new(settings, Arc::new(PeerNames::new(false)), observer).unwrap();
    let server = Server::bind(Arc::new(node), capacity).unwrap();
    let address = ("127.0.0.1", server.local_address().unwrap().port());
    let handle = server.start().unwrap();

    let mut pulse = Pulse::default();
    for _ in 0..3 {
        assert!(handle.is_accepting(&mut pulse), "one waits, and there is no connection");
    }
    let connection = TcpStream::connect(address).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while handle.connections() == 0 {
        assert!(Instant::now() < deadline);
    }
    for _ in 0..3 {
        assert!(handle.is_accepting(&mut pulse), "a connection that is served is none to accept");
    }
    drop(connection);
    handle.stop_accepting();
    while handle.is_accepting(&mut pulse) {
        assert!(Instant::now() < deadline, "nobody accepts, but the pulse goes on");
    }
}
