//! Implements the fuzz targets, so that the corpora also run as plain tests.

pub mod configuration;
pub mod dataset;
pub mod delivery;
pub mod paths;
pub mod proto;
pub mod tls;
