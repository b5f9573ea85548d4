//! What can be wrong with a file of negotiation profiles, in DCMTK's words, and where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use dataset::{Uid, uid_names};

/// Why a profile cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// A section's name has no `]` on its line.
    Unclosed,
    /// A mandatory super-section is missing.
    NoSuperSection(&'static str),
    /// Something refers to this section, and it is not there or has no entries.
    Undefined(List, String),
    /// Neither a UID nor a name of a transfer syntax.
    NotATransferSyntax(String),
    /// Neither a UID nor a name of an abstract syntax.
    NotAnAbstractSyntax(String),
    /// The value of this key has no `\`.
    NoBackslash(String),
    /// What is behind the `\` in the value of this key is not what the list takes.
    Malformed(List, String),
    /// A list that has one entry for each class has two.
    DefinedTwice(List, Uid),
    /// A profile names no presentation contexts.
    NoPresentationContexts(String),
    /// A class of one list is not in the list of presentation contexts that goes with it.
    NotAContext {
        /// Which kind of list has it.
        list: List,
        /// That list's name.
        name: String,
        /// The name of the list of presentation contexts.
        contexts: String,
        /// The class.
        class: Uid,
    },
    /// There is no profile of this name.
    UnknownProfile(String),
    /// The profile has an abstract syntax twice, so it is one for requestors.
    DuplicateAbstractSyntax(String, Uid),
    /// Any of the above, with the number of the line.
    At(Box<Fault>, usize),
    /// Any of the above, with the file.
    In(Box<Fault>, PathBuf),
}

/// The kinds of lists in such a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Transfer syntaxes, best first.
    TransferSyntaxes,
    /// Abstract syntaxes with their transfer syntaxes.
    PresentationContexts,
    /// SCP/SCU role selection (PS3.7 §D.3.3.4).
    Roles,
    /// SOP class extended negotiation (PS3.7 §D.3.3.5).
    ExtendedNegotiation,
}

impl List {
    pub(super) fn super_section(self) -> &'static str {
        match self {
            Self::TransferSyntaxes => "TRANSFERSYNTAXES",
            Self::PresentationContexts => "PRESENTATIONCONTEXTS",
            Self::Roles => "SCPSCUROLESELECTION",
            Self::ExtendedNegotiation => "EXTENDEDNEGOTIATION",
        }
    }

    /// What the keys of its entries begin with.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::TransferSyntaxes => "TRANSFERSYNTAX",
            Self::PresentationContexts => "PRESENTATIONCONTEXT",
            Self::Roles => "ROLE",
            Self::ExtendedNegotiation => "EXTENDEDNEGOTIATION",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::TransferSyntaxes => "transfer syntax",
            Self::PresentationContexts => "presentation context",
            Self::Roles => "role selection",
            Self::ExtendedNegotiation => "extended negotiation",
        }
    }
}

impl Fault {
    pub(super) fn at(self, line: usize) -> Self {
        Self::At(Box::new(self), line)
    }

    pub(super) fn in_file(self, path: &Path) -> Self {
        Self::In(Box::new(self), path.to_owned())
    }

    /// Whether the file as such is in order.
    fn is_about_choice(&self) -> bool {
        match self {
            Self::UnknownProfile(_) | Self::DuplicateAbstractSyntax(..) => true,
            Self::At(fault, _) | Self::In(fault, _) => fault.is_about_choice(),
            _ => false,
        }
    }

    fn text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, _) => {
                write!(f, "unable to open configuration file: {}", path.display())
            }
            Self::Unclosed => f.write_str("syntax error: name of section without ']'"),
            Self::NoSuperSection(name) => {
                write!(f, "cannot find section [[{name}]] in config file")
            }
            Self::Undefined(list, name) => write!(f, "{} key undefined: {name}", list.title()),
            Self::NotATransferSyntax(text) => write!(f, "not a valid transfer syntax UID: {text}"),
            Self::NotAnAbstractSyntax(text) => write!(f, "not a valid abstract syntax UID: {text}"),
            Self::NoBackslash(key) => {
                write!(f, "syntax error: missing '\\' in entry {key} in config file")
            }
            Self::Malformed(List::Roles, key) => {
                write!(f, "syntax error: unknown role key in entry {key} in config file")
            }
            Self::Malformed(list, key) => {
                write!(f, "parse error in {} data in entry {key} in config file", list.title())
            }
            Self::DefinedTwice(list, class) => {
                let name = uid_names::name_of(class).unwrap_or(class);
                write!(f, "{} defined twice for abstract syntax UID: {name}", list.title())
            }
            Self::NoPresentationContexts(section) => {
                write!(f, "no PRESENTATIONCONTEXTS  entry in section {section} in config file")
            }
            Self::NotAContext { list, name, contexts, class } => write!(
                f,
                "abstract syntax defined in {} list '{name}' but not in presentation context list \
                 '{contexts}': {class}",
                list.title()
            ),
            Self::UnknownProfile(name) => write!(f, "unknown configuration profile name: {name}"),
            Self::DuplicateAbstractSyntax(name, class) => {
                let class = uid_names::name_of(class).unwrap_or(class);
                write!(
                    f,
                    "profile '{name}' is not valid for SCP use, duplicate abstract syntaxes found: \
                     {class}"
                )
            }
            Self::At(fault, _) | Self::In(fault, _) => fault.text(f),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.is_about_choice() { "" } else { "cannot read config file: " };
        f.write_str(prefix)?;
        self.text(f)?;
        match self {
            Self::In(fault, path) => match &**fault {
                Self::At(_, line) => write!(f, " ({}, line {line})", path.display()),
                Self::Unreadable(..) => Ok(()),
                _ => write!(f, " ({})", path.display()),
            },
            Self::At(_, line) => write!(f, " (line {line})"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, source) => Some(source),
            Self::At(fault, _) | Self::In(fault, _) => fault.source(),
            _ => None,
        }
    }
}
