//! TLS.

use super::{Merging, value};
use crate::settings::reader::{At, OneOrMore};
use crate::settings::typed::Tls;
use crate::settings::values::KeyPasswordSource;
use receiver::net::tls::{CrlCheck, KeyPassword, SecurityProfile, TlsSettings};
use std::path::PathBuf;

/// What the file says over what the command line says; `None` for plain TCP.
pub(super) fn merge(
    typed: &At<Tls>,
    command_line: Option<TlsSettings>,
    merging: &mut Merging<'_>,
) -> Option<TlsSettings> {
    let At { value: tls, span } = typed;
    if value(&tls.enabled) == Some(false) {
        return None;
    }
    let path = |typed: &Option<At<PathBuf>>, merging: &Merging<'_>| {
        typed.as_ref().map(|path| merging.path(&path.value))
    };
    let (key, certificate) = (path(&tls.key, merging), path(&tls.certificate, merging));
    let mut settings = match (command_line, &key, &certificate) {
        (Some(settings), ..) => settings,
        (None, Some(key), Some(certificate)) => TlsSettings::new(key.clone(), certificate.clone()),
        (None, key, _) => {
            let missing = if key.is_none() { "key" } else { "certificate" };
            merging
                .fault(span, format!("missing key \"{missing}\", the file of our own {missing}"));
            return None;
        }
    };
    settings.key_file = key.unwrap_or(settings.key_file);
    settings.certificate_file = certificate.unwrap_or(settings.certificate_file);
    if let Some(password) = &tls.password {
        settings.password = self::password(password, merging);
    }
    authorities(tls, &mut settings, merging);
    cryptography(tls, &mut settings, merging);
    Some(settings)
}

fn password(typed: &At<KeyPasswordSource>, merging: &mut Merging<'_>) -> KeyPassword {
    match &typed.value {
        KeyPasswordSource::Ask => KeyPassword::Ask,
        KeyPasswordSource::Empty => KeyPassword::Empty,
        KeyPasswordSource::Secret(source) => match source.secret(merging.folder) {
            Ok(secret) => KeyPassword::Given(secret.reveal().into()),
            Err(why) => {
                merging.fault(&typed.span, format!("password: {why}"));
                KeyPassword::Empty
            }
        },
    }
}

/// Whom to trust, and how their word is checked.
fn authorities(tls: &Tls, settings: &mut TlsSettings, merging: &Merging<'_>) {
    let all = |typed: &Option<At<OneOrMore<PathBuf>>>| -> Option<Vec<PathBuf>> {
        let list = &typed.as_ref()?.value.0;
        Some(list.iter().map(|path| merging.path(&path.value)).collect())
    };
    if let Some(format) = value(&tls.file_format) {
        settings.key_format = format.0;
    }
    settings.trusted_files = all(&tls.trust).unwrap_or_else(|| settings.trusted_files.clone());
    if let Some(directories) = all(&tls.trust_directories) {
        settings.trusted_directories = directories;
    }
    if let Some(lists) = all(&tls.revocation_lists) {
        if settings.crl_check == CrlCheck::None && !lists.is_empty() {
            settings.crl_check = CrlCheck::Leaf;
        }
        settings.crl_files = lists;
    }
    if let Some(check) = value(&tls.check_revocation) {
        settings.crl_check = check.0;
    }
    if let Some(peer) = value(&tls.peer_certificate) {
        settings.peer_certificate = peer.0;
    }
}

/// Versions, cipher suites, random numbers.
fn cryptography(tls: &Tls, settings: &mut TlsSettings, merging: &mut Merging<'_>) {
    if let Some(profile) = value(&tls.profile) {
        (settings.profile, settings.profile_named) = (profile.0, true);
    }
    if let Some(suites) = &tls.cipher_suites {
        settings.cipher_suites = suites.value.iter().map(|it| it.value.clone().into()).collect();
    }
    if settings.profile == SecurityProfile::Bcp195Extended
        && !settings.cipher_suites.is_empty()
        && let Some(span) = place(&tls.cipher_suites).or(place(&tls.profile))
    {
        let message = "cipher-suites cannot be added to profile = \"bcp-195-extended\"";
        merging.fault(span, message);
    }
    if let Some(file) = &tls.dh_parameters {
        settings.dh_parameters = Some(merging.path(&file.value));
    }
    if let Some(name) = value(&tls.server_name) {
        settings.server_name = Some(name).filter(|name| !name.is_empty());
    }
    if let Some(file) = &tls.random_seed {
        settings.seed = Some(merging.path(&file.value));
    }
    if let Some(file) = &tls.write_random_seed {
        settings.write_seed = Some(merging.path(&file.value));
        if settings.seed.is_none() {
            merging.fault(&file.span, "write-random-seed needs random-seed");
        }
    }
}

fn place<T>(typed: &Option<At<T>>) -> Option<&std::ops::Range<usize>> {
    typed.as_ref().map(|it| &it.span)
}
