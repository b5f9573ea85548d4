//! Negotiation profiles (`--config-file`): files that say which presentation contexts are accepted,
//! with which transfer syntaxes, roles and extended negotiation.
//!
//! The format is that of DCMTK's `asconfig` files, see `docs/operations.md`.

mod config_file;
mod fault;

pub use fault::{Fault, List};

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use dataset::transfer_syntax::{EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN};
use dataset::{TransferSyntax, Uid, uid_names};
use proto::{AbstractSyntaxes, ClassPolicy, Roles};

use crate::limits::PROFILE_BYTES;
use config_file::{ConfigFile, Entry, Section};

/// Longest service class application information, in bytes.
const EXTENDED_NEGOTIATION_BYTES: usize = 1024;

/// A profile that a file has, checked.
#[derive(Debug)]
pub struct Profile {
    /// What is accepted, each abstract syntax once.
    classes: Vec<(Uid, ClassPolicy)>,
    /// What in the file has no effect, for the log.
    warnings: Vec<String>,
}

impl Profile {
    /// Reads the file and takes one profile out of it, by its name in any case and with any blanks.
    ///
    /// # Errors
    /// [`Fault`]; also for what is wrong in parts of the file that this profile does not use.
    pub fn read(path: &Path, name: &str) -> Result<Self, Fault> {
        let text = platform::read_at_most(path, PROFILE_BYTES)
            .map_err(|source| Fault::Unreadable(path.into(), source))?;
        Self::parse(&String::from_utf8_lossy(&text), name).map_err(|fault| fault.in_file(path))
    }

    /// Takes one profile out of a file's text, as [`read`](Self::read) does.
    ///
    /// # Errors
    /// As there, without the file's name.
    pub fn parse(text: &str, name: &str) -> Result<Self, Fault> {
        let file = ConfigFile::parse(text).map_err(|unclosed| Fault::Unclosed.at(unclosed.line))?;
        Lists::read(&file)?.profile(&file, name)
    }

    /// What in the file has no effect.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What is accepted, each abstract syntax once, in the order of the file.
    pub fn classes(&self) -> &[(Uid, ClassPolicy)] {
        &self.classes
    }

    /// What is accepted, for an [`AcceptorPolicy`](proto::AcceptorPolicy).
    #[must_use]
    pub fn abstract_syntaxes(&self) -> AbstractSyntaxes {
        let mut abstract_syntaxes = AbstractSyntaxes::new();
        for (uid, policy) in &self.classes {
            abstract_syntaxes.accept(*uid, policy.clone());
        }
        abstract_syntaxes
    }
}

/// All lists of a file, by the names of their sections.
#[derive(Default)]
struct Lists {
    transfer_syntaxes: HashMap<String, Arc<[&'static TransferSyntax]>>,
    contexts: HashMap<String, Vec<Context>>,
    roles: HashMap<String, ByClass<Roles>>,
    extended: HashMap<String, ByClass<Arc<[u8]>>>,
    warnings: Vec<(usize, String)>,
}

/// A presentation context and the line that it stands in.
struct Context {
    abstract_syntax: Uid,
    transfer_syntaxes: Arc<[&'static TransferSyntax]>,
    line: usize,
}

impl Lists {
    fn read(file: &ConfigFile) -> Result<Self, Fault> {
        let mut lists = Self { warnings: file.remarks.clone(), ..Self::default() };
        for list in [List::TransferSyntaxes, List::PresentationContexts] {
            if !file.has(list.super_section()) {
                return Err(Fault::NoSuperSection(list.super_section()));
            }
        }
        for section in file.sections(List::TransferSyntaxes.super_section()) {
            let entries = lists.entries(section, List::TransferSyntaxes)?;
            let syntaxes =
                entries.into_iter().map(transfer_syntax).collect::<Result<Arc<[_]>, _>>()?;
            lists.transfer_syntaxes.insert(section.name.clone(), syntaxes);
        }
        for section in file.sections(List::PresentationContexts.super_section()) {
            let entries = lists.entries(section, List::PresentationContexts)?;
            let contexts = entries.into_iter().map(|entry| lists.context(entry));
            let contexts = contexts.collect::<Result<_, _>>()?;
            lists.contexts.insert(section.name.clone(), contexts);
        }
        for section in file.sections(List::Roles.super_section()) {
            let roles = by_class(lists.entries(section, List::Roles)?, List::Roles, roles)?;
            lists.roles.insert(section.name.clone(), roles);
        }
        for section in file.sections(List::ExtendedNegotiation.super_section()) {
            let entries = lists.entries(section, List::ExtendedNegotiation)?;
            let extended = by_class(entries, List::ExtendedNegotiation, hexadecimal)?;
            lists.extended.insert(section.name.clone(), extended);
        }
        Ok(lists)
    }

