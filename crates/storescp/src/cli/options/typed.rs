//! The first step: what was typed, split into options with their values, and parameters.

use std::ffi::{OsStr, OsString};

use super::spec::{Choice, Opt, OptionSpec, Value};
use crate::cli::fault::{Fault, Misfit, Taken};
use crate::cli::files::Files;
use std::time::Duration;

/// A command line taken apart; its values are not looked at yet.
#[derive(Default)]
pub(in crate::cli) struct Typed {
    options: Vec<TypedOption>,
    parameters: Vec<OsString>,
    /// The whole line with command files expanded and long names in place of short ones.
    words: Vec<OsString>,
}

struct TypedOption {
    spec: &'static OptionSpec,
    values: Vec<OsString>,
}

impl Typed {
    /// Takes a command line apart, the program's name not included.
    ///
    /// An argument is an option if it begins with `-` or `+` and its second character is no
    /// digit; `find` finds its entry in the table. An option's values are the arguments after it, whatever they
    /// look like; the first may be joined to a long name by `=`.
    pub(in crate::cli) fn read(
        arguments: impl Iterator<Item = OsString>,
        find: impl Fn(&str) -> Option<&'static OptionSpec>,
        files: &impl Files,
    ) -> Result<Self, Fault> {
        let mut expanded = Vec::new();
        for argument in arguments {
            expand(argument, files, &mut expanded)?;
        }
        let mut typed = Self::default();
        let mut arguments = expanded.into_iter();
        while let Some(argument) = arguments.next() {
            if !is_option(&argument) {
                typed.words.push(argument.clone());
                typed.parameters.push(argument);
                continue;
            }
            let Some((spec, joined)) = look_up(&argument, &find) else {
                return Err(Fault::UnknownOption(argument));
            };
            let missing = spec.values.len() - usize::from(joined.is_some());
            let values: Vec<_> =
                joined.into_iter().chain(arguments.by_ref().take(missing)).collect();
            if values.len() < spec.values.len() {
                return Err(Fault::MissingValue(spec.long));
            }
            typed.words.push(spec.long.into());
            typed.words.extend_from_slice(&values);
            typed.options.push(TypedOption { spec, values });
        }
        Ok(typed)
    }

    /// The words of the line, command files expanded, long names in place of short ones.
    pub(in crate::cli) fn words(&self) -> &[OsString] {
        &self.words
    }

    /// True if there is nothing but parameters.
    pub(super) fn has_no_options(&self) -> bool {
        self.options.is_empty()
    }

    /// The options as typed, in their order: each with whether it is the last of its name.
    pub(super) fn options(&self) -> impl Iterator<Item = (&'static OptionSpec, bool)> {
        self.options.iter().enumerate().map(|(index, typed)| {
            let later = &self.options[index + 1..];
            (typed.spec, later.iter().all(|other| other.spec.id != typed.spec.id))
        })
    }

    /// The option that took a port for its value: the last one whose last value is a number from 1 to 65535
    /// although any text would do.
    pub(super) fn taken_for_value(&self) -> Option<Taken> {
        self.options.iter().rev().find_map(|typed| {
            let (value, kind) = (typed.values.last()?, typed.spec.values.last()?);
            let is_port = value.to_str()?.parse::<u16>().is_ok_and(|port| port > 0);
            let takes_any = matches!(kind, Value::Text | Value::File | Value::Directory);
            // A password is not shown.
            let is_secret = typed.spec.id == Opt::UsePasswd;
            (is_port && takes_any && !is_secret)
                .then(|| Taken { option: typed.spec.long, value: value.clone() })
        })
    }

    /// The words that are neither options nor values of options.
    pub(super) fn parameters(&self) -> &[OsString] {
        &self.parameters
    }

    /// Whether the option was typed.
    pub(in crate::cli) fn has(&self, option: Opt) -> bool {
        self.last(option).is_some()
    }

    /// Whether the option was typed and none of its choice further right.
    pub(super) fn won(&self, option: Opt) -> bool {
        self.last(option).is_some_and(|typed| match typed.spec.choice {
            Some(choice) => self.chosen(choice) == Some(option),
            None => true,
        })
    }

