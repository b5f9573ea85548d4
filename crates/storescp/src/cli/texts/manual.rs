//! The manual page `storescp.1`.

use super::help::{RELEASE_DATE, put};
use crate::cli::options::{OptionSpec, SECTIONS};

/// The page in `man`'s macros.
pub(in crate::cli) fn page() -> String {
    let mut options = String::new();
    for section in &SECTIONS {
        put(&mut options, format_args!(".SS {}\n", escaped(section.title)));
        for part in section.parts {
            if let Some(heading) = part.heading {
                put(&mut options, format_args!(".PP\n.I {}:\n", escaped(heading)));
            }
            part.options.iter().for_each(|option| entry(&mut options, option));
        }
    }
    include_str!("manual.roff")
        .replace("@DATE@", RELEASE_DATE)
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@OPTIONS@\n", &options)
}

fn entry(page: &mut String, option: &OptionSpec) {
    let names = [option.short, option.long].into_iter().filter(|name| !name.is_empty());
    let names: Vec<String> = names.map(|name| format!("\\fB{}\\fR", escaped(name))).collect();
    put(page, format_args!(".TP\n{}\n", names.join(", ")));
    if !option.values_text.is_empty() {
        put(page, format_args!("{}\n.br\n", escaped(option.values_text)));
    }
    for line in option.help {
        put(page, format_args!("{}\n", escaped(line)));
    }
}

/// Text as `roff` wants it: with hyphens that are minus signs, and no control line.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
    if text.starts_with('.') { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::options;

    #[test]
    fn every_option_is_there_and_no_line_is_taken_for_a_macro() {
        let page = page();
        for option in options::all() {
            assert!(page.contains(&format!("\\fB{}\\fR", escaped(option.long))), "{}", option.long);
        }
        assert_eq!(escaped("it's a \\-test"), "it\\(aqs a \\e\\-test");
        assert_eq!(escaped(".x"), "\\&.x");
        assert!(!page.contains("@OPTIONS@") && !page.contains("@DATE@"));
    }

    #[test]
    fn its_examples_are_command_lines() {
        let page = page();
        let examples: Vec<&str> =
            page.lines().filter_map(|line| line.strip_prefix(".B storescp ")).collect();
        assert_eq!(examples.len(), 2);
        for example in examples {
            let line = example.replace("\\-", "-");
            let action = crate::cli::parse(line.split(' ').map(Into::into));
            assert!(matches!(action, crate::cli::Action::Run(_)), "{line}: {action:?}");
        }
    }
}
