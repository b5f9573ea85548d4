//! Stores one DICOM file: `cargo run -p requestor --example send -- HOST:PORT FILE`.

#![expect(clippy::disallowed_types, reason = "an example opens a file")]

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use requestor::{Requestor, Response, Settings, StatusKind, part10};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, file] = &arguments[..] else { return Err("usage: send HOST:PORT FILE".into()) };
    let response = send(address, Path::new(file))?;
    println!("{} {}", response.status, response.error_comment.unwrap_or_default());
    let is_stored = matches!(response.status.kind(), StatusKind::Success | StatusKind::Warning);
    Ok(if is_stored { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) fn send(address: &str, file: &Path) -> Result<Response, Box<dyn Error>> {
    let mut file = File::open(file)?;
    let instance = part10::read_header(&mut file)?;
    let settings = Settings::new("SEND".parse()?, "ANY-SCP".parse()?);
    let mut requestor = Requestor::associate(address, &settings, &[instance.context()])?;
    let response = requestor.store(&instance, &mut file)?;
    requestor.release()?;
    Ok(response)
}
