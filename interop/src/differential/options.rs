//! Enumerates the sets of output options that both programs are started with.

use crate::random::Random;

/// A set of output options, and the choice of dictionary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionSet {
    words: Vec<&'static str>,
    debian_dictionary: bool,
}

impl OptionSet {
    /// Every valid combination of the output options that interact, and a few values of each option that does
    /// not interact with others.
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

    /// Chooses `count` sets, starting with those that add the most option values not yet covered.
    pub(super) fn sample(random: &mut Random, count: usize) -> Vec<Self> {
        let all = Self::all();
        let mut sets: Vec<Self> = Vec::new();
        let mut seen = Vec::new();
        while sets.len() < count {
            // Of 20 random candidates, take the one with the most words that no chosen set has yet.
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
        // They live as long as the program, like the built-in ones.
        let words = words.iter().map(|word| &*word.clone().leak()).collect();
        Self { words, debian_dictionary: true }
    }

    /// The same options without `DCMDICTPATH`.
    #[must_use]
    pub fn by_default(self) -> Self {
        Self { debian_dictionary: false, ..self }
    }

    /// Command-line arguments for our program.
    pub(super) fn arguments(&self) -> Vec<&'static str> {
        // An output transfer syntax and `+xa` exclude each other.
        let converts = ["+te", "+tb", "+ti", "+td"].iter().any(|word| self.has(word));
        let accepted = if converts { "+xd" } else { "+xa" };
        [&["-pdu", "131072", accepted][..], &self.words].concat()
    }

    /// Command-line arguments for Debian's program. An odd padding size disables much in Debian's program,
    /// whereas ours doubles it; Debian's is therefore given twice the size.
    pub(super) fn debian_arguments(&self) -> Vec<String> {
        let mut words: Vec<String> = self.arguments().iter().map(ToString::to_string).collect();
        if let Some(place) = words.iter().position(|word| word == "+p") {
            let (file, item) = self.padding();
            words.splice(place + 1..place + 3, [file, item].map(|size| size.to_string()));
        }
        words
    }

    /// Values of `DCMDICTPATH` for both programs: Debian's dictionary files, or empty, so that each program
    /// uses its default. Debian's default is the same files; ours is the built-in dictionary, then these files
    /// for what it lacks.
    pub(super) fn dictionaries(&self) -> [String; 2] {
        let named = format!("{DICTIONARIES}/dicom.dic:{DICTIONARIES}/private.dic");
        let path = if self.debian_dictionary { named } else { String::new() };
        [path.clone(), path]
    }

    /// True if the set contains this word.
    pub(super) fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
    }

    /// True if encapsulated transfer syntaxes are accepted.
    pub(super) fn accepts_encapsulated(&self) -> bool {
        self.arguments().contains(&"+xa")
    }

    /// Sizes that the file and its items are padded to, rounded to even; 0 for none.
    pub(super) fn padding(&self) -> (usize, usize) {
        let [file, item] = self.padding_asked_for();
        let even = |size: usize| if size % 2 == 1 { size * 2 } else { size };
        (even(file), even(item))
    }

    /// True if a padding size is odd.
    pub(super) fn odd_padding(&self) -> bool {
        self.padding_asked_for().iter().any(|size| size % 2 == 1)
    }

    /// Compression level of the output, if it is deflated.
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

/// Folder of Debian's dictionary files, `dicom.dic` and `private.dic`.
pub const DICTIONARIES: &str = "/usr/share/libdcmtk17";
