//! The control plane: metrics, health and an API over HTTP.

use super::spec::{Opt, OptionSpec, Value};
use super::typed::Typed;
use crate::cli::fault::{Fault, Misfit};
use control::{ControlSettings, parse_listen};

pub(super) const CONTROL: &[OptionSpec] = &[OptionSpec::new(
    Opt::Http,
    "",
    "--http",
    &[
        "serve metrics, health and an API over HTTP on",
        "address a, or on port a of this machine only;",
        "others need [http] in the settings file",
        "(not with --inetd)",
    ],
)
.takes("[a]ddress: string (such as 127.0.0.1:8042)", &[Value::Text])];

/// Where the control plane listens, if there is one. Whether others than this machine may reach it, is decided once
/// the settings file is read.
pub(super) fn http(typed: &Typed) -> Result<Option<ControlSettings>, Fault> {
    typed.refuse_with(Opt::Inetd, &[Opt::Http])?;
    let Some(word) = typed.text(Opt::Http) else { return Ok(None) };
    let address = word.to_str().and_then(|word| parse_listen(word).ok());
    let fault = || Fault::Value("--http", word.into(), Misfit::Malformed);
    address.map(|address| Some(ControlSettings::on(address))).ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use crate::cli::tests::{config, fault, hints};

    #[test]
    fn where_the_control_plane_listens() {
        let listen = |line: &str| config(line).http.map(|http| http.listen[0].to_string());
        assert_eq!(listen("104"), None);
        for (typed, expected) in [
            ("8042", "127.0.0.1:8042"),
            ("0", "127.0.0.1:0"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:8042", "[::1]:8042"),
            ("1 --http 2", "127.0.0.1:2"),
        ] {
            assert_eq!(
                listen(&format!("104 --http {typed}")).as_deref(),
                Some(expected),
                "{typed}"
            );
        }
        assert_eq!(fault("104 --http host:80"), "Invalid value for option --http (host:80)");
        assert_eq!(
            hints("104 --http 80000"),
            "--http takes a port (0..65535) or an address with a port, such as 8042, 127.0.0.1:8042, 0.0.0.0:8042 or \
             [::1]:8042"
        );
        assert_eq!(fault("--inetd --http 80"), "--inetd not allowed with --http");
    }
}
