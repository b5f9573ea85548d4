//! Reads templates.

use super::TemplateError;
use super::field::{Alternative, Component, Format, Piece, Source, TimePart, has_text};
use crate::limits::{PATH_COMPONENT_BYTES, TEMPLATE_BYTES, TEMPLATE_LEVELS};
use dataset::dictionary::{self, Dictionary, EntryVr};
use dataset::limits::DECIDING_VALUE_BYTES;
use dataset::{AttributeName, Tag, Vr};
use storage::portable::{is_plain, is_reserved};

/// What a field may begin with, for errors.
const SOURCES: &str = "a keyword of the standard (PatientID), a tag (0010,0020), a private attribute \
     (0029,'CREATOR',10), received, calling, called, SOPClass or a text in quotes";

/// Reads a template, component by component.
pub(super) fn parse(text: &str) -> Result<Vec<Component>, TemplateError> {
    let mut parser = Parser { text, at: 0 };
    if text.len() > TEMPLATE_BYTES {
        let what = format!("longer than {TEMPLATE_BYTES} bytes");
        let last = (0..=TEMPLATE_BYTES).rev().find(|&at| text.is_char_boundary(at));
        return Err(error(last.unwrap_or_default(), what));
    }
    let mut components = Vec::new();
    loop {
        let start = parser.at;
        let component = parser.component()?;
        check_component(&component, start)?;
        components.push(component);
        if components.len() > TEMPLATE_LEVELS {
            return Err(error(start, format!("more than {TEMPLATE_LEVELS} names, one in another")));
        }
        if !parser.skip('/') {
            return Ok(components);
        }
    }
}

