//! `storescp`: DICOM storage (C-STORE) SCP.

use std::process::ExitCode;

fn main() -> ExitCode {
    storescp::run(std::env::args_os())
}
