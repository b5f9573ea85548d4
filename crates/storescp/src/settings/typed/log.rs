//! The log.

use crate::logging::{LogFormat, LogLevel};
use crate::settings::reader::{table, words};
use std::path::PathBuf;

table! {
    /// What is logged, and where.
    struct Log {
        /// The least severe level that is logged.
        #[schemars(extend("default" = "warn"))]
        level: LevelWord,
        /// A file in log4cplus's format that says what is logged where (docs/operations.md), in place of `level`.
        config: PathBuf,
        /// The form of a line.
        #[schemars(extend("default" = "dcmtk"))]
        format: FormatWord,
        /// Whether the presentation contexts of associations are logged at level `info`, not only at `debug`.
        #[schemars(extend("default" = false))]
        presentation_contexts: bool,
    }
}

words! {
    /// Severities.
    LevelWord of LogLevel {
        "fatal" => LogLevel::Fatal, "what ends the program";
        "error" => LogLevel::Error, "also what failed";
        "warn" => LogLevel::Warn, "also what is doubtful";
        "info" => LogLevel::Info, "also each association and object";
        "debug" => LogLevel::Debug, "also each message";
        "trace" => LogLevel::Trace, "all there is";
    }
}

words! {
    /// The form of a line.
    FormatWord of LogFormat {
        "dcmtk" => LogFormat::Dcmtk, "DCMTK's lines as DCMTK writes them";
        "extended" => LogFormat::Extended, "each line names its association";
        "json" => LogFormat::Json, "each line is a JSON object";
    }
}
