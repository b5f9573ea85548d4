//! Where a catalogue is.

use crate::files::hidden_folder;
use std::fmt;
use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where a catalogue is: `sqlite`, `sqlite:PATH` or `postgres://USER@HOST/DATABASE`. It is shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub enum CatalogUrl {
    /// A file of SQLite in the output directory: `.storescp/catalog.sqlite`.
    InOutputDirectory,
    /// A file of SQLite.
    Sqlite(PathBuf),
    /// A database of PostgreSQL.
    Postgres {
        /// The URL without a password.
        url: String,
        /// The password, if one is needed.
        password: Option<String>,
    },
}

/// The file of the catalogue in the output directory.
pub const CATALOG_FILE: &str = ".storescp/catalog.sqlite";

const FORMS: &str = "sqlite, sqlite:PATH or postgres://USER@HOST/DATABASE";

impl CatalogUrl {
    /// What [`catalog::open`] takes, with the password: for nothing else. `output_directory` is that at the top of the
    /// settings.
    ///
    /// # Errors
    /// [`catalog::Error::Url`] if the path of the file is not UTF-8, or the hidden folder of the output directory is
    /// somebody else's, who could have any file delivered by a catalogue of theirs.
    pub fn connection(&self, output_directory: &Path) -> Result<String, catalog::Error> {
        let file = match self {
            Self::InOutputDirectory => {
                let folder = hidden_folder(output_directory);
                check_owner(&folder, output_directory).map_err(|reason| catalog::Error::Url {
                    url: format!("sqlite:{CATALOG_FILE}"),
                    reason,
                })?;
                output_directory.join(CATALOG_FILE)
            }
            Self::Sqlite(path) => path.clone(),
            Self::Postgres { url, password: None } => return Ok(url.clone()),
            Self::Postgres { url, password: Some(password) } => {
                let separator = if url.contains('?') { '&' } else { '?' };
                return Ok(format!("{url}{separator}password={}", percent_encoded(password)));
            }
        };
        let text = file.to_str().ok_or_else(|| catalog::Error::Url {
            url: format!("sqlite:{}", file.display()),
            reason: "the path is not UTF-8".to_owned(),
        })?;
        Ok(format!("sqlite:{text}"))
    }

    /// The file of SQLite, if it is one; `output_directory` is that at the top of the settings.
    #[must_use]
    pub fn file(&self, output_directory: &Path) -> Option<PathBuf> {
        match self {
            Self::InOutputDirectory => Some(output_directory.join(CATALOG_FILE)),
            Self::Sqlite(path) => Some(path.clone()),
            Self::Postgres { .. } => None,
        }
    }
}

/// Whether a hidden folder is trusted, as the storage decides it: a folder of ours, or of whom the output directory belongs
/// to, where nobody else writes. One that is not there yet is.
fn check_owner(folder: &Path, output_directory: &Path) -> Result<(), String> {
    let Ok(found) = std::fs::symlink_metadata(folder) else { return Ok(()) };
    let user = rustix::process::geteuid().as_raw();
    let owner = std::fs::metadata(output_directory).map(|it| it.uid()).ok();
    let is_trusted = found.uid() == user || Some(found.uid()) == owner;
    if found.is_dir() && is_trusted && found.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(format!(
        "{} is no folder, or others can write there: remove it, or name another place, such as \
         sqlite:/var/lib/storescp/catalog.sqlite",
        folder.display()
    ))
}

/// Each byte that is not unreserved (RFC 3986 §2.3) as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

impl FromStr for CatalogUrl {
    type Err = String;

    /// Reads a URL. What is wrong with one never shows a password.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "sqlite" {
            return Ok(Self::InOutputDirectory);
        }
        if let Some(path) = text.strip_prefix("sqlite:") {
            let is_path = !path.is_empty() && !path.starts_with("//") && !path.contains('\0');
            return is_path.then(|| Self::Sqlite(path.into())).ok_or_else(|| {
                "expected the path of a file behind sqlite:, such as sqlite:/var/lib/storescp/catalog.sqlite".to_owned()
            });
        }
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let Some(rest) = rest else { return Err(format!("expected {FORMS}")) };
        postgres(rest)?;
        Ok(Self::Postgres { url: text.to_owned(), password: None })
    }
}

