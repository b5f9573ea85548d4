//! What the catalogue and the destinations name.

use super::{Servers, directory};
use crate::cli::Config;
use crate::settings::reader::{At, Report};
use crate::settings::typed::{Destination, File};
use archive::CatalogUrl;
use delivery::{DestinationKind, DestinationSettings, Error, TlsClientSettings};
use rustix::fs::{Access, access};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::ToSocketAddrs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a name server may take.
const RESOLVING: Duration = Duration::from_secs(3);

/// Looks at what the catalogue and the destinations name.
pub(super) fn look(file: &File, config: &Config, servers: Servers, report: &mut Report) {
    catalog(file, config, servers, report);
    for typed in file.destination.iter().flat_map(|list| &list.value) {
        let name = typed.value.name.as_ref().map(|name| name.value.as_str());
        let settings = config.destinations.iter().find(|it| Some(it.name.as_str()) == name);
        if let Some(settings) = settings {
            report.inside("destination", |report| destination(typed, settings, servers, report));
        }
    }
}

/// The folder of the file has to be there, but for the one that the service makes itself. Whether the catalogue itself
/// can be used, is found out without changing it; a server that is down now is no fault, since reception waits for none.
fn catalog(file: &File, config: &Config, servers: Servers, report: &mut Report) {
    let (Some(typed), Some(catalog)) = (&file.catalog, &config.catalog) else { return };
    let place = typed.value.url.as_ref().map_or(&typed.span, |url| &url.span);
    let path = catalog.url.file(&config.output.directory);
    if let Some(path) = &path
        && let Err(why) = catalog_file(path, catalog.url == CatalogUrl::InOutputDirectory)
    {
        report.inside("catalog.url", |report| report.fault(place, why));
        return;
    }
    if path.is_none() && servers == Servers::LeaveAlone {
        return;
    }
    let connection = catalog.url.connection(&config.output.directory);
    match connection.and_then(|url| catalog::check(&url)) {
        Ok(()) => {}
        Err(error) if error.is_transient() => {
            report.warn(place, format!("catalog.url: {error}"));
        }
        Err(error) => report.inside("catalog.url", |report| report.fault(place, error.to_string())),
    }
}

fn catalog_file(path: &Path, is_in_output: bool) -> Result<(), String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if !is_in_output {
        directory(folder.unwrap_or(Path::new(".")), false)?;
    }
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(format!("'{}' is not a file", path.display())),
        Ok(_) => usable(path, Access::READ_OK | Access::WRITE_OK, "read and write"),
        Err(_) => Ok(()),
    }
}

fn destination(
    typed: &At<Destination>,
    settings: &DestinationSettings,
    servers: Servers,
    report: &mut Report,
) {
    let At { value: destination, span } = typed;
    match &settings.kind {
        DestinationKind::Exec(exec) => program(destination, &exec.command, report),
        DestinationKind::Worker(worker) => program(destination, &worker.command, report),
        DestinationKind::Webhook(webhook) => {
            credentials(destination, &webhook.http.tls, settings, span, report);
        }
        DestinationKind::Dicom(dicom) => {
            let plain = TlsClientSettings::default();
            let tls = dicom.tls.as_ref().unwrap_or(&plain);
            credentials(destination, tls, settings, span, report);
            if servers == Servers::Ask
                && let Err(why) = resolved(&dicom.address)
            {
                let place = destination.address.as_ref().map_or(span, |it| &it.span);
                report.warn(place, format!("destination.address: {why}"));
            }
        }
        DestinationKind::Folder(folder) => {
            let place = destination.directory.as_ref().map_or(span, |it| &it.span);
            if let Err(why) = directory(&folder.directory, false) {
                report.inside("directory", |report| report.fault(place, why));
            }
        }
    }
}

