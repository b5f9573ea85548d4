//! `storescp`: DICOM storage (C-STORE) SCP.

fn main() {}
