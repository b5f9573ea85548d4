//! Files that are not as they should be, and what is read beside them.

use super::*;
use crate::limits::{RULES, SETTINGS_BYTES, SETTINGS_FAULTS};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A folder that is removed in the end.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("storescp-settings-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn loaded(path: &Path) -> Result<Config, String> {
    load(path, &command_line("11112")).map_err(|faults| faults.to_string())
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    let config =
        config("\u{feff}listen = 11113\r\nae-title = \"A\"\r\n\r\n[log]\r\nlevel = \"info\"\r\n");
    assert_eq!((config.network.port, config.negotiation.ae_title.as_str()), (11113, "A"));
    let told = faults("\u{feff}lisen = 1\r\n[log]\r\nlevel = \"inffo\"\r\n");
    assert_eq!(told[0], "1:1: unknown key \"lisen\"; did you mean \"listen\"?");
    assert!(told[1].starts_with("3:9: log.level: expected "), "{told:?}");
    assert!(told[1].ends_with("did you mean \"info\"?"), "{told:?}");
}

#[test]
fn bytes_that_are_no_text_are_told_with_their_place() {
    let told = faults(b"listen = 1\nae-title = \"M\xFCNCHEN\"\n");
    assert!(told[0].starts_with("2:14: the byte FCH is not UTF-8"), "{told:?}");
    let told = faults("listen = 1\nae-title = \"A\0B\"\n");
    assert!(told[0].starts_with("2:14: not TOML"), "{told:?}");
    assert_eq!(faults("directory = \"a\\u0000b\"").len(), 1);
    assert_eq!(faults([0_u8; 100]).len(), 1);
}

#[test]
fn deep_nesting_is_refused_without_harm() {
    for text in [
        "a = ".to_owned() + &"[".repeat(100_000),
        "a = ".to_owned() + &"{a=".repeat(100_000),
        "a.".repeat(100_000) + "a = 1",
        format!("[{}a]", "a.".repeat(100_000)),
    ] {
        let told = faults(text);
        assert!((1..=SETTINGS_FAULTS + 1).contains(&told.len()));
    }
}

