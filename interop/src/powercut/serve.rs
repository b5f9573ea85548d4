//! The process that serves the disks. It is told what to do by lines on its standard input, and answers each with
//! one line.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::cut::{Sectors, cut};
use super::file_server::{Disks, lock, mount};
use super::recording::{Past, Recording};
use crate::random::Random;

/// Serves two disks of this size in `folder`, until standard input ends.
///
/// This process never uses a file system on its own disks: if it were killed while it waits for one, the wait
/// would never end.
///
/// # Errors
/// FUSE cannot be used, or a pipe is closed.
pub fn serve(folder: &Path, bytes: u64) -> io::Result<()> {
    let disks = Arc::new(Mutex::new(Disks::new(bytes)));
    let _session = mount(Arc::clone(&disks), folder)?;
    let mut table = Table { disks, recording: None };
    println!("ready");
    for line in io::stdin().lock().lines() {
        let answer = table.obey(&line?).unwrap_or_else(|| "error".to_owned());
        println!("{answer}");
        io::stdout().flush()?;
    }
    Ok(())
}

struct Table {
    disks: Arc<Mutex<Disks>>,
    recording: Option<(Recording, Past)>,
}

impl Table {
    fn obey(&mut self, line: &str) -> Option<String> {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["position"] => Some(lock(&self.disks).position().to_string()),
            ["record"] => {
                lock(&self.disks).record();
                Some("recording".to_owned())
            }
            ["end"] => {
                let recording = lock(&self.disks).recorded()?;
                let count = recording.events.len();
                let past = Past::begin(&recording);
                self.recording = Some((recording, past));
                Some(count.to_string())
            }
            ["cut", position, seed, bytes, whole @ ..] => {
                let whole_blocks = whole.iter().map(|block| block.parse());
                let whole_blocks = whole_blocks.collect::<Result<_, _>>().ok()?;
                let sectors = Sectors { bytes: bytes.parse().ok()?, whole_blocks };
                self.cut(position.parse().ok()?, seed.parse().ok()?, &sectors)
            }
            ["before-flush", position] => {
                let (recording, _) = self.recording.as_ref()?;
                Some(recording.before_flush(position.parse().ok()?).to_string())
            }
            ["save", path] => {
                let image = lock(&self.disks).cut();
                image.save(Path::new(path)).ok()?;
                Some("saved".to_owned())
            }
            _ => None,
        }
    }

    fn cut(&mut self, position: usize, seed: u64, sectors: &Sectors) -> Option<String> {
        let (recording, past) = self.recording.as_mut()?;
        if position < past.position() {
            *past = Past::begin(recording);
        }
        past.advance(recording, position);
        let random = &mut Random::new(seed, position as u64);
        let (image, fates) = cut(recording, past, sectors, random);
        lock(&self.disks).set_cut(image);
        Some(format!("{} {} {}", fates.kept, fates.dropped, fates.torn))
    }
}
