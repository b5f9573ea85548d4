//! What helps when the start fails, said behind DCMTK's words for it.

use crate::cli::Config;
use crate::error::Error;
use receiver::net::AddressFamily;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What helps with this error; `None` if it says all that is known.
pub(crate) fn start_hint(error: &Error, config: &Config) -> Option<String> {
    match error {
        Error::Receiver(receiver::Error::Listen(source)) => Some(listen(source, config)),
        Error::Receiver(receiver::Error::Privileges { port }) => Some(format!(
            "{} may not use ports below 1024: give the program the capability CAP_NET_BIND_SERVICE (systemd: \
             AmbientCapabilities=), let systemd listen (storescp.socket), or use a port such as {}",
            user(),
            u32::from(*port) + 11_008
        )),
        Error::Receiver(receiver::Error::NoOutputDirectory { path }) => {
            Some(no_directory(path, config.settings_file.as_deref()))
        }
        Error::Receiver(receiver::Error::OutputDirectoryNotWritable { path, source }) => {
            Some(not_writable(path, source))
        }
        Error::Rule { source, .. } => start_hint(source, config),
        Error::NoDictionary => {
            let value = std::env::var_os(crate::data_dictionary::PATH_VARIABLE)?;
            Some(format!("DCMDICTPATH is '{}', and no entry can be read there", value.display()))
        }
        _ => None,
    }
}

fn listen(source: &io::Error, config: &Config) -> String {
    let (address, port) = listened_on(source, config);
    if source.kind() == io::ErrorKind::AddrNotAvailable {
        return format!(
            "the address was {address}: this machine has no such address ('ip address' shows those that it has)"
        );
    }
    if source.kind() != io::ErrorKind::AddrInUse {
        return format!("the address was {address}");
    }
    let holder = holder(port).unwrap_or_else(|| "another process".to_owned());
    format!(
        "{holder} listens on port {port} ({address}): 'ss -ltnp sport = :{port}' shows all; stop it, or use another \
         port"
    )
}

/// The address that could not be listened on, with its port: where there are several, the error begins with it.
fn listened_on(source: &io::Error, config: &Config) -> (String, u16) {
    let told = source.to_string();
    let addresses = &config.network.addresses;
    if let Some(one) = addresses.iter().find(|it| told.starts_with(&format!("{it}: "))) {
        return (one.to_string(), one.port());
    }
    let port = config.network.port;
    let address = match config.network.address_family {
        AddressFamily::Ipv4 => "0.0.0.0",
        AddressFamily::Ipv6 | AddressFamily::Both => "[::]",
    };
    (format!("{address}:{port}"), port)
}

/// The process that listens on this port, as far as this one may see.
fn holder(port: u16) -> Option<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let mut sockets = Vec::new();
    for table in tables.into_iter().flatten() {
        sockets.extend(listening(&table, port).map(|inode| format!("socket:[{inode}]")));
    }
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let holds = |descriptors: fs::ReadDir| {
        let targets = descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
        targets.into_iter().any(|target| sockets.iter().any(|socket| target == Path::new(socket)))
    };
    let found = processes
        .map(|process| process.path())
        .find(|process| fs::read_dir(process.join("fd")).is_ok_and(holds))?;
    let name = fs::read_to_string(found.join("comm")).ok()?;
    Some(format!("{} (process {})", name.trim_end(), found.file_name()?.to_str()?))
}

/// The inodes of sockets that listen on this port, of a table of the kernel's (proc(5), `/proc/net/tcp`).
fn listening(table: &str, port: u16) -> impl Iterator<Item = &str> {
    let port = format!(":{port:04X}");
    table.lines().filter_map(move |line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // State 0A is LISTEN.
        match fields.as_slice() {
            [_, local, _, "0A", _, _, _, _, _, inode, ..] if local.ends_with(&port) => Some(*inode),
            _ => None,
        }
    })
}

fn no_directory(path: &Path, settings_file: Option<&Path>) -> String {
    let shown = absolute(path);
    let with = settings_file.map_or_else(
        || "with --output-directory".to_owned(),
        |file| format!("by the key directory in {}", file.display()),
    );
    match fs::metadata(path) {
        Ok(_) => format!("'{shown}' is a file, not a directory: name another {with}"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            format!("there is no '{shown}': create it (mkdir -p), or name another {with}")
        }
        Err(error) => {
            format!("{} cannot look into '{shown}': {}", user(), platform::reason(&error))
        }
    }
}

