//! `transcode`: measures the transcoder of the crate `dataset` alone, in memory: no socket, no file.
//!
//! It rewrites one generated data set again and again, in pieces as a receiver gets them, and prints the CPU time
//! of a pass as one line of JSON. Two builds are compared by running them in turn, pinned to one core: the minimum
//! is what other programs on the machine disturb least.

use std::io::{self, IoSlice};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use dataset::format::{GroupLengths, OutputTransferSyntax, SequenceLengths};
use dataset::{Dictionary, OutputFormat, Sink, Transcoder};
use loadgen::{Error, Object};
use rustix::time::{ClockId, clock_gettime};

/// Measure the transcoder alone.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Functional groups for this many frames, with 35 elements and 2.3 kB each.
    #[arg(long, default_value_t = 8_571)]
    frames: u32,
    /// Encapsulated pixel data of this many fragments instead.
    #[arg(long)]
    fragments: Option<u32>,
    /// The size of all fragments together.
    #[arg(long, value_name = "BYTES", default_value_t = 20_000_000)]
    object_bytes: u64,
    /// How the data set is written.
    #[arg(long, value_enum, default_value = "as-received")]
    output: Output,
    /// Number of passes.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    passes: u32,
}

/// The options of storescp, by their long names.
#[derive(Clone, Copy, ValueEnum)]
enum Output {
    /// In the transfer syntax received.
    AsReceived,
    /// +B
    BitPreserving,
    /// +te
    WriteXferLittle,
    /// +tb
    WriteXferBig,
    /// +ti
    WriteXferImplicit,
    /// -e
    LengthUndefined,
    /// +g
    GroupLengthCreate,
}

fn main() -> ExitCode {
    match measure(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("transcode: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let object = match options.fragments {
        Some(fragments) => Object::encapsulated(fragments, options.object_bytes)?,
        None => Object::enhanced_ct(options.frames)?,
    };
    let format = options.output.format();
    let dictionary = Arc::new(Dictionary::built_in());
    let mut passes = Vec::new();
    let mut sink = Counting::default();
    for _ in 0..options.passes {
        sink = Counting::default();
        let before = cpu_time();
        let mut transcoder =
            Transcoder::new(object.transfer_syntax(), &format, Arc::clone(&dictionary));
        for received in object.head().chunks(RECEIVED_BYTES) {
            let fragments: Vec<_> = received.chunks(PDV_BYTES).map(IoSlice::new).collect();
            transcoder.push(&fragments, &mut sink)?;
        }
        transcoder.finish(&mut sink)?;
        passes.push(cpu_time() - before);
    }
    passes.sort_unstable();
    println!(
        "{{\"passes\": {}, \"minimum_us\": {}, \"median_us\": {}, \"writes\": {}, \"bytes\": {}}}",
        passes.len(),
        passes.first().ok_or(Error::Size(0))?.as_micros(),
        passes[passes.len() / 2].as_micros(),
        sink.writes,
        sink.bytes,
    );
    Ok(())
}

impl Output {
    fn format(self) -> OutputFormat {
        let mut format = OutputFormat::default();
        match self {
            Self::AsReceived => {}
            Self::BitPreserving => format.bit_preserving = true,
            Self::WriteXferLittle => {
                format.transfer_syntax = OutputTransferSyntax::ExplicitVrLittleEndian;
            }
            Self::WriteXferBig => {
                format.transfer_syntax = OutputTransferSyntax::ExplicitVrBigEndian;
            }
            Self::WriteXferImplicit => {
                format.transfer_syntax = OutputTransferSyntax::ImplicitVrLittleEndian;
            }
            Self::LengthUndefined => format.sequence_lengths = SequenceLengths::Undefined,
            Self::GroupLengthCreate => format.group_lengths = GroupLengths::Create,
        }
        format
    }
}

/// Counts what it is given. It keeps nothing, so elements have to come in ascending order.
#[derive(Default)]
struct Counting {
    writes: u64,
    bytes: u64,
}

impl Sink for Counting {
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        self.writes += 1;
        self.bytes += slices.iter().map(|slice| slice.len() as u64).sum::<u64>();
        Ok(())
    }

    fn patch(&mut self, _: u64, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn read_at(&mut self, _: u64, _: &mut [u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn truncate(&mut self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The CPU time of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// What a receiver reads at a time.
const RECEIVED_BYTES: usize = 64 * 1024;

/// What a PDV of 16 KiB holds, which DCMTK's senders use by default.
const PDV_BYTES: usize = 16 * 1024 - 12;