/// Whether the program can be run: one with a path has to be there; one that is looked for in `PATH` may be there for
/// the service only.
fn program(destination: &Destination, command: &[OsString], report: &mut Report) {
    let (Some(typed), Some(program)) = (&destination.command, command.first()) else { return };
    let place = typed.value.0.first().map_or(&typed.span, |word| &word.span);
    if program.as_encoded_bytes().contains(&b'/') {
        let path = Path::new(program);
        let found = fs::metadata(path).map_err(|error| {
            format!("cannot use '{}': {}", path.display(), platform::reason(&error))
        });
        let found = found.and_then(|found| match found.is_file() {
            true => usable(path, Access::EXEC_OK, "run"),
            false => Err(format!("'{}' is not a file", path.display())),
        });
        if let Err(why) = found {
            report.inside("command", |report| report.fault(place, why));
        }
    } else if !is_in_path(program, std::env::var_os("PATH").as_deref()) {
        let program = program.display();
        let is_line = command.len() == 1 && program.to_string().contains(' ');
        let hint = match is_line {
            true => "; with arguments, write a list: [\"program\", \"argument\"]",
            false => "; give its full path, or set PATH for the service",
        };
        let message = format!("destination.command: there is no program '{program}' in PATH{hint}");
        report.warn(place, message);
    }
}

fn is_in_path(program: &OsStr, path: Option<&OsStr>) -> bool {
    let folders = path.map(|path| std::env::split_paths(path).collect::<Vec<PathBuf>>());
    folders.into_iter().flatten().any(|folder| {
        let file = folder.join(program);
        file.is_file() && access(&file, Access::EXEC_OK).is_ok()
    })
}

fn usable(path: &Path, wanted: Access, what: &str) -> Result<(), String> {
    access(path, wanted).map_err(|error| {
        let reason = platform::reason(&error.into());
        format!("this user cannot {what} '{}': {reason}", path.display())
    })
}

/// Reads certificates and keys as the service does.
fn credentials(
    destination: &Destination,
    tls: &TlsClientSettings,
    settings: &DestinationSettings,
    span: &Range<usize>,
    report: &mut Report,
) {
    let Err(Error::Destination { reason, .. }) = delivery::build(settings) else { return };
    let named = [
        (&tls.trusted, &destination.ca),
        (&tls.certificate, &destination.certificate),
        (&tls.key, &destination.key),
    ];
    // The file whose name is in the message.
    let place = named.into_iter().find_map(|(path, typed)| {
        let path = path.as_ref()?.to_string_lossy();
        reason.contains(&*path).then_some(&typed.as_ref()?.span)
    });
    report.fault(place.unwrap_or(span), reason);
}

/// Whether the host has an address.
fn resolved(address: &str) -> Result<(), String> {
    let (sender, receiver) = mpsc::channel();
    let asked = address.to_owned();
    // The system's resolver has no time-out of its own; the thread ends with the program at the latest.
    let thread = thread::Builder::new().spawn(move || {
        // Nobody waits any more.
        let _ = sender.send(asked.to_socket_addrs().map(|mut found| found.next().is_some()));
    });
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    match thread.map(|_| receiver.recv_timeout(RESOLVING)) {
        Ok(Ok(Ok(true))) => Ok(()),
        Ok(Ok(Ok(false))) => Err(format!("the host {host} has no address")),
        Ok(Ok(Err(error))) => {
            Err(format!("cannot resolve the host {host}: {}", platform::reason(&error)))
        }
        Ok(Err(_)) => {
            let seconds = RESOLVING.as_secs();
            Err(format!("cannot resolve the host {host}: no answer within {seconds} s"))
        }
        Err(error) => Err(format!("cannot resolve the host {host}: {}", platform::reason(&error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_looked_for_in_the_path() {
        let path = |text: &'static str| Some(OsStr::new(text));
        assert!(is_in_path(OsStr::new("sh"), path("/no/such:/bin")));
        assert!(!is_in_path(OsStr::new("sh"), path("/no/such")));
        assert!(!is_in_path(OsStr::new("passwd"), path("/etc")), "not executable");
        assert!(!is_in_path(OsStr::new("sh"), None));
    }

    #[test]
    fn hosts_are_resolved() {
        assert_eq!(resolved("127.0.0.1:104"), Ok(()));
        assert_eq!(resolved("[::1]:104"), Ok(()));
        let told = resolved("no-such-host.invalid:104").unwrap_err();
        assert!(told.starts_with("cannot resolve the host no-such-host.invalid: "), "{told}");
    }
}