    /// The entries of a list, of which there must be one.
    fn entries<'f>(&mut self, section: &'f Section, list: List) -> Result<Vec<&'f Entry>, Fault> {
        let (entries, beyond) = section.numbered(list.key());
        if entries.is_empty() {
            return Err(Fault::Undefined(list, section.name.clone()).at(section.line));
        }
        for entry in beyond {
            let remark = format!(
                "{} has no effect: {}{} is missing",
                entry.key,
                list.key(),
                entries.len() + 1
            );
            self.warnings.push((entry.line, remark));
        }
        Ok(entries)
    }

    /// `AbstractSyntax\SectionOfTransferSyntaxes`.
    fn context(&self, entry: &Entry) -> Result<Context, Fault> {
        let (class, list) = abstract_syntax(entry)?;
        let list = reference(list);
        let transfer_syntaxes = self.transfer_syntaxes.get(&list);
        let undefined = || Fault::Undefined(List::TransferSyntaxes, list.clone()).at(entry.line);
        Ok(Context {
            abstract_syntax: class,
            transfer_syntaxes: Arc::clone(transfer_syntaxes.ok_or_else(undefined)?),
            line: entry.line,
        })
    }

    /// Checks every profile and gives the one of this name.
    fn profile(self, file: &ConfigFile, name: &str) -> Result<Profile, Fault> {
        const PROFILES: &str = "PROFILES";

        if !file.has(PROFILES) {
            return Err(Fault::NoSuperSection(PROFILES));
        }
        let wanted = reference(name);
        let mut chosen = None;
        for section in file.sections(PROFILES) {
            let parts = self.parts(section)?;
            if section.name == wanted {
                chosen = Some(parts);
            }
        }
        let Some((contexts, roles, extended)) = chosen else {
            return Err(Fault::UnknownProfile(wanted));
        };
        let mut classes: Vec<(Uid, ClassPolicy)> = Vec::with_capacity(contexts.len());
        for context in contexts {
            let class = context.abstract_syntax;
            if classes.iter().any(|(known, _)| *known == class) {
                return Err(Fault::DuplicateAbstractSyntax(wanted, class).at(context.line));
            }
            let policy = ClassPolicy {
                transfer_syntaxes: Arc::clone(&context.transfer_syntaxes),
                roles: value_of(roles, &class).copied().unwrap_or_default(),
                extended_negotiation: value_of(extended, &class).cloned(),
            };
            classes.push((class, policy));
        }
        let warnings = self.warnings.iter().map(|(line, text)| format!("line {line}: {text}"));
        Ok(Profile { classes, warnings: warnings.collect() })
    }

    /// The lists that a profile names.
    fn parts(&self, section: &Section) -> Result<Parts<'_>, Fault> {
        let listed = section.entry("PRESENTATIONCONTEXTS").filter(|entry| !entry.value.is_empty());
        let Some(entry) = listed else {
            return Err(Fault::NoPresentationContexts(section.name.clone()).at(section.line));
        };
        let contexts = find(&self.contexts, List::PresentationContexts, entry)?;
        let name = reference(&entry.value);
        let roles = part(section, List::Roles, &self.roles, contexts, &name)?;
        let list = List::ExtendedNegotiation;
        let extended = part(section, list, &self.extended, contexts, &name)?;
        Ok((contexts, roles, extended))
    }
}

/// One value for each of some abstract syntaxes.
type ByClass<T> = Vec<(Uid, T)>;

type Parts<'l> = (&'l [Context], &'l [(Uid, Roles)], &'l [(Uid, Arc<[u8]>)]);

fn find<'l, T>(lists: &'l HashMap<String, T>, list: List, entry: &Entry) -> Result<&'l T, Fault> {
    let name = reference(&entry.value);
    lists.get(&name).ok_or_else(|| Fault::Undefined(list, name).at(entry.line))
}