fn error(offset: usize, message: impl Into<String>) -> TemplateError {
    TemplateError { offset, message: message.into() }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn skip_blanks(&mut self) {
        while self.skip(' ') {}
    }

    /// Takes characters as long as they are wanted.
    fn take(&mut self, is_wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|letter| !is_wanted(letter)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    /// Up to the next `/` that is not in a field, or the end.
    fn component(&mut self) -> Result<Component, TemplateError> {
        let start = self.at;
        let mut pieces = Vec::new();
        let mut literal = String::new();
        while let Some(letter) = self.peek().filter(|&letter| letter != '/') {
            let at = self.at;
            self.at += letter.len_utf8();
            match letter {
                '{' | '}' if self.skip(letter) => literal.push(letter),
                '{' => {
                    if !literal.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Field(self.field(at)?));
                }
                '}' => return Err(error(at, "a } without a {; a brace of the name is written }}")),
                _ => {
                    check_letter(letter, at)?;
                    literal.push(letter);
                }
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Ok(Component { text: self.text[start..self.at].to_owned(), pieces })
    }

    /// The alternatives behind a `{`, and the `}`.
    fn field(&mut self, start: usize) -> Result<Vec<Alternative>, TemplateError> {
        let mut alternatives = Vec::new();
        loop {
            self.skip_blanks();
            let at = self.at;
            if let Some(Alternative { source: Source::Literal(_), .. }) = alternatives.last() {
                return Err(error(
                    at,
                    "nothing can follow a text in quotes, which is always there",
                ));
            }
            let source = self.source(at)?;
            self.skip_blanks();
            let format = if self.skip(':') { self.format(&source)? } else { Format::Plain };
            alternatives.push(Alternative { source, format });
            self.skip_blanks();
            if self.skip('}') {
                return Ok(alternatives);
            }
            if !self.skip('|') {
                return Err(match self.peek() {
                    None => error(start, "a { without a }; a brace of the name is written {{"),
                    Some(_) => {
                        error(self.at, "expected : and a format, | and an alternative, or }")
                    }
                });
            }
        }
    }

    fn source(&mut self, at: usize) -> Result<Source, TemplateError> {
        if matches!(self.peek(), Some('\'' | '"')) {
            return Ok(Source::Literal(self.quoted()?.to_owned()));
        }
        let has_parentheses = self.skip('(');
        let word = self.take(|letter| letter.is_alphanumeric() || letter == '_');
        let is_hexadecimal = word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let source = match word {
            "" => return Err(error(at, format!("expected {SOURCES}"))),
            _ if word.len() == 8 && is_hexadecimal => public(tag(word, at)?, at)?,
            _ if word.len() == 4 && is_hexadecimal && self.skip(',') => self.tag(word, at)?,
            _ if has_parentheses => return Err(error(at, "expected a tag, such as (0010,0020)")),
            "received" => Source::Received,
            "calling" => Source::Calling,
            "called" => Source::Called,
            "SOPClass" => Source::SopClass,
            keyword => named(keyword, at)?,
        };
        if has_parentheses && !self.skip(')') {
            return Err(error(self.at, "expected )"));
        }
        Ok(source)
    }

    /// A tag behind its group and a comma: `0020`, or creator and element, `'CREATOR',10`.
    fn tag(&mut self, group: &str, at: usize) -> Result<Source, TemplateError> {
        if !matches!(self.peek(), Some('\'' | '"')) {
            let element = self.take(|letter| letter.is_ascii_alphanumeric());
            return public(tag(&format!("{group}{element}"), at)?, at);
        }
        let group = u16::from_str_radix(group, 16).map_err(|_| error(at, "expected a group"))?;
        let creator_at = self.at;
        let creator = self.quoted()?.trim();
        if creator.is_empty() || creator.len() > DECIDING_VALUE_BYTES {
            let what = format!("expected a private creator of 1 to {DECIDING_VALUE_BYTES} bytes");
            return Err(error(creator_at, what));
        }
        let comma = self.skip(',');
        let element_at = self.at;
        let element = self.take(|letter| letter.is_ascii_alphanumeric());
        let element = Some(element).filter(|element| comma && element.len() == 2);
        let element = element.and_then(|element| u8::from_str_radix(element, 16).ok());
        let Some(element) = element else {
            let what = "expected a comma and the element within the block of the creator, of two \
                 hexadecimal digits: (0029,'CREATOR',10)";
            return Err(error(element_at, what));
        };
        if !Tag(group, 0).is_private() || Tag(group, 0).is_invalid() {
            return Err(error(at, "the group of a private attribute is odd, and at least 0009"));
        }
        let creator = creator.into();
        let name = AttributeName::Private { group, creator, element };
        Ok(Source::Attribute { name, vr: None })
    }

    /// A text in quotes.
    fn quoted(&mut self) -> Result<&'t str, TemplateError> {
        let at = self.at;
        let quote = self.peek().unwrap_or_default();
        self.at += quote.len_utf8();
        let start = self.at;
        let text = self.take(|letter| letter != quote);
        if !self.skip(quote) {
            return Err(error(at, format!("a {quote} without another one")));
        }
        for (offset, letter) in text.char_indices() {
            if letter == '/' {
                return Err(error(start + offset, "a value has no /"));
            }
            check_letter(letter, start + offset)?;
        }
        Ok(text)
    }

    /// The format behind a `:`.
    fn format(&mut self, source: &Source) -> Result<Format, TemplateError> {
        let at = self.at;
        if self.peek() == Some('%') {
            return self.time_format(source);
        }
        let digits = self.take(|letter| letter.is_ascii_digit());
        let number = || digits.parse::<usize>().ok().filter(|&number| number > 0);
        let expected = "expected a width with a zero in front (:04), a number of characters (:20), or \
             parts of a date (:%Y%m%d)";
        match number() {
            Some(width) if digits.starts_with('0') => {
                if width > LONGEST_NUMBER {
                    return Err(error(at, format!("a number has at most {LONGEST_NUMBER} digits")));
                }
                Ok(Format::Width(width))
            }
            Some(count) if count <= PATH_COMPONENT_BYTES => Ok(Format::Cut(count)),
            Some(_) => Err(error(at, format!("a name has at most {PATH_COMPONENT_BYTES} bytes"))),
            None => Err(error(at, expected)),
        }
    }

    fn time_format(&mut self, source: &Source) -> Result<Format, TemplateError> {
        let start = self.at;
        let mut parts = Vec::new();
        while let Some(letter) = self.peek().filter(|letter| !"|}".contains(*letter)) {
            let at = self.at;
            self.at += letter.len_utf8();
            if letter != '%' {
                if letter == '/' {
                    return Err(error(at, "a value has no /: write {StudyDate:%Y}/{StudyDate:%m}"));
                }
                check_letter(letter, at)?;
                parts.push(TimePart::Text(letter));
                continue;
            }
            let wanted = self.peek().unwrap_or_default();
            let Some((_, part)) = TimePart::LETTERS.iter().find(|(letter, _)| *letter == wanted)
            else {
                let letters: Vec<_> =
                    TimePart::LETTERS.iter().map(|(letter, _)| format!("%{letter}")).collect();
                return Err(error(at, format!("expected one of {}", letters.join(" "))));
            };
            self.at += wanted.len_utf8();
            parts.push(*part);
        }
        check_time(source, &parts, start)?;
        Ok(Format::Time(parts))
    }
}

/// Numbers have at most so many digits.
const LONGEST_NUMBER: usize = 20;

/// Eight hexadecimal digits.
fn tag(text: &str, at: usize) -> Result<Tag, TemplateError> {
    let number = u32::from_str_radix(text, 16).ok().filter(|_| text.len() == 8);
    let number =
        number.ok_or_else(|| error(at, "expected a tag of hexadecimal digits: (0010,0020)"))?;
    let [a, b, c, d] = number.to_be_bytes();
    Ok(Tag(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

/// The attribute with a tag.
fn public(tag: Tag, at: usize) -> Result<Source, TemplateError> {
    if tag.is_invalid() || tag.group() == 0xFFFE || tag.is_group_length() {
        return Err(error(at, format!("{tag} is in no data set")));
    }
    let vr = Dictionary::built_in().find(tag);
    check_vr(vr, || tag.to_string(), at)?;
    Ok(Source::Attribute { name: AttributeName::Public(tag), vr })
}

/// The attribute with a keyword.
fn named(keyword: &str, at: usize) -> Result<Source, TemplateError> {
    let Some(attribute) = dictionary::attribute(keyword) else {
        let others = ["received", "calling", "called", "SOPClass"];
        let near = others.into_iter().find(|other| other.eq_ignore_ascii_case(keyword));
        let near = near.or_else(|| dictionary::nearest_keyword(keyword, |it| has_text(it.vr)));
        let help = match near {
            Some(near) => format!("; did you mean {near}?"),
            None => format!("; expected {SOURCES}"),
        };
        return Err(error(at, format!("no attribute has the keyword {keyword}{help}")));
    };
    check_vr(Some(attribute.vr), || keyword.to_owned(), at)?;
    Ok(Source::Attribute { name: AttributeName::Public(attribute.tag), vr: Some(attribute.vr) })
}

fn check_vr(
    vr: Option<EntryVr>,
    name: impl Fn() -> String,
    at: usize,
) -> Result<(), TemplateError> {
    match vr {
        Some(EntryVr::Exact(Vr::SQ)) => {
            Err(error(at, format!("{} is a sequence, which has no value", name())))
        }
        Some(vr) if !has_text(vr) => {
            Err(error(at, format!("{} is binary data, which cannot be in a name", name())))
        }
        _ => Ok(()),
    }
}

/// Dates have no times, times no dates, and other values neither.
fn check_time(source: &Source, parts: &[TimePart], at: usize) -> Result<(), TemplateError> {
    let lacks = |what: &str| Err(error(at, format!("this value has no {what}")));
    let (date, time) = match source {
        Source::Received => (true, true),
        // Whatever the value turns out to be.
        Source::Attribute { vr: None, .. } => (true, true),
        Source::Attribute { vr: Some(EntryVr::Exact(vr)), .. } => {
            (matches!(vr, Vr::DA | Vr::DT), matches!(vr, Vr::TM | Vr::DT))
        }
        _ => (false, false),
    };
    match parts {
        _ if !date && !time => Err(error(
            at,
            "parts of a date or time are only of attributes of VR DA, DT and TM, and of received",
        )),
        _ if !date && parts.iter().any(|part| part.is_of_date()) => lacks("date, only a time"),
        _ if !time && parts.iter().any(|part| part.is_of_time()) => lacks("time, only a date"),
        _ => Ok(()),
    }
}

fn check_letter(letter: char, at: usize) -> Result<(), TemplateError> {
    if is_plain(letter) || " !#$%&'()+,;=@[]^`{}~".contains(letter) {
        return Ok(());
    }
    let shown = if letter.is_control() || !letter.is_ascii() {
        format!("U+{:04X}", u32::from(letter))
    } else {
        letter.to_string()
    };
    Err(error(at, format!("{shown} cannot be in the name of a file on every system")))
}

/// What the text around fields must not make of a name.
fn check_component(component: &Component, at: usize) -> Result<(), TemplateError> {
    let Component { text, pieces } = component;
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else {
        let what = if at == 0 {
            "expected a name: a template is relative to the output directory"
        } else {
            "expected a name"
        };
        return Err(error(at, what));
    };
    if let Piece::Text(first) = first {
        let why = match first.chars().next() {
            Some('.') => "a name that begins with . is hidden, or leads out of its folder",
            Some('-') => "commands take a name that begins with - for an option",
            Some(' ') => "a name cannot begin with a blank",
            _ => "",
        };
        if !why.is_empty() {
            return Err(error(at, why));
        }
    }
    if let Piece::Text(last) = last
        && last.ends_with(['.', ' '])
    {
        return Err(error(at + text.len() - 1, "a name cannot end with a dot or a blank"));
    }
    if let [Piece::Text(name)] = &pieces[..]
        && is_reserved(name)
    {
        return Err(error(at, format!("{name} is a device on Windows")));
    }
    let bytes =
        pieces.iter().map(|piece| if let Piece::Text(text) = piece { text.len() } else { 0 });
    if bytes.sum::<usize>() > PATH_COMPONENT_BYTES {
        let what = format!("the name has more than {PATH_COMPONENT_BYTES} bytes");
        return Err(error(at, what));
    }
    Ok(())
}
