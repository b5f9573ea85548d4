//! What the fuzz targets do with their input.

pub mod configuration;
pub mod dataset;
pub mod proto;
pub mod tls;