#[test]
fn large_files_are_refused_and_others_read_in_time() {
    let folder = Folder::new("large");
    let path = folder.file("settings.toml", vec![b'#'; SETTINGS_BYTES + 1]);
    let told = loaded(&path).unwrap_err();
    assert!(told.ends_with("settings.toml: the settings file is larger than 4 MiB"), "{told}");
    let path = folder.file("settings.toml", vec![b'#'; SETTINGS_BYTES]);
    assert!(loaded(&path).is_ok());
    let begun = Instant::now();
    let rule = |number| {
        format!(
            "[[rule]]\nname = \"r{number}\"\ncalling = [\"*C{number}\"]\naddress = \"10.0.0.0/8\"\n"
        )
    };
    let most: String = (0..RULES).map(rule).collect();
    assert_eq!(config(&most).rules.len(), RULES);
    let told = faults(most + &rule(RULES));
    assert_eq!(told, ["40001:1: there are 10001 rules, at most 10000"]);
    let unknown: String = (0..200_000).map(|number| format!("k{number} = 1\n")).collect();
    let told = faults(unknown);
    assert_eq!(told.len(), SETTINGS_FAULTS + 1);
    assert_eq!(told.last().unwrap(), "199000 more faults (the first 1000 are shown)");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn what_is_no_file_is_told() {
    let folder = Folder::new("no-file");
    let told = loaded(&folder.0).unwrap_err();
    assert!(told.ends_with(": cannot read the settings file: Is a directory"), "{told}");
    let told = loaded(&folder.0.join("none.toml")).unwrap_err();
    assert!(
        told.ends_with("none.toml: cannot read the settings file: No such file or directory"),
        "{told}"
    );
    let path = folder.file("closed.toml", "listen = 1");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser reads it all the same.
    if let Err(told) = loaded(&path) {
        assert!(told.ends_with("cannot read the settings file: Permission denied"), "{told}");
    }
}

#[test]
fn relative_paths_begin_at_the_file() {
    let folder = Folder::new("relative");
    folder.file("faults", "seed 7\nobject 3: reset\n");
    let path = folder.file(
        "settings.toml",
        "directory = 'in/'\nfaults.files = 'faults'\n[tls]\nkey = 'k'\ncertificate = '/c'\n[[rule]]\ndirectory = 'ct'\n",
    );
    let config = loaded(&path).unwrap();
    assert_eq!(config.output.directory, folder.0.join("in"));
    assert_eq!((config.faults.len(), config.fault_seed), (1, Some(7)));
    let tls = config.tls.unwrap();
    assert_eq!((tls.key_file, tls.certificate_file), (folder.0.join("k"), "/c".into()));
    assert_eq!(config.settings_file, Some(path));
    folder.file("faults", "object 3: reset\nobject 4: rset\n");
    let told = loaded(&folder.0.join("settings.toml")).unwrap_err();
    let at = folder.0.join("faults").display().to_string();
    assert!(
        told.contains(&format!("settings.toml:2:16: faults.files: {at}:2:11: expected ")),
        "{told}"
    );
}

#[test]
fn secrets_are_read_and_never_shown() {
    let folder = Folder::new("secrets");
    folder.file("password", "top-secret\r\n");
    let text = |secret: &str| format!("[tls]\nkey = 'k'\ncertificate = 'c'\npassword = {secret}\n");
    let password = |secret: &str| {
        let path = folder.file("settings.toml", text(secret));
        loaded(&path).map(|config| {
            assert!(!format!("{config:?}").contains("top-secret"));
            config.tls.unwrap().password
        })
    };
    use receiver::net::tls::KeyPassword;
    assert_eq!(password("{ file = 'password' }"), Ok(KeyPassword::Given("top-secret".into())));
    // Set by cargo for tests.
    assert_eq!(password("{ env = 'CARGO_PKG_NAME' }"), Ok(KeyPassword::Given("storescp".into())));
    for (secret, why) in [
        ("'top-secret'", "tls.password: a secret must not be in this file"),
        ("4711", "tls.password: expected { file = \"PATH\" } or { env = \"VARIABLE\" }"),
        ("{ file = 'none' }", "none: No such file or directory"),
        ("{ file = '.' }", "Is a directory"),
        ("{ file = '/dev/null' }", "/dev/null is empty"),
        ("{ file = '/dev/zero' }", "/dev/zero is longer than 4096 bytes"),
        ("{ env = 'STORESCP_NO_SUCH' }", "the environment variable STORESCP_NO_SUCH is not set"),
        ("{ env = '' }", "expected the name of an environment variable"),
        ("{ fil = 'x' }", "not a table with fil"),
        ("{ file = 'x', env = 'y' }", "not a table with env or file"),
    ] {
        let told = password(secret).unwrap_err();
        assert!(told.contains(":4:") && told.contains(why), "{secret}: {told}");
        assert!(!told.contains("top-secret") && !told.contains("4711"), "{told}");
    }
    let secret = values::SecretSource::File("password".into()).secret(&folder.0).unwrap();
    assert_eq!((secret.reveal(), format!("{secret:?}").as_str()), ("top-secret", "\"…\""));
}

#[test]
fn a_port_has_to_be_named_somewhere() {
    let folder = Folder::new("port");
    let path = folder.file("settings.toml", "");
    let line = format!("--settings {}", path.display());
    let told = effective(&command_line(&line)).unwrap_err().to_string();
    assert!(told.ends_with("set listen = 11112, or name the port on the command line"), "{told}");
    assert_eq!(effective(&command_line(&format!("{line} 104"))).unwrap().network.port, 104);
    folder.file("settings.toml", "listen = 11113");
    assert_eq!(effective(&command_line(&line)).unwrap().network.port, 11113);
    assert_eq!(effective(&command_line("104")).unwrap().network.port, 104);
}

#[test]
fn the_example_is_right() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/storescp.toml");
    let config = loaded(&path).unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    // What is commented out is right, too: each such line that is a key, a table or an entry of a list.
    let text = fs::read_to_string(&path).unwrap();
    let opened: String = text
        .lines()
        .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(opened != text);
    let folder = Folder::new("example");
    folder.file("key-password", "x");
    let opened = opened.replace(
        "/etc/storescp/key-password",
        &folder.0.join("key-password").display().to_string(),
    );
    let all = loaded(&folder.file("storescp.toml", opened)).unwrap();
    assert!(all.tls.is_some() && all.rules.len() > config.rules.len());
}

#[test]
fn the_control_plane_is_set_up() {
    let folder = Folder::new("http");
    folder.file("token", "0123456789abcdef0123\n");
    let hash = control::hash_password("correct horse").unwrap();
    folder.file("hash", &hash);
    let path = folder.file(
        "settings.toml",
        "[tls]\nkey = 'k'\ncertificate = 'c'\n[http]\nlisten = [8042, '10.0.0.7']\ntls = 'as-receiver'\n\
         open-health = true\nhost-names = 'dicom.example'\n[[http.token]]\nname = 'prometheus'\n\
         token = { file = 'token' }\n[[http.user]]\nname = 'admin'\nrole = 'operator'\npassword-hash.file = 'hash'\n",
    );
    let config = loaded(&path).unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains("0123456789abcdef") && !shown.contains(&hash), "{shown}");
    let http = config.http.unwrap();
    let listen: Vec<String> = http.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["127.0.0.1:8042", "10.0.0.7:8042"]);
    assert_eq!(http.tls, Some(control::ControlTls::new(folder.0.join("c"), folder.0.join("k"))));
    let hash_of_token = control::TokenHash::of("0123456789abcdef0123").unwrap();
    assert_eq!(
        (http.tokens[0].name.as_str(), &http.tokens[0].hash),
        ("prometheus", &hash_of_token)
    );
    assert_eq!(
        (http.tokens[0].role, http.users[0].role),
        (control::Role::Viewer, control::Role::Operator)
    );
    assert_eq!((http.users[0].password_hash.as_str(), http.host_names.len()), (hash.as_str(), 1));
    assert!(http.open_health && !http.insecure);
    let plain = config_of(&folder, "[http]\n").http.unwrap();
    assert_eq!(plain, control::ControlSettings::on("127.0.0.1:8042".parse().unwrap()));
    assert_eq!(config_of(&folder, "http.enabled = false").http, None);
    assert_eq!(config_of(&folder, "").http, None);
}

fn config_of(folder: &Folder, text: &str) -> Config {
    loaded(&folder.file("settings.toml", text)).unwrap()
}
