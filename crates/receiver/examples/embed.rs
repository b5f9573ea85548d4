//! A storage receiver of our own: `embed DIRECTORY PORT` stores what comes, prints a line for each object,
//! and ends when standard input does.

#![expect(clippy::disallowed_methods, reason = "a program has arguments")]

use receiver::net::PeerNames;
use receiver::*;
use std::{env, io, path::PathBuf, sync::Arc, time::Duration};

/// Treats all senders alike, but for those of a title that nobody trusts.
struct Printer(Arc<Treatment>);

impl Observer for Printer {
    fn admit(&self, proposed: &Proposed<'_>) -> Result<Arc<Treatment>, Refusal> {
        match proposed.peer.calling_ae.as_bytes() {
            b"MALLORY" => Err(Refusal::calling_ae_title("nobody trusts MALLORY")),
            _ => Ok(Arc::clone(&self.0)),
        }
    }

    fn stored(&self, object: &StoredObject<'_>) -> Option<AfterAnswer> {
        let path = object.file.map(|file| file.real_path()).unwrap_or_default();
        println!("{} from {}: {}", object.sop_instance, object.peer.calling_ae, path.display());
        None
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = env::args().skip(1);
    let (directory, port) = (words.next().ok_or("no directory")?, words.next().ok_or("no port")?);
    let identity = Identity::new("2.25.329800735698586629295641978511506172918", "EXAMPLE_1")?;
    let output = OutputSettings::new(PathBuf::from(directory));
    let settings = NodeSettings::new(identity.clone(), port.parse()?);
    let capacity = Capacity::find(&settings, &[&output], ProgramNeeds::default())?;
    let output = Arc::new(Output::open(output)?);
    let treatment = Treatment::new(&identity, UNCOMPRESSED, Arc::clone(&output));
    let observer = Arc::new(Printer(Arc::new(treatment)));
    let node = Node::new(settings, Arc::new(PeerNames::new(false)), observer)?;
    let serving = Server::bind(Arc::new(node), capacity)?.start()?;
    output.recover(true);
    io::copy(&mut io::stdin(), &mut io::sink())?;
    serving.stop_accepting();
    let drained = serving.drain(Duration::from_secs(10));
    output.clean_up();
    println!("{} associations were cut off", drained.cut_off);
    Ok(())
}
