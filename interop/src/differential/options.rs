//! The sets of output options that both programs are started with.

use super::random::Random;

/// Output options, and which dictionary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionSet {
    words: Vec<&'static str>,
    debian_dictionary: bool,
}

impl OptionSet {
    /// Every combination of the output options that the programs take together, and a few words
    /// more where an option has no bearing on the others.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut sets = Vec::new();
        for output in ["+t=", "+te", "+tb", "+ti", "+td"] {
            for vrs in ["+u", "-u"] {
                for groups in ["+g=", "+g", "-g"] {
                    for lengths in ["+e", "-e"] {
                        for un in ["-uc", "+uc"] {
                            for file in FILES {
                                let words = [output, vrs, groups, lengths, un];
                                sets.push([&words[..], file].concat());
                            }
                        }
                    }
                }
            }
        }
        for level in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] {
            sets.push(vec!["+td", "+cl", level]);
            sets.push(vec!["+t=", "+cl", level]);
        }
        for words in [&["+B"][..], &["+B", "-F"], &["+B", "+uc"]] {
            sets.push(words.to_vec());
        }
        let both = |words: Vec<&'static str>| {
            [true, false].map(|debian_dictionary| Self { words: words.clone(), debian_dictionary })
        };
        sets.into_iter().flat_map(both).collect()
    }

    /// Some of them; each value of each option is in one of them at least.
    pub(super) fn sample(random: &mut Random, count: usize) -> Vec<Self> {
        let all = Self::all();
        let mut sets: Vec<Self> = Vec::new();
        let mut seen = Vec::new();
        while sets.len() < count {
            // Of a few, the one with the most words that no other set has yet.
            let candidates: Vec<&Self> = (0..20).map(|_| &all[random.below(all.len())]).collect();
            let news = |set: &Self| set.words.iter().filter(|word| !seen.contains(*word)).count();
            let best = candidates.into_iter().max_by_key(|set| news(set)).expect("candidates");
            seen.extend(best.words.clone());
            sets.push(best.clone());
        }
        sets
    }

    /// Options read from a command line, with Debian's dictionary.
    #[must_use]
    pub fn parse(words: &[String]) -> Self {
        // They live as long as the program, like those that are built in.
        let words = words.iter().map(|word| &*word.clone().leak()).collect();
        Self { words, debian_dictionary: true }
    }

    /// These options without `DCMDICTPATH`.
    #[must_use]
    pub fn by_default(self) -> Self {
        Self { debian_dictionary: false, ..self }
    }

    /// Those of the command line.
    pub(super) fn arguments(&self) -> Vec<&'static str> {
        // An output transfer syntax and `+xa` exclude each other.
        let converts = ["+te", "+tb", "+ti", "+td"].iter().any(|word| self.has(word));
        let accepted = if converts { "+xd" } else { "+xa" };
        [&["-pdu", "131072", accepted][..], &self.words].concat()
    }

    /// Those of Debian's command line: an odd size to pad to switches off much there, and means
    /// twice that size to ours.
    pub(super) fn debian_arguments(&self) -> Vec<String> {
        let mut words: Vec<String> = self.arguments().iter().map(ToString::to_string).collect();
        if let Some(place) = words.iter().position(|word| word == "+p") {
            let (file, item) = self.padding();
            words.splice(place + 1..place + 3, [file, item].map(|size| size.to_string()));
        }
        words
    }

    /// `DCMDICTPATH` of both: Debian's dictionary files, or nothing, so that each has what it takes by
    /// itself: Debian's these files, ours what is built in, and these for what it does not know.
    pub(super) fn dictionaries(&self) -> [String; 2] {
        let named = format!("{DICTIONARIES}/dicom.dic:{DICTIONARIES}/private.dic");
        let path = if self.debian_dictionary { named } else { String::new() };
        [path.clone(), path]
    }

    /// Whether a word is among them.
    pub(super) fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
    }

    /// Whether the encapsulated transfer syntaxes are accepted.
    pub(super) fn accepts_encapsulated(&self) -> bool {
        self.arguments().contains(&"+xa")
    }

    /// The sizes that file and items are padded to, even ones; 0 for none.
    pub(super) fn padding(&self) -> (usize, usize) {
        let [file, item] = self.padding_asked_for();
        let even = |size: usize| if size % 2 == 1 { size * 2 } else { size };
        (even(file), even(item))
    }

    /// Whether a size to pad to is odd.
    pub(super) fn odd_padding(&self) -> bool {
        self.padding_asked_for().iter().any(|size| size % 2 == 1)
    }

    /// How hard the output is compressed, if it is.
    pub(super) fn compression_level(&self) -> u32 {
        let place = self.words.iter().position(|word| *word == "+cl");
        place.map_or(6, |place| self.words[place + 1].parse().expect("a number after +cl"))
    }

    fn padding_asked_for(&self) -> [usize; 2] {
        let place = self.words.iter().position(|word| *word == "+p");
        let number = |index: usize| self.words[index].parse().expect("a number after +p");
        place.map_or([0, 0], |place| [number(place + 1), number(place + 2)])
    }
}

impl std::fmt::Display for OptionSet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dictionary =
            if self.debian_dictionary { "Debian's dictionary" } else { "no DCMDICTPATH" };
        write!(formatter, "{} ({dictionary})", self.arguments().join(" "))
    }
}

const FILES: [&[&str]; 7] = [
    &["+F", "-p"],
    &["-F"],
    &["+p", "512", "64"],
    &["+p", "1000", "0"],
    &["+p", "0", "24"],
    &["+p", "2", "2"],
    &["+p", "511", "3"],
];

/// Where Debian has its dictionary files, `dicom.dic` and `private.dic`.
pub const DICTIONARIES: &str = "/usr/share/libdcmtk17";
