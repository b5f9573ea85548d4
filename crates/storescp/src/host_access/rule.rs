//! Lines of the files: `services : clients [: option …]`.

use super::SERVICE;
use super::client::Client;
use super::pattern;

/// A rule taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rule<'t> {
    services: &'t str,
    clients: &'t str,
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
pub(super) fn lines(text: &str) -> Vec<(usize, String)> {
    let mut rules: Vec<(usize, String)> = Vec::new();
    let mut continued = false;
    for (index, line) in text.lines().enumerate() {
        let (part, goes_on) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match rules.last_mut() {
            Some((_, rule)) if continued => rule.push_str(part),
            _ => rules.push((index + 1, part.to_owned())),
        }
        continued = goes_on;
    }
    rules.retain(|(_, rule)| !rule.starts_with('#') && !rule.trim().is_empty());
    rules
}

impl<'t> Rule<'t> {
    /// `None` if there is no `:`.
    pub(super) fn parse(text: &'t str) -> Option<Self> {
        let mut fields = fields(text).into_iter();
        let (services, clients) = (fields.next()?, fields.next()?);
        Some(Self { services, clients, options: fields.map(str::trim).collect() })
    }

    /// Whether the rule is about us and this client.
    ///
    /// # Errors
    /// Something that it needs cannot be found out.
    pub(super) fn matches(&self, client: &Client) -> Result<bool, String> {
        let service = |element: &str| is_us(element, client);
        let user = |element: &str| is_client(element, client);
        Ok(in_list(self.services, &service)? && in_list(self.clients, &user)?)
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
fn fields(text: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let (mut start, mut depth, mut escaped) = (0, 0_usize, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b':' if depth == 0 && !escaped => {
                fields.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
        escaped = byte == b'\\';
    }
    fields.push(&text[start..]);
    fields
}

/// Whether a list has an element that `matches`: `a EXCEPT b EXCEPT c` is a without (b without c).
pub(super) fn in_list(
    list: &str,
    matches: &dyn Fn(&str) -> Result<bool, String>,
) -> Result<bool, String> {
    let elements: Vec<&str> =
        list.split(|c: char| c.is_whitespace() || c == ',').filter(|it| !it.is_empty()).collect();
    in_elements(&elements, matches)
}

fn in_elements(
    elements: &[&str],
    matches: &dyn Fn(&str) -> Result<bool, String>,
) -> Result<bool, String> {
    let end = elements.iter().position(|element| element.eq_ignore_ascii_case("EXCEPT"));
    let (listed, except) = match end {
        Some(end) => (&elements[..end], &elements[end + 1..]),
        None => (elements, &[][..]),
    };
    for element in listed {
        if matches(element)? {
            return Ok(!in_elements(except, matches)?);
        }
    }
    Ok(false)
}

/// `service`, `port` or `service@host`.
fn is_us(element: &str, client: &Client) -> Result<bool, String> {
    let (service, host) = split_at_sign(element);
    let named = service.eq_ignore_ascii_case("ALL")
        || service.parse() == Ok(client.port)
        || pattern::is_text(service, SERVICE);
    match host {
        Some(host) if named => pattern::matches(host, &client.server),
        _ => Ok(named),
    }
}

/// `host` or `user@host`. Nobody is asked for the user, so it is unknown.
fn is_client(element: &str, client: &Client) -> Result<bool, String> {
    let (user, host) = match split_at_sign(element) {
        (user, Some(host)) => (Some(user), host),
        (host, None) => (None, host),
    };
    let unknown = |user: &str| {
        user.eq_ignore_ascii_case("ALL")
            || user.eq_ignore_ascii_case("UNKNOWN")
            || pattern::is_text(user, "unknown")
    };
    if user.is_some_and(|user| !unknown(user)) {
        return Ok(false);
    }
    pattern::matches(host, &client.peer)
}

/// Splits at an `@` that is not the first character, which stands for a netgroup.
fn split_at_sign(element: &str) -> (&str, Option<&str>) {
    match element.char_indices().skip(1).find(|(_, c)| *c == '@') {
        Some((index, _)) => (&element[..index], Some(&element[index + 1..])),
        None => (element, None),
    }
}
