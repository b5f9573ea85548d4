//! The manual page `storescp.1`.

use super::help::RELEASE_DATE;
use super::layout::{put, wrapped};
use super::topics::{EXAMPLES, Entry, Example, TOPICS};
use crate::cli::options::{OptionSpec, SECTIONS};

/// The page in `man`'s macros.
pub(in crate::cli) fn page() -> String {
    let mut options = String::new();
    for section in &SECTIONS {
        put(&mut options, format_args!(".SS {}\n", escaped(section.title)));
        for (index, part) in section.parts.iter().enumerate() {
            if let Some(heading) = part.heading {
                // A heading is a paragraph already.
                let paragraph = if index == 0 { "" } else { ".PP\n" };
                put(&mut options, format_args!("{paragraph}.I {}:\n", escaped(heading)));
            }
            part.options.iter().for_each(|option| entry(&mut options, option));
        }
    }
    include_str!("manual.roff")
        .replace("@DATE@", RELEASE_DATE)
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@OPTIONS@\n", &options)
        .replace("@EXAMPLES@\n", &examples())
        .replace("@TOPICS@\n", &topics())
}

fn examples() -> String {
    let mut page = ".SH EXAMPLES\n".to_owned();
    for (index, Example { what, line }) in EXAMPLES.iter().enumerate() {
        // A paragraph directly below a heading is one too many.
        let paragraph = if index == 0 { "" } else { ".PP\n" };
        put(&mut page, format_args!("{paragraph}{}:\n.PP\n.RS\n", escaped(what)));
        put(&mut page, format_args!(".B storescp {}\n.RE\n", quoted(line)));
    }
    page
}

fn topics() -> String {
    let mut page = String::new();
    for topic in &TOPICS {
        put(&mut page, format_args!(".SH {}\n", topic.title.to_uppercase()));
        if !topic.intro.is_empty() {
            put(&mut page, format_args!("{}\n", sentences(topic.intro)));
        }
        for Entry { name, text } in topic.entries {
            put(&mut page, format_args!(".TP\n.B {}\n{}\n", escaped(name), sentences(text)));
        }
    }
    page
}

/// Text with each sentence on a line of its own, as `roff` wants it, and no line too long for `mandoc -Tlint`.
fn sentences(text: &str) -> String {
    let sentences =
        text.split_inclusive(". ").flat_map(|sentence| wrapped(sentence.trim_end(), 70));
    sentences.map(|line| escaped(&line)).collect::<Vec<_>>().join("\n")
}

/// The arguments of a macro, in which a quote would begin one with blanks.
fn quoted(line: &str) -> String {
    escaped(line).replace('"', "\\(dq")
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
        for left in ["@OPTIONS@", "@DATE@", "@TOPICS@", "@EXAMPLES@"] {
            assert!(!page.contains(left), "{left}");
        }
    }
}
