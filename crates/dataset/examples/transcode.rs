//! Rewrites one data set, as a storage receiver would: from a file, to a file.
//!
//! ```text
//! transcode [options] <transfer syntax UID of the input> <input> <output>
//! ```
//!
//! Input and output are bare data sets, without preamble and file meta information. The options are
//! those of `storescp`: `+B`, `+t= +te +tb +ti +td`, `+cl n`, `+u -u`, `+g= +g -g`, `+e -e`,
//! `+p file item`, `+uc -uc`.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a program, with files")]

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Read, Seek, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use dataset::format::{GroupLengths, OutputTransferSyntax, SequenceLengths};
use dataset::{Dictionary, OutputFormat, Sink, Transcoder, TransferSyntax};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let operands = arguments.split_off(arguments.len().saturating_sub(3));
    let [syntax, input, output] = &operands[..] else {
        return Err("transfer syntax, input and output, please".into());
    };
    let syntax = TransferSyntax::find(syntax).ok_or("no such transfer syntax")?;
    let format = parse_format(&arguments)?;
    let dictionary = Arc::new(Dictionary::built_in());

    let mut transcoder = Transcoder::new(syntax, &format, dictionary);
    let mut input = File::open(input)?;
    let mut output = FileSink::create(output)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = input.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        transcoder.push(&[IoSlice::new(&buffer[..read])], &mut output)?;
    }
    transcoder.finish(&mut output)?;
    println!("written in {}", transcoder.output_transfer_syntax());
    Ok(())
}

fn parse_format(arguments: &[String]) -> Result<OutputFormat, Box<dyn Error>> {
    let mut format = OutputFormat::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<u32, Box<dyn Error>> {
            Ok(arguments.next().ok_or("a number is missing")?.parse()?)
        };
        match argument.as_str() {
            "+B" => format.bit_preserving = true,
            "+t=" => format.transfer_syntax = OutputTransferSyntax::AsReceived,
            "+te" => format.transfer_syntax = OutputTransferSyntax::ExplicitVrLittleEndian,
            "+tb" => format.transfer_syntax = OutputTransferSyntax::ExplicitVrBigEndian,
            "+ti" => format.transfer_syntax = OutputTransferSyntax::ImplicitVrLittleEndian,
            "+td" => format.transfer_syntax = OutputTransferSyntax::DeflatedExplicitVrLittleEndian,
            "+cl" => format.compression_level = number()?.try_into()?,
            "+u" => format.new_vrs = true,
            "-u" => format.new_vrs = false,
            "+g=" => format.group_lengths = GroupLengths::Recalculate,
            "+g" => format.group_lengths = GroupLengths::Create,
            "-g" => format.group_lengths = GroupLengths::Remove,
            "+e" => format.sequence_lengths = SequenceLengths::Explicit,
            "-e" => format.sequence_lengths = SequenceLengths::Undefined,
            "+p" => {
                format.padding.file_bytes = number()?;
                format.padding.item_bytes = number()?;
            }
            "+uc" => format.convert_un = true,
            "-uc" => format.convert_un = false,
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    Ok(format)
}

/// A file that a data set is written to.
struct FileSink {
    file: File,
}

impl FileSink {
    fn create(path: &str) -> io::Result<FileSink> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        Ok(FileSink { file })
    }
}

impl Sink for FileSink {
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        let mut slices = slices.to_vec();
        let mut rest = &mut slices[..];
        while rest.iter().any(|slice| !slice.is_empty()) {
            let written = self.file.write_vectored(rest)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            IoSlice::advance_slices(&mut rest, written);
        }
        Ok(())
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, offset)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.file.seek(io::SeekFrom::Start(len)).map(|_| ())
    }
}