    /// The rightmost typed option of a choice.
    pub(super) fn chosen(&self, choice: Choice) -> Option<Opt> {
        let winner = self.options.iter().rfind(|typed| typed.spec.choice == Some(choice))?;
        Some(winner.spec.id)
    }

    /// The first value of an option, as typed last.
    pub(super) fn text(&self, option: Opt) -> Option<&OsStr> {
        self.last(option)?.values.first().map(OsString::as_os_str)
    }

    /// Both values of an option, as typed last.
    pub(super) fn two_texts(&self, option: Opt) -> Option<[&OsStr; 2]> {
        match self.last(option)?.values.as_slice() {
            [first, second] => Some([first, second]),
            _ => None,
        }
    }

    /// All values of an option, however often it was typed, in their order.
    pub(super) fn values(&self, option: Opt) -> impl Iterator<Item = &OsStr> {
        let options = self.options.iter().filter(move |typed| typed.spec.id == option);
        options.flat_map(|typed| typed.values.iter().map(OsString::as_os_str))
    }

    /// The number that is the first value of an option.
    pub(super) fn number(&self, option: Opt) -> Result<Option<i64>, Fault> {
        Ok(self.numbers::<1>(option)?.map(|[number]| number))
    }

    /// The first `N` values of an option, all numbers.
    pub(super) fn numbers<const N: usize>(&self, option: Opt) -> Result<Option<[i64; N]>, Fault> {
        let Some(typed) = self.last(option) else { return Ok(None) };
        let mut numbers = [0; N];
        let kinds = typed.spec.values.iter().zip(&typed.values);
        for (number, (&kind, value)) in numbers.iter_mut().zip(kinds) {
            *number = check(kind, value)
                .map_err(|misfit| Fault::Value(typed.spec.long, value.clone(), misfit))?;
        }
        Ok(Some(numbers))
    }

    /// The number of seconds that is the first value of an option, at most 2^32 - 1 (136 years), so
    /// that sums with the current time cannot overflow.
    pub(super) fn seconds(&self, option: Opt) -> Result<Option<Duration>, Fault> {
        let most = i64::from(u32::MAX);
        let seconds = |number: i64| Duration::from_secs(number.clamp(0, most).unsigned_abs());
        Ok(self.number(option)?.map(seconds))
    }

    /// The long name of an option that was typed.
    pub(super) fn name_of(&self, option: Opt) -> &'static str {
        self.last(option).expect("it was typed").spec.long
    }

    /// Fails if `option` counts and so does one of `others`.
    pub(super) fn refuse_with(&self, option: Opt, others: &[Opt]) -> Result<(), Fault> {
        if !self.won(option) {
            return Ok(());
        }
        match others.iter().find(|&&other| self.won(other)) {
            Some(&other) => Err(self.not_allowed(option, other)),
            None => Ok(()),
        }
    }

    /// Fails if an option of `choice` was typed and one of `others` counts. The message names the
    /// first of the choice in the order of the table, overruled or not; not what is written anyway.
    pub(super) fn refuse_choice_with(&self, choice: Choice, others: &[Opt]) -> Result<(), Fault> {
        let options = self.options.iter().filter(|typed| typed.spec.choice == Some(choice));
        let named = options.map(|typed| typed.spec.id).filter(|&id| id != Opt::WriteXferSame).min();
        match (named, others.iter().find(|&&other| self.won(other))) {
            (Some(option), Some(&other)) => Err(self.not_allowed(option, other)),
            _ => Ok(()),
        }
    }

    /// Two options that were typed exclude each other.
    pub(super) fn not_allowed(&self, option: Opt, other: Opt) -> Fault {
        Fault::NotAllowedWith(self.name_of(option), self.name_of(other))
    }

    fn last(&self, option: Opt) -> Option<&TypedOption> {
        self.options.iter().rfind(|typed| typed.spec.id == option)
    }
}