/// Checks what follows the scheme.
fn postgres(rest: &str) -> Result<(), String> {
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = place.split_once('/').unwrap_or((place, ""));
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    let is_password = |parameter: &str| {
        parameter.split_once('=').is_some_and(|(name, _)| name.eq_ignore_ascii_case("password"))
    };
    if user.is_some_and(|user| user.contains(':')) || parameters.split('&').any(is_password) {
        let elsewhere =
            "give it as password = { file = \"PATH\" } or { env = \"VARIABLE\" } in [catalog]";
        return Err(format!("the URL must not contain a password: {elsewhere}"));
    }
    let is_text = |text: &str| !text.contains(|it: char| it.is_control() || it.is_whitespace());
    if !is_text(rest) {
        return Err("the URL has blanks or control characters".to_owned());
    }
    let names_host = parameters.split('&').any(|it| it.starts_with("host="));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.is_empty() && !names_host {
        return Err("the URL has no host: expected postgres://USER@HOST/DATABASE".to_owned());
    }
    if database.is_empty() && !parameters.split('&').any(|it| it.starts_with("dbname=")) {
        return Err("the URL has no database: expected postgres://USER@HOST/DATABASE".to_owned());
    }
    Ok(())
}

impl fmt::Display for CatalogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InOutputDirectory => f.write_str("sqlite"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres { url, .. } => f.write_str(url),
        }
    }
}

/// The password is not shown.
impl fmt::Debug for CatalogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn url(text: &str) -> CatalogUrl {
        text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn urls_name_a_file_or_a_database() {
        let connection = |text: &str| url(text).connection(Path::new("/data")).unwrap();
        assert_eq!(connection("sqlite"), "sqlite:/data/.storescp/catalog.sqlite");
        assert_eq!(connection("sqlite:/var/c.sqlite"), "sqlite:/var/c.sqlite");
        for same in
            ["postgres://me@db.example:5433/pacs?sslmode=require", "postgresql:///x?host=/run"]
        {
            assert_eq!(connection(same), same);
            assert_eq!(url(same).to_string(), same);
        }
        for (bad, told) in [
            ("", "expected sqlite, "),
            ("mysql://host/x", "expected sqlite, "),
            ("sqlite:", "expected the path"),
            ("sqlite://host/x", "expected the path"),
            ("postgres://host", "the URL has no database"),
            ("postgres:///x", "the URL has no host"),
            ("postgres://ho st/x", "the URL has blanks"),
        ] {
            let found = bad.parse::<CatalogUrl>().unwrap_err();
            assert!(found.starts_with(told), "{bad}: {found}");
        }
    }

    #[test]
    fn passwords_are_neither_taken_in_a_url_nor_shown() {
        for with in ["postgres://me:pa55@host/x", "postgres://host/x?sslmode=require&Password=pa55"]
        {
            let why = with.parse::<CatalogUrl>().unwrap_err();
            assert!(why.starts_with("the URL must not contain a password"), "{why}");
            assert!(!why.contains("pa55"), "{why}");
        }
        let CatalogUrl::Postgres { url, .. } = url("postgres://me@host/x?a=b") else { panic!() };
        let url = CatalogUrl::Postgres { url, password: Some("p&5 ä".to_owned()) };
        assert_eq!(format!("{url} {url:?}"), "postgres://me@host/x?a=b postgres://me@host/x?a=b");
        let connection = url.connection(Path::new("/data")).unwrap();
        assert_eq!(connection, "postgres://me@host/x?a=b&password=p%265%20%C3%A4");
    }

    #[test]
    fn a_hidden_folder_that_others_can_write_to_has_no_catalogue() {
        let scratch = platform::testing::Scratch::new("archive-catalog-owner");
        let directory = scratch.0.as_path();
        let (folder, elsewhere) = (directory.join(".storescp"), directory.join("elsewhere"));
        let is_trusted = || url("sqlite").connection(directory).is_ok();
        assert!(is_trusted(), "it is made later");
        std::fs::create_dir(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &folder).unwrap();
        assert!(!is_trusted(), "a link");
        std::fs::remove_file(&folder).unwrap();
        std::fs::create_dir(&folder).unwrap();
        for (mode, expected) in [(0o700, true), (0o755, true), (0o770, false), (0o777, false)] {
            std::fs::set_permissions(&folder, PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(is_trusted(), expected, "{mode:o}");
        }
        if rustix::process::geteuid().is_root() {
            std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
            std::os::unix::fs::chown(&folder, Some(65534), None).unwrap();
            assert!(!is_trusted(), "another user's");
            std::os::unix::fs::chown(directory, Some(65534), None).unwrap();
            assert!(is_trusted(), "of whom the directory belongs to");
        }
    }
}
