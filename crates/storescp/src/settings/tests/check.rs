//! `storescp check`: what the file names is opened, too.

use super::file::Folder;
use super::*;
use crate::settings::check::{Examined, examine};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// What is found, without the names of folders.
fn found(folder: &Folder, text: &str) -> (Vec<String>, Vec<String>) {
    let path = folder.file("settings.toml", text);
    let Examined { faults, warnings, .. } = examine(&path).unwrap_or_else(|told| panic!("{told}"));
    let place = format!("{}/", folder.0.display());
    let lines = |faults: Vec<Fault>| -> Vec<String> {
        faults.iter().map(|fault| fault.line(&path).replace(&place, "")).collect()
    };
    (lines(faults), lines(warnings))
}

#[test]
fn what_a_file_names_is_opened() {
    let folder = Folder::new("check");
    folder.file("profiles.cfg", "[[TransferSyntaxes]]\n");
    folder.file("no-key.pem", "nothing");
    let (faults, warnings) = found(
        &folder,
        "directory = 'none'\n\
         profile = { file = 'profiles.cfg', name = 'Default' }\n\
         [commands]\non-reception = \"eval '#r'\"\n\
         [tls]\nkey = 'no-key.pem'\ncertificate = 'none.pem'\n\
         [[rule]]\ncalling = 'A'\ndirectory = 'settings.toml'\n\
         [[rule]]\ncalling = 'B'\ndirectory = 'none'\n",
    );
    let expected = [
        "settings.toml:1:13: directory: cannot use 'none': No such file or directory; create it (mkdir -p), \
         or name another",
        "settings.toml:2:11: profile: cannot read config file: ",
        "settings.toml:4:16: commands.on-reception: ",
        "settings.toml:6:7: tls: 000b:0004 Unable to load private TLS key from 'no-key.pem': ",
        "settings.toml:10:13: rule.directory: 'settings.toml' is not a directory",
    ];
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, expected) in faults.iter().zip(expected) {
        assert!(fault.starts_with(expected), "{fault}\n{expected}");
    }
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn a_file_that_is_right_has_no_faults() {
    let folder = Folder::new("right");
    let (faults, warnings) =
        found(&folder, "directory = '.'\ncommands.on-reception = 'x \"$STORESCP_PATH\" #p/#f'\n");
    assert_eq!((faults.len(), warnings.len()), (0, 0), "{faults:?} {warnings:?}");
}

#[test]
fn a_directory_that_takes_no_files_is_told() {
    let folder = Folder::new("closed");
    let closed = folder.0.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let (faults, _) = found(&folder, "directory = 'closed'");
    // The superuser may create files everywhere.
    if !rustix::process::geteuid().is_root() {
        let told = "this user cannot create files in 'closed': Permission denied";
        assert_eq!(faults, [format!("settings.toml:1:13: directory: {told}")]);
    }
    let (faults, _) = found(&folder, "directory = 'closed'\nstore = false");
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn an_audit_file_without_its_folder_is_warned_of() {
    let folder = Folder::new("audit");
    let (faults, warnings) = found(&folder, "[audit]\ndestination = 'file:/no/such/audit.log'\n");
    assert_eq!(faults, Vec::<String>::new());
    let told = "audit.destination: cannot use '/no/such': No such file or directory; ";
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with(&format!("settings.toml:2:15: {told}")), "{warnings:?}");
}

#[test]
fn rules_that_never_decide_are_warned_of() {
    let folder = Folder::new("shadow");
    let (faults, warnings) = found(
        &folder,
        "[[rule]]\nname = 'ct'\ncalling = 'CT*'\n\n[[rule]]\ncalling = ['CT1', 'CT2']\naddress = '10.0.0.1'\n\
         \n[[rule]]\nname = 'mr'\ncalling = ['MR1']\n",
    );
    assert_eq!(faults, Vec::<String>::new());
    let told = "rule \"rule 2\" never decides: \"ct\" in line 1 comes first and matches all that it matches";
    assert_eq!(warnings, [format!("settings.toml:5:1: {told}")]);
}

#[test]
fn what_destinations_name_is_looked_at() {
    let folder = Folder::new("destinations");
    folder.file("not-executable", "#!/bin/sh\n");
    folder.file("no-certificate.pem", "nothing");
    let (faults, warnings) = found(
        &folder,
        "deliver = ['a', 'b', 'c', 'd', 'e', 'f']\n\
         [catalog]\nurl = 'sqlite:none/catalog.sqlite'\n\
         [[destination]]\nname = 'a'\nkind = 'exec'\ncommand = ['./not-executable', '{path}']\n\
         [[destination]]\nname = 'b'\nkind = 'worker'\ncommand = './none'\n\
         [[destination]]\nname = 'c'\nkind = 'worker'\ncommand = 'no-such-program'\n\
         [[destination]]\nname = 'd'\nkind = 'folder'\ndirectory = 'no-folder'\n\
         [[destination]]\nname = 'e'\nkind = 'webhook'\nurl = 'https://127.0.0.1/'\nca = 'no-certificate.pem'\n\
         [[destination]]\nname = 'f'\nkind = 'dicom'\naddress = 'no-such-host.invalid:104'\ncalled = 'X'\n",
    );
    let expected = [
        "settings.toml:3:7: catalog.url: cannot use 'none': No such file or directory; create it (mkdir -p), or name another",
        "settings.toml:7:12: destination.command: this user cannot run './not-executable': Permission denied",
        "settings.toml:11:11: destination.command: cannot use './none': No such file or directory",
        "settings.toml:19:13: destination.directory: cannot use 'no-folder': No such file or directory; create it",
        "settings.toml:24:6: destination: ",
    ];
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, expected) in faults.iter().zip(expected) {
        assert!(fault.starts_with(expected), "{fault}\n{expected}");
    }
    assert!(faults[4].contains("no-certificate.pem"), "{faults:#?}");
    let told = [
        "settings.toml:15:11: destination.command: there is no program 'no-such-program' in PATH",
        "settings.toml:28:11: destination.address: cannot resolve the host no-such-host.invalid: ",
    ];
    assert_eq!(warnings.len(), told.len(), "{warnings:#?}");
    for (warning, told) in warnings.iter().zip(told) {
        assert!(warning.starts_with(told), "{warning}\n{told}");
    }
}

#[test]
fn a_database_that_is_down_is_a_warning_and_a_file_that_is_none_a_fault() {
    let folder = Folder::new("catalogue");
    let (faults, warnings) = found(&folder, "[catalog]\nurl = 'postgres://me@127.0.0.1:1/x'\n");
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let told = "settings.toml:2:7: catalog.url: the catalogue is unavailable: ";
    assert!(warnings[0].starts_with(told), "{warnings:?}");
    folder.file("broken.sqlite", vec![b'x'; 8192]);
    let (faults, _) = found(&folder, "[catalog]\nurl = 'sqlite:broken.sqlite'\n");
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].starts_with("settings.toml:2:7: catalog.url: "), "{faults:?}");
    let before = std::fs::read_dir(&folder.0).unwrap().count();
    let (faults, _) = found(&folder, "[catalog]\nurl = 'sqlite:new.sqlite'\n");
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), before, "nothing is made");
}