/// The entry of an option and, of `--name=value`, the value. Only long names of options with values can have
/// one joined: DCMTK's short ones end in `=` themselves (`+x=`).
fn look_up(
    argument: &OsStr,
    find: impl Fn(&str) -> Option<&'static OptionSpec>,
) -> Option<(&'static OptionSpec, Option<OsString>)> {
    if let Some(spec) = argument.to_str().and_then(&find) {
        return Some((spec, None));
    }
    let bytes = argument.as_encoded_bytes();
    let equals = bytes.iter().position(|&byte| byte == b'=')?;
    let spec = std::str::from_utf8(&bytes[..equals]).ok().and_then(find)?;
    let is_long = spec.long.as_bytes() == &bytes[..equals];
    (is_long && !spec.values.is_empty())
        .then(|| (spec, Some(from_bytes(bytes[equals + 1..].to_vec()))))
}

/// Whether an argument is an option's name rather than a parameter.
fn is_option(argument: &OsStr) -> bool {
    matches!(argument.as_encoded_bytes(), [b'-' | b'+', second, ..] if !second.is_ascii_digit())
}

/// Reads a number within the bounds of `kind`.
fn check(kind: Value, value: &OsStr) -> Result<i64, Misfit> {
    match kind {
        Value::Text | Value::File | Value::Directory | Value::OneOf(_) | Value::CipherSuite => {
            Err(Misfit::Malformed)
        }
        Value::Integer { min, max } => {
            within(leading_integer(value, Base::Marked).ok_or(Misfit::Malformed)?, min, max)
        }
        Value::Unsigned { min, max } => {
            if value.as_encoded_bytes().trim_ascii_start().starts_with(b"-") {
                return Err(Misfit::Malformed);
            }
            within(leading_integer(value, Base::Decimal).ok_or(Misfit::Malformed)?, min, max)
        }
        Value::Digits { min, max } => {
            if !value.as_encoded_bytes().iter().all(u8::is_ascii_digit) {
                return Err(Misfit::Malformed);
            }
            within(leading_integer(value, Base::Decimal).ok_or(Misfit::Malformed)?, min, max)
        }
    }
}

/// `number`, if it lies between `min` and `max`.
fn within(number: i64, min: i64, max: i64) -> Result<i64, Misfit> {
    match number {
        _ if number < min => Err(Misfit::Underflow),
        _ if number > max => Err(Misfit::Overflow),
        _ => Ok(number),
    }
}

/// How the digits of a number are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    Decimal,
    /// Hexadecimal after `0x`, octal after `0`, else decimal.
    Marked,
}

/// The number that `text` begins with; white space before it and whatever follows are ignored.
/// Numbers beyond 64 bits count as the nearest that fits.
pub(super) fn leading_integer(text: &OsStr, base: Base) -> Option<i64> {
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let bytes = text.as_encoded_bytes();
    let spaces = bytes.iter().take_while(|byte| is_space(byte)).count();
    let (sign, digits) = match &bytes[spaces..] {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] | digits => (1, digits),
    };
    let (radix, digits) = match (base, digits) {
        (Base::Marked, [b'0', b'x' | b'X', rest @ ..])
            if rest.first().is_some_and(u8::is_ascii_hexdigit) =>
        {
            (16, rest)
        }
        (Base::Marked, [b'0', ..]) => (8, digits),
        _ => (10, digits),
    };
    let digits = digits.iter().map_while(|&byte| char::from(byte).to_digit(radix));
    digits.fold(None, |number, digit| {
        let shifted = number.unwrap_or(0i64).saturating_mul(radix.into());
        Some(shifted.saturating_add(sign * i64::from(digit)))
    })
}

/// Appends an argument, or in place of `@file` the words of that file.
fn expand(
    argument: OsString,
    files: &impl Files,
    expanded: &mut Vec<OsString>,
) -> Result<(), Fault> {
    let Some(name) = file_name(&argument) else {
        expanded.push(argument);
        return Ok(());
    };
    let text = files.command_file(&name).map_err(|_| Fault::CommandFile(name))?;
    expanded.extend(words(&text).into_iter().map(from_bytes));
    Ok(())
}