/// An optional list of a profile, empty if it has none. Each class in it must be one of the
/// presentation contexts.
fn part<'l, T>(
    section: &Section,
    list: List,
    lists: &'l HashMap<String, ByClass<T>>,
    contexts: &[Context],
    contexts_name: &str,
) -> Result<&'l [(Uid, T)], Fault> {
    let Some(entry) = section.entry(list.super_section()) else { return Ok(&[]) };
    let found = find(lists, list, entry)?;
    let is_context = |class: &Uid| contexts.iter().any(|it| it.abstract_syntax == *class);
    match found.iter().find(|(class, _)| !is_context(class)) {
        None => Ok(found),
        Some((class, _)) => {
            let (name, contexts) = (reference(&entry.value), contexts_name.to_owned());
            Err(Fault::NotAContext { list, name, contexts, class: *class }.at(entry.line))
        }
    }
}

fn value_of<'l, T>(list: &'l [(Uid, T)], class: &Uid) -> Option<&'l T> {
    list.iter().find(|(uid, _)| uid == class).map(|(_, value)| value)
}

/// A list of `AbstractSyntax\value`, no abstract syntax twice.
fn by_class<T>(
    entries: Vec<&Entry>,
    list: List,
    read: impl Fn(&str) -> Option<T>,
) -> Result<ByClass<T>, Fault> {
    let mut found: ByClass<T> = Vec::with_capacity(entries.len());
    for entry in entries {
        let (class, value) = abstract_syntax(entry)?;
        let malformed = || Fault::Malformed(list, entry.key.clone()).at(entry.line);
        let value = read(value).ok_or_else(malformed)?;
        if found.iter().any(|(known, _)| *known == class) {
            return Err(Fault::DefinedTwice(list, class).at(entry.line));
        }
        found.push((class, value));
    }
    Ok(found)
}

/// The abstract syntax in front of the backslash, and what is behind it.
fn abstract_syntax(entry: &Entry) -> Result<(Uid, &str), Fault> {
    let Some((name, rest)) = entry.value.split_once('\\') else {
        return Err(Fault::NoBackslash(entry.key.clone()).at(entry.line));
    };
    let (name, rest) = (name.trim(), rest.trim());
    let uid = dotted(name).or_else(|| {
        let uid = uid_names::abstract_syntax(name.strip_prefix('=').unwrap_or(name))?;
        Uid::parse(uid.as_bytes()).ok()
    });
    let uid = uid.ok_or_else(|| Fault::NotAnAbstractSyntax(name.to_owned()).at(entry.line))?;
    Ok((uid, rest))
}

fn transfer_syntax(entry: &Entry) -> Result<&'static TransferSyntax, Fault> {
    let text = &entry.value[..];
    if let Some(uid) = dotted(text) {
        let known = TransferSyntax::find(uid.as_str());
        return Ok(known.unwrap_or_else(|| TransferSyntax::unlisted(&uid)));
    }
    let (local, opposite) = if cfg!(target_endian = "big") {
        (EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN)
    } else {
        (EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN)
    };
    match text.strip_prefix('=').unwrap_or(text) {
        "LocalEndianExplicit" => Ok(local),
        "OppositeEndianExplicit" => Ok(opposite),
        name => uid_names::transfer_syntax(name)
            .ok_or_else(|| Fault::NotATransferSyntax(text.to_owned()).at(entry.line)),
    }
}

/// A UID in digits and dots.
fn dotted(text: &str) -> Option<Uid> {
    let is_dotted = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    Uid::parse(text.as_bytes()).ok().filter(|_| is_dotted)
}

fn roles(text: &str) -> Option<Roles> {
    match text.to_ascii_uppercase().as_str() {
        "SCU" => Some(Roles::Scu),
        "SCP" => Some(Roles::Scp),
        "BOTH" => Some(Roles::Both),
        _ => None,
    }
}

/// Bytes as pairs of hexadecimal digits, with or without colons between them.
fn hexadecimal(text: &str) -> Option<Arc<[u8]>> {
    let byte = |pair: &[u8]| match pair {
        [a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
            u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()
        }
        _ => None,
    };
    let bytes: Option<Arc<[u8]>> = if text.contains(':') {
        text.split(':').map(|pair| byte(pair.as_bytes())).collect()
    } else {
        text.as_bytes().chunks(2).map(byte).collect()
    };
    bytes.filter(|bytes| (1..=EXTENDED_NEGOTIATION_BYTES).contains(&bytes.len()))
}

/// The name of a section as something refers to it.
fn reference(text: &str) -> String {
    text.split_whitespace().collect::<String>().to_ascii_uppercase()
}

#[cfg(test)]
mod tests;
