//! The control plane.

use super::{Merging, value};
use crate::settings::reader::At;
use crate::settings::typed::{Http, HttpTls, HttpTlsTable, Token, User};
use crate::settings::values::HashSource;
use control::{ControlSettings, ControlTls, DEFAULT_PORT, Role, TokenHash};
use receiver::net::tls::{KeyFormat, KeyPassword, TlsSettings};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;

/// What the file says over what the command line says; `None` for no control plane.
pub(super) fn merge(
    typed: &At<Http>,
    command_line: Option<ControlSettings>,
    receiver: Option<&TlsSettings>,
    merging: &mut Merging<'_>,
) -> Option<ControlSettings> {
    let At { value: http, span } = typed;
    if value(&http.enabled) == Some(false) {
        return None;
    }
    let default = || ControlSettings::on(SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)));
    let mut settings = command_line.unwrap_or_else(default);
    if let Some(listen) = http.listen.as_ref().filter(|listen| !listen.value.0.is_empty()) {
        settings.listen = listen.value.0.iter().map(|it| it.value.0).collect();
    }
    if let Some(tls) = &http.tls {
        settings.tls = merging.inside("tls", |merging| self::tls(tls, receiver, merging));
    }
    for token in http.token.iter().flat_map(|list| &list.value) {
        settings.tokens.extend(merging.inside("token", |merging| self::token(token, merging)));
    }
    for user in http.user.iter().flat_map(|list| &list.value) {
        settings.users.extend(merging.inside("user", |merging| self::user(user, merging)));
    }
    settings.insecure = value(&http.insecure).unwrap_or(settings.insecure);
    settings.open_health = value(&http.open_health).unwrap_or(settings.open_health);
    if let Some(names) = &http.host_names {
        settings.host_names = names.value.0.iter().map(|name| name.value.clone()).collect();
    }
    let place = http.listen.as_ref().map_or(span, |listen| &listen.span);
    if !merging.report.has_fault_since(span.start)
        && let Err(error) = settings.check()
    {
        merging.fault(place, in_words(&error));
    }
    Some(settings)
}

/// An error of the control plane, without the word that the keys say already.
pub(crate) fn in_words(error: &control::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("http: ").map(str::to_owned).unwrap_or(text)
}

fn tls(
    typed: &At<HttpTls>,
    receiver: Option<&TlsSettings>,
    merging: &mut Merging<'_>,
) -> Option<ControlTls> {
    let table = match (&typed.value, receiver) {
        (HttpTls::Own(table), _) => table,
        (HttpTls::AsReceiver, Some(receiver)) => return Some(ControlTls::of_receiver(receiver)),
        (HttpTls::AsReceiver, None) => {
            merging
                .fault(&typed.span, "\"as-receiver\" needs [tls], which says key and certificate");
            return None;
        }
    };
    let HttpTlsTable { key, certificate, password, file_format } = &**table;
    let Some((key, certificate)) = key.as_ref().zip(certificate.as_ref()) else {
        let missing = if key.is_none() { "key" } else { "certificate" };
        merging.fault(&typed.span, format!("missing key \"{missing}\""));
        return None;
    };
    let (key, certificate) = (merging.path(&key.value), merging.path(&certificate.value));
    let mut tls = ControlTls::new(certificate, key);
    tls.key_format = file_format.as_ref().map_or(KeyFormat::Pem, |format| format.value.0);
    if let Some(source) = password {
        match source.value.secret(merging.folder) {
            Ok(secret) => tls.password = KeyPassword::Given(secret.reveal().into()),
            Err(why) => merging.fault(&source.span, format!("password: {why}")),
        }
    }
    Some(tls)
}

fn token(typed: &At<Token>, merging: &mut Merging<'_>) -> Option<control::Token> {
    let At { value: Token { name, token, sha256, role }, span } = typed;
    let name = self::name(name, span, merging);
    let hash = match (token, sha256) {
        (Some(source), None) => {
            let secret = source.value.secret(merging.folder);
            let hash = secret.and_then(|it| TokenHash::of(it.reveal()).map_err(|it| in_words(&it)));
            hash.map_err(|why| (&source.span, why))
        }
        (None, Some(digits)) => {
            TokenHash::from_hex(&digits.value).map_err(|error| (&digits.span, in_words(&error)))
        }
        (Some(_), Some(digits)) => {
            Err((&digits.span, "sha256 has no effect with token: leave one of them out".to_owned()))
        }
        (None, None) => Err((span, "missing key \"token\" or \"sha256\"".to_owned())),
    };
    let hash = hash.map_err(|(place, why)| merging.fault(place, why)).ok()?;
    let role = role.as_ref().map_or(Role::Viewer, |role| role.value.0);
    Some(control::Token { name: name?, hash, role })
}

fn user(typed: &At<User>, merging: &mut Merging<'_>) -> Option<control::User> {
    let At { value: User { name, password_hash, role }, span } = typed;
    let name = self::name(name, span, merging);
    let hash = match password_hash {
        None => Err((span, "missing key \"password-hash\"".to_owned())),
        Some(At { value: HashSource::Here(hash), .. }) => Ok(hash.clone()),
        Some(At { value: HashSource::Secret(source), span }) => {
            let secret = source.secret(merging.folder);
            secret.map(|it| it.reveal().to_owned()).map_err(|why| (span, why))
        }
    };
    let password_hash = hash.map_err(|(place, why)| merging.fault(place, why)).ok()?;
    let role = role.as_ref().map_or(Role::Viewer, |role| role.value.0);
    Some(control::User { name: name?, password_hash, role })
}

/// The name of somebody who may log in. HTTP's form of name and password has a colon between them.
fn name(
    typed: &Option<At<String>>,
    table: &Range<usize>,
    merging: &mut Merging<'_>,
) -> Option<String> {
    let Some(name) = typed else {
        merging.fault(table, "missing key \"name\"");
        return None;
    };
    let is_name =
        |text: &str| !text.is_empty() && !text.contains(|it: char| it == ':' || it.is_control());
    if !is_name(&name.value) {
        merging.fault(&name.span, "name: expected a text without colons and control characters");
        return None;
    }
    Some(name.value.clone())
}
