//! The settings file (`--settings`): TOML, merged over the command line, checked, and turned into a [`Config`].
//!
//! ```text
//! bytes ──reader──► typed: each value with its place ──merge──► Config, rules: what is used
//!                      ▲                                  ▲
//!                      │                            the command line
//!                      └── documentation, defaults, examples ──► JSON Schema, docs/settings.md
//! ```

mod check;
mod faults;
mod merge;
mod options;
mod reader;
mod reference;
mod schema;
mod typed;
mod values;

pub use faults::{Fault, Faults};
pub use reference::reference;
pub use schema::schema;
pub use values::Secret;

pub(crate) use check::{check, faults, print_schema};
pub(crate) use merge::in_words;

use crate::cli::Config;
use crate::limits::SETTINGS_FAULTS;
use crate::rules;
use merge::Merging;
use reader::{At, Report, Source, read_table};
use receiver::net::inherited;
use std::path::Path;
use toml::de::DeTable;
use typed::{File, Rule};

/// What the program is to do, as the command line and the settings file that it names say together: the command line
/// alone if it names none.
///
/// For the start and for each reload, with the same `command_line`. Reads the settings file and the files of secrets,
/// faults and logging that it names; opens nothing else, and changes nothing.
///
/// # Errors
/// Everything that is wrong with the settings file; or no port to listen on is named anywhere.
pub fn effective(command_line: &Config) -> Result<Config, Faults> {
    let Some(path) = &command_line.settings_file else { return Ok(command_line.clone()) };
    let config = load(path, command_line)?;
    let listens = config.network.port > 0 || config.inetd || inherited::may_have_listeners();
    if !listens {
        let message = "nothing says where to listen: set listen = 11112, or name the port on the command line";
        return Err(Faults::about_file(path, message.to_owned()));
    }
    Ok(config)
}

/// Reads a settings file over what a command line says: what the file says wins, and what it does not say is as on
/// the command line. What in the file is doubtful is added to [`Config::warnings`].
///
/// Memory: up to [`SETTINGS_BYTES`](crate::limits::SETTINGS_BYTES) of text, and while it is read several times that.
///
/// # Errors
/// Everything that is wrong with the settings file.
pub fn load(path: &Path, command_line: &Config) -> Result<Config, Faults> {
    let source = read(path)?;
    Loaded::new(path, &source, command_line).map(|loaded| loaded.config)
}

/// Reads a settings file from memory: for tests and fuzzing. Files that it names are looked for in the current
/// directory.
///
/// # Errors
/// As [`load`].
pub fn parse(bytes: &[u8], command_line: &Config) -> Result<Config, Faults> {
    let path = Path::new("settings.toml");
    let source = Source::new(bytes.to_vec()).map_err(|fault| fault.in_file(path))?;
    Loaded::new(path, &source, command_line).map(|loaded| loaded.config)
}

fn read(path: &Path) -> Result<Source, Faults> {
    Source::read(path).map_err(|fault| fault.in_file(path))
}

/// A file as typed, and what comes of it.
struct Loaded {
    file: File,
    config: Config,
    warnings: Vec<Fault>,
}

impl Loaded {
    fn new(path: &Path, source: &Source, command_line: &Config) -> Result<Self, Faults> {
        let mut report = Report::with_tables(typed::tables());
        let (table, errors) = DeTable::parse_recoverable(source.text());
        let file: File = read_table(table.get_ref(), &mut report);
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut config =
            merge::config(&file, command_line, &mut Merging { report: &mut report, folder });
        config.settings_file = Some(path.to_owned());
        if !errors.is_empty() {
            // What a broken line leaves is not worth a second message about it.
            let mut syntax = Report::default();
            for error in &errors {
                syntax.syntax(error, source.text());
            }
            syntax.add_on_other_lines(report, source);
            report = syntax;
        }
        let (faults, mut warnings) = report.finish(path, source);
        if let Some(faults) = faults {
            return Err(faults);
        }
        warnings.extend(hidden_rules(&file, &config, source));
        config.warnings.extend(warnings.iter().map(|warning| warning.line(path)));
        Ok(Self { file, config, warnings })
    }
}

/// A warning for each rule that never decides, since an earlier one matches all that it matches.
fn hidden_rules(file: &File, config: &Config, source: &Source) -> Vec<Fault> {
    let typed: &[At<Rule>] = file.rule.as_ref().map_or(&[], |rules| &rules.value);
    let place = |index: usize| typed.get(index).map(|rule| source.place(rule.span.start));
    let warning = |(later, earlier): (usize, usize)| {
        let (name, hiding) = (&config.rules[later].name, &config.rules[earlier].name);
        let (line, _) = place(earlier)?;
        let message = format!(
            "rule \"{name}\" never decides: \"{hiding}\" in line {line} comes first and matches all that it matches"
        );
        Some(Fault { place: place(later), message })
    };
    rules::shadowed(&config.rules).into_iter().filter_map(warning).take(SETTINGS_FAULTS).collect()
}

#[cfg(test)]
mod tests;
