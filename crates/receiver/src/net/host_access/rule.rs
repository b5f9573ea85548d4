//! Lines of the files: `services : clients [: option …]`.

use super::list::words;
use std::borrow::Cow;

/// The name that rules know this service by, whatever the program's file is called.
pub(super) const SERVICE: &str = "storescp";

/// How many options a rule may have.
const MOST_OPTIONS: usize = 64;

/// A rule taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rule<'t> {
    pub(super) services: &'t str,
    pub(super) clients: &'t str,
    /// An IPv6 address is not in brackets, so what is behind its first colon is taken for options.
    pub(super) has_bare_address: bool,
    options: Vec<&'t str>,
}

/// What a rule that matches comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It says so itself.
    Granted,
    /// It says so itself.
    Denied,
    /// What its file is for.
    AsTheFileSays,
}

/// The rules of a file with the numbers of their first lines, continued lines joined.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, Cow<'_, str>)> {
    let mut lines = text.lines().enumerate();
    let joined = std::iter::from_fn(move || {
        let (index, line) = lines.next()?;
        let Some(part) = line.strip_suffix('\\') else {
            return Some((index + 1, Cow::Borrowed(line)));
        };
        let mut joined = part.to_owned();
        for (_, line) in lines.by_ref() {
            let part = line.strip_suffix('\\');
            joined.push_str(part.unwrap_or(line));
            if part.is_none() {
                break;
            }
        }
        Some((index + 1, Cow::Owned(joined)))
    });
    joined.filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty())
}

impl<'t> Rule<'t> {
    /// Takes a line apart; `None` for one that is a comment only by its first mark.
    ///
    /// # Errors
    /// There is no `:`, a list is empty, or there are too many options.
    pub(super) fn parse(text: &'t str) -> Option<Result<Self, &'static str>> {
        let mut fields = fields(text);
        let (Some(services), Some(clients)) = (fields.next(), fields.next()) else {
            return (!text.trim_start().starts_with('#')).then_some(Err("there is no ':'"));
        };
        if [services, clients].iter().any(|list| words(list).next().is_none()) {
            return Some(Err("there is nothing before or after the first ':'"));
        }
        let options: Vec<&str> = fields.map(str::trim).take(MOST_OPTIONS + 1).collect();
        if options.len() > MOST_OPTIONS {
            return Some(Err("there are too many options"));
        }
        let has_bare_address = options.first().is_some_and(|next| is_cut_address(clients, next));
        Some(Ok(Self { services, clients, has_bare_address, options }))
    }

    /// Whether it is surely about other services only, whatever our port and address are.
    pub(super) fn is_for_others(&self) -> bool {
        let is_other = |word: &str| {
            word.bytes().all(|byte| byte.is_ascii_graphic() && !b"@*?-".contains(&byte))
                && word.parse::<u16>().is_err()
                && !["ALL", "EXCEPT", SERVICE].iter().any(|it| word.eq_ignore_ascii_case(it))
        };
        words(self.services).all(is_other)
    }

    /// The list of clients; nothing if it is not what its words say.
    pub(super) fn plain_clients(&self) -> &'t str {
        if self.has_bare_address { "" } else { self.clients }
    }

    /// What the options make of it.
    ///
    /// # Errors
    /// An option is not understood, or decides by what is not done here.
    pub(super) fn verdict(&self) -> Result<Verdict, String> {
        let mut verdict = Verdict::AsTheFileSays;
        for (index, option) in self.options.iter().enumerate() {
            let word = option.split(|c: char| c.is_whitespace() || c == '=').next().unwrap_or("");
            let value = option[word.len()..].trim();
            let is_last = index + 1 == self.options.len();
            match (word.to_ascii_lowercase().as_str(), value) {
                ("allow", "") if is_last => verdict = Verdict::Granted,
                ("deny", "") if is_last => verdict = Verdict::Denied,
                // In its place another program would serve.
                ("twist", _) => return Ok(Verdict::Denied),
                (
                    "severity" | "spawn" | "keepalive" | "linger" | "rfc931" | "banners" | "nice"
                    | "setenv" | "umask" | "user",
                    _,
                ) => tracing::warn!("host access option '{word}' is ignored"),
                _ => return Err(format!("option '{option}' is not supported here")),
            }
        }
        Ok(verdict)
    }
}

/// Splits at colons, but for those in brackets (IPv6 addresses) and behind a backslash.
fn fields(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (mut depth, mut escaped) = (0_usize, false);
        for (index, byte) in text.bytes().enumerate() {
            match byte {
                b'[' => depth += 1,
                b']' => depth = depth.saturating_sub(1),
                b':' if depth == 0 && !escaped => {
                    rest = Some(&text[index + 1..]);
                    return Some(&text[..index]);
                }
                _ => {}
            }
            escaped = byte == b'\\';
        }
        rest = None;
        Some(text)
    })
}

/// Whether a list of clients ends within an IPv6 address that goes on in the `next` field.
fn is_cut_address(clients: &str, next: &str) -> bool {
    let is_group = |text: &str| {
        (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let last = words(clients).last().and_then(|word| word.rsplit('@').next());
    last.is_some_and(is_group) && (next.is_empty() || is_group(next))
}