/// What follows the `@` of a command file argument; a lone `@` is none.
fn file_name(argument: &OsStr) -> Option<OsString> {
    match argument.as_encoded_bytes() {
        [b'@', name @ ..] if !name.is_empty() => Some(from_bytes(name.to_vec())),
        _ => None,
    }
}

/// Splits the text of a command file at blanks and line ends.
///
/// `'…'` and `"…"` keep what is between them together and may begin inside a word; the closing
/// quote ends the word, so `""` is an empty one. A quote left open ends with the file. There are
/// no comments and no escapes.
fn words(text: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    for &byte in text {
        match (quote, byte) {
            (Some(open), _) if byte == open => {
                quote = None;
                words.extend(word.take());
            }
            (None, b'\'' | b'"') => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (None, b' ' | b'\t' | b'\r' | b'\n') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word.filter(|word| !word.is_empty()));
    words
}

#[cfg(unix)]
fn from_bytes(bytes: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}

#[cfg(not(unix))]
fn from_bytes(bytes: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;
    use crate::cli::files::FileSystem;

    fn read(line: &[&str]) -> Result<Typed, Fault> {
        Typed::read(line.iter().map(OsString::from), find, &FileSystem)
    }

    #[test]
    fn options_begin_with_a_sign_and_no_digit() {
        for option in ["-x", "+x", "--", "-ä", "+="] {
            assert!(is_option(OsStr::new(option)), "{option}");
        }
        for parameter in ["", "-", "+", "x", "-5", "+5x", " -x"] {
            assert!(!is_option(OsStr::new(parameter)), "{parameter}");
        }
    }

    #[test]
    fn values_are_taken_whatever_they_look_like() {
        let typed = read(&["-aet", "-v", "104", "-od", "104"]).unwrap();
        assert_eq!(typed.text(Opt::AeTitle), Some(OsStr::new("-v")));
        assert!(!typed.has(Opt::Verbose));
        assert_eq!(typed.parameters(), ["104"]);
        assert_eq!(
            typed.words(),
            ["--aetitle", "-v", "104", "--output-directory", "104"].map(OsString::from)
        );
    }

    #[test]
    fn a_value_may_be_joined_to_a_long_name() {
        let typed =
            read(&["--aetitle=A=B", "--config-file=f", "p", "--output-directory="]).unwrap();
        assert_eq!(typed.text(Opt::AeTitle), Some(OsStr::new("A=B")));
        assert_eq!(typed.two_texts(Opt::ConfigFile), Some(["f", "p"].map(OsStr::new)));
        assert_eq!(typed.text(Opt::OutputDirectory), Some(OsStr::new("")));
        assert_eq!(typed.words()[..2], ["--aetitle", "A=B"].map(OsString::from));
        for refused in ["--verbose=1", "-aet=A", "--aet=A", "=A", "--=A", "+x==1"] {
            let fault = read(&[refused]).map(drop);
            let is_parameter = refused.starts_with('=');
            assert_eq!(fault.is_ok(), is_parameter, "{refused}");
        }
        let missing = read(&["--config-file=f"]).map(drop);
        assert_eq!(missing, Err(Fault::MissingValue("--config-file")));
    }

    #[test]
    fn the_option_that_took_the_port_is_found() {
        let taken = |line: &[&str]| read(line).unwrap().taken_for_value().map(|it| it.option);
        assert_eq!(taken(&["-su", "13710"]), Some("--sort-on-study-uid"));
        assert_eq!(taken(&["-od", "104", "-aet", "X"]), Some("--output-directory"));
        assert_eq!(taken(&["-pdu", "16384"]), None);
        assert_eq!(taken(&["+pw", "4711"]), None);
        assert_eq!(taken(&["-su", "70000", "-v"]), None);
    }

    #[test]
    fn the_first_fault_from_the_left_counts() {
        let unknown = Err(Fault::UnknownOption("-x".into()));
        assert_eq!(read(&["-x", "-y", "-pdu"]).map(drop), unknown);
        assert_eq!(read(&["+p", "1"]).map(drop), Err(Fault::MissingValue("--padding-create")));
        let missing = Err(Fault::CommandFile("no such file".into()));
        assert_eq!(read(&["-x", "@no such file"]).map(drop), missing);
    }

    #[test]
    fn the_rightmost_of_a_choice_and_of_a_repeated_option_counts() {
        let typed = read(&["+xs", "-pdu", "1", "+xe", "+B", "-pdu", "5000"]).unwrap();
        assert_eq!(typed.chosen(Choice::Preference), Some(Opt::PreferLittle));
        assert!(typed.won(Opt::PreferLittle) && !typed.won(Opt::PreferLossless));
        assert!(typed.has(Opt::PreferLossless) && typed.won(Opt::BitPreserving));
        assert_eq!(typed.chosen(Choice::FileFormat), None);
        assert_eq!(typed.number(Opt::MaxPdu), Ok(Some(5000)));
        assert_eq!(typed.number(Opt::SleepAfter), Ok(None));
    }

    #[test]
    fn numbers_are_prefixes() {
        let cases = [
            ("21x", Some(21)),
            (" \t\n\u{b}+7", Some(7)),
            ("-5", Some(-5)),
            ("0x50", Some(0)),
            ("1e3", Some(1)),
            ("99999999999999999999", Some(i64::MAX)),
            ("-99999999999999999999", Some(i64::MIN)),
            ("", None),
            ("x1", None),
            ("+-1", None),
            ("- 1", None),
            (".5", None),
        ];
        for (text, number) in cases {
            assert_eq!(leading_integer(OsStr::new(text), Base::Decimal), number, "{text}");
        }
        let marked = [("0x1Fg", 31), ("-010", -8), ("08", 0), ("0x", 0), ("0", 0), ("9", 9)];
        for (text, number) in marked {
            assert_eq!(leading_integer(OsStr::new(text), Base::Marked), Some(number), "{text}");
        }
    }

    #[test]
    fn bounds_are_inclusive_and_unsigned_values_have_no_sign() {
        let signed = Value::Integer { min: -1, max: 4 };
        assert_eq!(check(signed, OsStr::new("-1")), Ok(-1));
        assert_eq!(check(signed, OsStr::new("-2")), Err(Misfit::Underflow));
        assert_eq!(check(signed, OsStr::new("5")), Err(Misfit::Overflow));
        let unsigned = Value::Unsigned { min: 1, max: 4 };
        assert_eq!(check(unsigned, OsStr::new("4")), Ok(4));
        assert_eq!(check(unsigned, OsStr::new("0")), Err(Misfit::Underflow));
        assert_eq!(check(unsigned, OsStr::new(" -2")), Err(Misfit::Malformed));
        assert_eq!(check(unsigned, OsStr::new("-0")), Err(Misfit::Malformed));
        assert_eq!(check(unsigned, OsStr::new("two")), Err(Misfit::Malformed));
    }

    #[test]
    fn command_files_are_split_at_blanks_and_quotes() {
        let cases: [(&str, &[&str]); 12] = [
            ("", &[]),
            (" \r\n\t", &[]),
            ("-v  -od\tx\r\ny", &["-v", "-od", "x", "y"]),
            ("'a b' \"c 'd\"", &["a b", "c 'd"]),
            ("a\"b c\"d e", &["ab c", "d", "e"]),
            ("\"\" ''x", &["", "", "x"]),
            ("\"a\"\"b\"", &["a", "b"]),
            ("\"open end", &["open end"]),
            ("a \"", &["a"]),
            ("# no comment", &["#", "no", "comment"]),
            ("a\\ b\u{b}c", &["a\\", "b\u{b}c"]),
            ("@file", &["@file"]),
        ];
        for (text, expected) in cases {
            let found: Vec<_> =
                words(text.as_bytes()).into_iter().map(|w| String::from_utf8(w).unwrap()).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
