//! What a fault strikes: connections, associations or objects, by number, by who sends, and by SOP class.

use dataset::{Uid, sop_class, uid_names};
use std::fmt;

/// What a fault strikes. All that is given has to match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// What is counted and struck.
    pub subject: Subject,
    /// Which of those that match all else.
    pub which: Which,
    /// Of objects: they are counted over all associations, not within each.
    pub of_all: bool,
    /// The calling AE title, not of connections.
    pub calling: Option<Pattern>,
    /// The called AE title, not of connections.
    pub called: Option<Pattern>,
    /// The peer's address, as text.
    pub address: Option<Pattern>,
    /// Of objects: their SOP class. Of associations: an abstract syntax that is proposed.
    pub class: Option<ClassPattern>,
}

/// What a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A connection, before anything is read from it.
    Connection,
    /// An A-ASSOCIATE-RQ that would be accepted.
    Association,
    /// A C-STORE-RQ, its data set and its answer.
    Object,
}

/// Which of those that match, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Each.
    Each,
    /// These numbers.
    Numbers {
        /// The first of them.
        first: u64,
        /// The last of them; `None` for all that follow.
        last: Option<u64>,
    },
    /// The n-th, the 2n-th and so on; n is at least 1.
    Every(u64),
    /// So many, by a draw for each.
    Percent(Percent),
}

/// A share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent {
    millionths: u32,
}

/// A text in which `*` stands for any characters and `?` for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
}

/// A SOP class, by its UID, by its name, or by a [`Pattern`] for names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassPattern {
    pattern: Pattern,
    uid: Option<Uid>,
}

impl Selection {
    /// Each of these.
    #[must_use]
    pub fn each(subject: Subject) -> Self {
        Self {
            subject,
            which: Which::Each,
            of_all: false,
            calling: None,
            called: None,
            address: None,
            class: None,
        }
    }
}

impl Subject {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Association => "association",
            Self::Object => "object",
        }
    }
}

impl Percent {
    /// So many millionths; `None` unless they are 1 to 1,000,000.
    #[must_use]
    pub fn of_millionths(millionths: u32) -> Option<Self> {
        (1..=1_000_000).contains(&millionths).then_some(Self { millionths })
    }

    /// Whether a draw falls within the share.
    pub(super) fn includes(self, draw: u64) -> bool {
        draw % 1_000_000 < u64::from(self.millionths)
    }
}

impl Pattern {
    /// `None` if it has a double quote or a control character, which its text cannot show.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_shown = |character: char| character != '"' && !character.is_control();
        text.chars().all(is_shown).then(|| Self { text: text.to_owned() })
    }

    /// Whether it has a character that stands for others.
    fn is_wild(&self) -> bool {
        self.text.contains(['*', '?'])
    }

    /// Whether it stands for `text`. Takes a time of the product of both lengths at most.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text): (Vec<char>, Vec<char>) =
            (self.text.chars().collect(), text.chars().collect());
        let (mut at, mut read) = (0, 0);
        // Behind the last `*`, and what of the text it does not stand for yet.
        let mut star = None;
        while read < text.len() {
            match pattern.get(at) {
                Some('*') => {
                    at += 1;
                    star = Some((at, read));
                }
                Some(&character) if character == '?' || character == text[read] => {
                    at += 1;
                    read += 1;
                }
                _ => {
                    let Some((behind, from)) = star else { return false };
                    (at, read) = (behind, from + 1);
                    star = Some((behind, read));
                }
            }
        }
        pattern[at..].iter().all(|&character| character == '*')
    }
}

impl ClassPattern {
    /// `None` if it is neither a UID nor the name of a SOP class, and no registered class's name matches.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let pattern = Pattern::new(text)?;
        let named = uid_names::abstract_syntax(text).unwrap_or(text);
        let uid = Uid::parse(named.as_bytes()).ok().filter(Uid::is_conformant);
        let matches_some = || {
            pattern.is_wild() && sop_class::all().iter().any(|class| pattern.matches(class.name))
        };
        (uid.is_some() || matches_some()).then_some(Self { uid, pattern })
    }

    /// Whether it stands for this class.
    pub(crate) fn matches(&self, class: &Uid) -> bool {
        match &self.uid {
            Some(uid) => uid == class,
            None => {
                uid_names::name_of(class.as_str()).is_some_and(|name| self.pattern.matches(name))
            }
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.subject.word())?;
        write!(f, "{}", self.which)?;
        if self.of_all {
            f.write_str(" of all")?;
        }
        for (word, pattern) in
            [("from", &self.calling), ("to", &self.called), ("at", &self.address)]
        {
            if let Some(pattern) = pattern {
                write!(f, " {word} {pattern}")?;
            }
        }
        self.class.as_ref().map_or(Ok(()), |class| write!(f, " of {}", class.pattern))
    }
}

