//! Finds the programs to run: the one under test, and those of other toolkits.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Path of the program under test: `STORESCP_BINARY`, or what `cargo build -p storescp` builds in the profile
/// of the tests, once per run.
///
/// # Panics
/// If it cannot be built or does not exist.
#[must_use]
pub fn storescp() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| match env::var_os("STORESCP_BINARY") {
        Some(path) => existing(PathBuf::from(path), "set by STORESCP_BINARY"),
        None => build("storescp"),
    })
}

/// A command that runs this project's sender, which is built once per run. Its OpenSSL has the cipher suites of
/// old devices, which Debian's lacks.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn loadgen() -> Command {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    Command::new(PATH.get_or_init(|| build("loadgen")))
}

/// A command that delivers files as the outbox does, to another AE: an example of crate `delivery`, which is built once
/// per run.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn forward() -> Command {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    Command::new(PATH.get_or_init(|| build_target("delivery", Some("forward"))))
}

/// A command that runs a program of Debian's packages, such as `dcmdump`.
///
/// # Panics
/// If it is not installed.
#[must_use]
pub fn debian(name: &str) -> Command {
    Command::new(debian_path(name))
}

/// Path of a program of Debian's packages.
///
/// # Panics
/// If it is not installed.
#[must_use]
pub fn debian_path(name: &str) -> PathBuf {
    let [user, system] = ["/usr/bin", "/usr/sbin"].map(|folder| Path::new(folder).join(name));
    if system.exists() { system } else { existing(user, INSTALL) }
}

/// A command that runs a program of dicom-rs, such as `dicom-storescu`.
///
/// # Panics
/// If it is not installed.
#[must_use]
pub fn dicom_rs(name: &str) -> Command {
    Command::new(existing(directory().join("cargo/bin").join(name), INSTALL))
}

/// Path of the Python interpreter that has pydicom and pynetdicom.
///
/// # Panics
/// If it is not installed.
#[must_use]
pub fn python() -> PathBuf {
    existing(directory().join("venv/bin/python"), INSTALL)
}

/// A command that runs one of the scripts in `interop/peers` with that interpreter.
#[must_use]
pub fn python_script(name: &str) -> Command {
    let mut command = Command::new(python());
    // Otherwise compiled scripts would be left in the source tree.
    command.arg("-B").arg(script(name));
    command
}

/// A command that runs one of the scripts in `interop/peers` with Node and dcmjs-dimse.
///
/// # Panics
/// If dcmjs-dimse is not installed.
#[must_use]
pub fn node_script(name: &str) -> Command {
    let modules = existing(directory().join("npm/node_modules"), INSTALL);
    let mut command = Command::new("node");
    command.arg(script(name)).env("NODE_PATH", modules);
    command
}

/// Path of a script in `interop/peers`.
#[must_use]
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

const INSTALL: &str = "run interop/install-peers";

fn directory() -> PathBuf {
    match env::var_os("STORESCP_PEERS") {
        Some(path) => PathBuf::from(path),
        None => {
            let home = env::var_os("HOME").expect("HOME is set");
            Path::new(&home).join(".cache/storescp-peers")
        }
    }
}

fn existing(path: PathBuf, hint: &str) -> PathBuf {
    assert!(path.exists(), "{} is not there: {hint}", path.display());
    path
}

/// Builds a program in the target directory and profile of the running test.
fn build(program: &str) -> PathBuf {
    build_target(program, None)
}

/// Builds a program of a package, or one of its examples.
fn build_target(package: &str, example: Option<&str>) -> PathBuf {
    let this = env::current_exe().expect("the running test is a file");
    // target/PROFILE/deps/test, or target/PROFILE/program.
    let mut ancestors = this.ancestors().skip(1).filter(|path| !path.ends_with("deps"));
    let profile_directory = ancestors.next().expect("a directory for the profile");
    let target = profile_directory.parent().expect("a target directory");
    let profile = match profile_directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "-p", package, "--profile", profile, "--target-dir"])
        .arg(target)
        .args(example.iter().flat_map(|name| ["--example", name]))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .status()
        .expect("cargo runs");
    assert!(status.success(), "{package} does not build");
    let path = match example {
        Some(name) => profile_directory.join("examples").join(name),
        None => profile_directory.join(package),
    };
    existing(path, "built by cargo build")
}
