//! Any text, as a log configuration (`--log-config`).
//!
//! No file is opened: the text is parsed, and lines are formatted with its layouts. Checked: there is no panic;
//! every problem names its line; line ends and comments make no difference; and a line is no longer than the
//! widths in its pattern permit.

use storescp::logging::LogConfig;
use storescp::logging::LogLevel;

use super::{check_line, one_further};

/// Runs one input.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let moved = LogConfig::parse(&format!("#\n{text}"));
    let setup = match LogConfig::parse(&text) {
        Ok(setup) => setup,
        Err(fault) => return assert_eq!(moved, Err(fault)),
    };
    for problem in &setup.problems {
        check_line(problem, &text);
    }
    let mut moved = moved.expect("as before");
    // Variables may refer to the time, so the result may differ.
    if !text.contains("${") {
        let problems: Vec<_> = setup.problems.iter().map(|it| one_further(it)).collect();
        assert_eq!(moved.problems, problems);
        let other = LogConfig::parse(&text.replace('\n', "\r\n")).expect("as before");
        assert_eq!(other, setup);
        moved.problems.clone_from(&setup.problems);
        assert_eq!(moved, setup);
    }
    for level in [LogLevel::Fatal, LogLevel::Warn, LogLevel::Trace] {
        for line in setup.example(level, "größer als \\n") {
            assert!(line.len() <= LINE_BYTES, "{} bytes", line.len());
        }
    }
}

/// Length of a line for the longest pattern, filled with the shortest conversion of the greatest width. An
/// input can exceed this only in part of its lines.
const LINE_BYTES: usize = (64 + 9 * 16) * 1024 / 5 * 1000;