fn not_writable(path: &Path, source: &io::Error) -> String {
    let owner = fs::metadata(path).map_or_else(
        |_| String::new(),
        |found| {
            let mode = found.mode() & 0o7777;
            format!("; it belongs to {}, mode {mode:04o}", named(found.uid()))
        },
    );
    format!(
        "{} cannot create files in '{}': {}{owner}",
        user(),
        absolute(path),
        platform::reason(source)
    )
}

fn absolute(path: &Path) -> String {
    let absolute = std::path::absolute(path);
    absolute.as_deref().unwrap_or(path).display().to_string()
}

/// Who this process runs as.
fn user() -> String {
    named(rustix::process::geteuid().as_raw())
}

fn named(id: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    match name_of(id, &users) {
        Some(name) => format!("user {name} (uid {id})"),
        None => format!("the user with uid {id}"),
    }
}

fn name_of(id: u32, users: &str) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, found) = (fields.next()?, fields.nth(1)?);
        (found.parse() == Ok(id)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_names() {
        let users =
            "root:x:0:0:root:/root:/bin/bash\nnonsense\ndicom:x:998:998::/nonexistent:/bin/false\n";
        assert_eq!(name_of(998, users), Some("dicom"));
        assert_eq!(name_of(1, users), None);
    }

    #[test]
    fn ports_are_named_with_what_helps() {
        let hint = |line: &str, error: receiver::Error| {
            let action = crate::cli::parse(line.split(' ').map(Into::into));
            let crate::cli::Action::Run(config) = action else { panic!("{line}") };
            start_hint(&Error::Receiver(error), &config).unwrap()
        };
        let told = hint("104", receiver::Error::Privileges { port: 104 });
        assert!(
            told.contains("CAP_NET_BIND_SERVICE") && told.ends_with("a port such as 11112"),
            "{told}"
        );
        let in_use = || receiver::Error::Listen(io::ErrorKind::AddrInUse.into());
        let told = hint("11112", in_use());
        // Another process, or its name if there is one.
        assert!(told.contains(" listens on port 11112 (0.0.0.0:11112): "), "{told}");
        assert!(hint("-i0 11112", in_use()).contains(" ([::]:11112): "));
        let other = receiver::Error::Listen(io::ErrorKind::Unsupported.into());
        assert_eq!(hint("-i6 104", other), "the address was [::]:104");
    }

    #[test]
    fn of_several_addresses_the_one_that_failed_is_named() {
        let action = crate::cli::parse(std::iter::once("11112".into()));
        let crate::cli::Action::Run(mut config) = action else { panic!("it has a port") };
        config.network.addresses =
            vec!["127.0.0.1:11112".parse().unwrap(), "127.0.0.1:11113".parse().unwrap()];
        let hint = |kind, told: &str| {
            let source = io::Error::new(kind, told);
            start_hint(&Error::Receiver(receiver::Error::Listen(source)), &config).unwrap()
        };
        let told = hint(io::ErrorKind::AddrInUse, "127.0.0.1:11113: Address already in use");
        assert!(told.contains(" listens on port 11113 (127.0.0.1:11113): "), "{told}");
        let told = hint(io::ErrorKind::AddrNotAvailable, "127.0.0.1:11112: no such address");
        assert!(told.starts_with("the address was 127.0.0.1:11112: this machine has no"), "{told}");
    }

    #[test]
    fn what_is_in_the_place_of_a_directory_is_told() {
        let told = no_directory(Path::new("/no/such"), None);
        assert!(told.starts_with("there is no '/no/such': create it"), "{told}");
        assert!(told.ends_with("name another with --output-directory"), "{told}");
        let told = no_directory(Path::new("/no/such"), Some(Path::new("s.toml")));
        assert!(told.ends_with("name another by the key directory in s.toml"), "{told}");
        assert!(no_directory(Path::new("/etc/passwd"), None).contains("is a file"));
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let told = not_writable(Path::new("/"), &denied);
        assert!(told.contains("cannot create files in '/'") && told.contains("uid 0"), "{told}");
    }
}