impl fmt::Display for Which {
    /// With a space before it, unless it is empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Each => Ok(()),
            Self::Numbers { first, last: Some(last) } if first == last => write!(f, " {first}"),
            Self::Numbers { first, last: Some(last) } => write!(f, " {first}..{last}"),
            Self::Numbers { first, last: None } => write!(f, " {first}.."),
            Self::Every(number) => write!(f, " every {number}{}", ordinal_suffix(*number)),
            Self::Percent(Percent { millionths }) => {
                let (whole, rest) = (millionths / 10_000, millionths % 10_000);
                let digits = format!("{rest:04}");
                match digits.trim_end_matches('0') {
                    "" => write!(f, " {whole}%"),
                    digits => write!(f, " {whole}.{digits}%"),
                }
            }
        }
    }
}

/// What follows a number that counts.
#[must_use]
fn ordinal_suffix(number: u64) -> &'static str {
    match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    }
}

impl fmt::Display for Pattern {
    /// In double quotes where it is not one word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_word = |character: char| !character.is_whitespace() && !":,#".contains(character);
        if !self.text.is_empty() && self.text.chars().all(is_word) {
            f.write_str(&self.text)
        } else {
            write!(f, "\"{}\"", self.text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        let matches = |pattern: &str, text: &str| Pattern::new(pattern).unwrap().matches(text);
        for (pattern, text) in [
            ("CT*", "CT"),
            ("CT*", "CT 7"),
            ("*", ""),
            ("?T*7", "CT 17"),
            ("*a*b", "xaxxbab"),
            ("ä?", "äö"),
            ("", ""),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("CT*", "MCT"), ("CT", "ct"), ("?", ""), ("*a*b", "xaxxbabc")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        let hard = "*a".repeat(50);
        assert!(!matches(&hard, &format!("{}b", "a".repeat(10_000))));
        assert!(Pattern::new("a\"b").is_none() && Pattern::new("a\nb").is_none());
    }

    #[test]
    fn classes_are_found_by_uid_name_and_pattern() {
        let ct: Uid = "1.2.840.10008.5.1.4.1.1.2".parse().unwrap();
        let mr: Uid = "1.2.840.10008.5.1.4.1.1.4".parse().unwrap();
        for text in ["CTImageStorage", "1.2.840.10008.5.1.4.1.1.2", "CT*", "*CTImage*"] {
            let class = ClassPattern::new(text).unwrap();
            assert!(class.matches(&ct) && !class.matches(&mr), "{text}");
        }
        assert!(ClassPattern::new("*").unwrap().matches(&mr));
        assert!(ClassPattern::new("1.2.3").unwrap().matches(&"1.2.3".parse().unwrap()));
        for text in ["CTImageStorag", "XYZ*", "1.2x", "", "ct*"] {
            assert!(ClassPattern::new(text).is_none(), "{text}");
        }
    }

    #[test]
    fn texts_are_as_they_are_typed() {
        let percent = |millionths| Which::Percent(Percent::of_millionths(millionths).unwrap());
        for (which, text) in [
            (Which::Each, ""),
            (Which::Numbers { first: 7, last: Some(7) }, " 7"),
            (Which::Numbers { first: 3, last: Some(5) }, " 3..5"),
            (Which::Numbers { first: 3, last: None }, " 3.."),
            (Which::Every(1), " every 1st"),
            (Which::Every(12), " every 12th"),
            (Which::Every(102), " every 102nd"),
            (percent(100_000), " 10%"),
            (percent(5_000), " 0.5%"),
            (percent(1), " 0.0001%"),
        ] {
            assert_eq!(which.to_string(), text);
        }
        assert!(Percent::of_millionths(0).is_none() && Percent::of_millionths(1_000_001).is_none());
        assert_eq!(Pattern::new("CT 1").unwrap().to_string(), "\"CT 1\"");
    }
}
