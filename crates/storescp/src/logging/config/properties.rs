//! Java-style property files, as log4cplus reads them: `key = value`, `#` comments, `${…}`.

use chrono::Local;

/// The entries of a file in its order; of a repeated key, the last counts.
#[derive(Debug, Default)]
pub(super) struct Properties {
    entries: Vec<Property>,
}

/// An entry; blanks around key and value are gone.
#[derive(Debug)]
pub(super) struct Property {
    pub(super) key: String,
    value: String,
    /// The number of its line, from 1.
    pub(super) line: usize,
}

/// Values that name other values may do so, so deep.
const REFERENCES_WITHIN_REFERENCES: usize = 8;

/// So many references are replaced for one value, those within others included.
const REFERENCES_OF_A_VALUE: usize = 256;

/// Once a value is so long, no more references in it are replaced.
const EXPANDED_BYTES: usize = 64 * 1024;

impl Properties {
    /// Reads a file's text. Lines without `=` say nothing.
    pub(super) fn parse(text: &str) -> Self {
        let mut properties = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.starts_with('#') {
                continue;
            }
            let Some((key, value)) = line.split_once('=') else { continue };
            let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
            properties.entries.retain(|entry| entry.key != key);
            properties.entries.push(Property { key, value, line: index + 1 });
        }
        properties
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Property> {
        self.entries.iter()
    }

    /// The value of a key, with all `${…}` in it replaced.
    pub(super) fn value(&self, key: &str) -> Option<String> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        let mut expansion = Expansion { text: String::new(), left: REFERENCES_OF_A_VALUE };
        self.expand(&entry.value, REFERENCES_WITHIN_REFERENCES, &mut expansion);
        Some(expansion.text)
    }

    /// The number of the line that a key is in.
    pub(super) fn line(&self, key: &str) -> usize {
        self.entries.iter().find(|entry| entry.key == key).map_or(0, |entry| entry.line)
    }

    fn expand(&self, value: &str, depth: usize, expansion: &mut Expansion) {
        let mut rest = value;
        while let Some((before, name, after)) = reference(rest) {
            expansion.text.push_str(before);
            if depth > 0 && expansion.left > 0 && expansion.text.len() < EXPANDED_BYTES {
                expansion.left -= 1;
                let value = self.refer(name).unwrap_or_default();
                self.expand(&value, depth - 1, expansion);
            }
            rest = after;
        }
        expansion.text.push_str(rest);
    }

    /// Another entry, a value that is always there, or an environment variable.
    fn refer(&self, name: &str) -> Option<String> {
        let entry = self.entries.iter().find(|entry| entry.key == name);
        if let Some(entry) = entry {
            return Some(entry.value.clone());
        }
        Some(match name {
            "appname" => "storescp".to_owned(),
            "date" => Local::now().format("%Y%m%d").to_string(),
            "time" => Local::now().format("%H%M%S").to_string(),
            "pid" => std::process::id().to_string(),
            "hostname" => host_name(),
            _ => return std::env::var(name).ok(),
        })
    }
}

/// A value whose references are being replaced.
struct Expansion {
    text: String,
    /// References that may still be replaced.
    left: usize,
}

/// What is before, in and after the first `${…}`.
fn reference(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("${")?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

/// This machine's name.
pub(super) fn host_name() -> String {
    dns_lookup::get_hostname().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_have_no_blanks_around_them() {
        let text = "# a = b\n\n  key   =  a b # c  \nno entry\nk=1\nk = 2\r\nempty =\n";
        let properties = Properties::parse(text);
        assert_eq!(properties.value("key").as_deref(), Some("a b # c"));
        assert_eq!(properties.value("k").as_deref(), Some("2"));
        assert_eq!((properties.line("k"), properties.line("none")), (6, 0));
        assert_eq!(properties.value("empty").as_deref(), Some(""));
        assert_eq!(properties.value("# a"), None);
        assert!(Properties::parse("# only\nthis\n").is_empty());
    }

    #[test]
    fn references_are_replaced() {
        let text = "a = x${b}${c}y\nb = 1${c}\nc = 2\nloop = ${loop}\nopen = ${b\nnone = <${NONE_SUCH}>\n\
                    app = ${appname}.${pid}\n";
        let properties = Properties::parse(text);
        assert_eq!(properties.value("a").as_deref(), Some("x122y"));
        assert_eq!(properties.value("loop").as_deref(), Some(""));
        assert_eq!(properties.value("open").as_deref(), Some("${b"));
        assert_eq!(properties.value("none").as_deref(), Some("<>"));
        let app = format!("storescp.{}", std::process::id());
        assert_eq!(properties.value("app"), Some(app));
        let home = std::env::var("PATH").unwrap();
        assert_eq!(Properties::parse("p=${PATH}").value("p"), Some(home));
    }

    #[test]
    fn references_that_multiply_come_to_an_end() {
        let nothing = format!("a = {}\n", "${a}".repeat(500));
        assert_eq!(Properties::parse(&nothing).value("a").as_deref(), Some(""));
        let much = format!("a = {}{}\n", "x".repeat(1000), "${a}".repeat(500));
        let length = Properties::parse(&much).value("a").unwrap().len();
        assert!((EXPANDED_BYTES..2 * EXPANDED_BYTES).contains(&length), "{length}");
    }
}
