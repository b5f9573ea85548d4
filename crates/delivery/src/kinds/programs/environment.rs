//! The environment of programs: this program's own, without what is meant for it alone.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

/// What systemd sets for this program alone: a program that inherits it could report in its name
/// (sd_notify(3)).
pub const NOT_PASSED_ON: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"];

/// How the names of variables begin that say what a delivery is about.
pub(in crate::kinds) const PREFIX: &str = "STORESCP_";

/// Removes what a program must not inherit: also variables that would say something about another delivery.
pub(in crate::kinds) fn clean(command: &mut Command) {
    for name in NOT_PASSED_ON {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            command.env_remove(name);
        }
    }
}

/// Sets a variable. A NUL, which no variable can hold, is `_`.
pub(in crate::kinds) fn set(command: &mut Command, name: &str, value: &[u8]) {
    command.env(name, OsStr::from_bytes(&without_nul(value)));
}

/// The value with `_` for each NUL: neither a variable nor an argument can hold one.
pub(in crate::kinds) fn without_nul(value: &[u8]) -> Vec<u8> {
    value.iter().map(|&byte| if byte == 0 { b'_' } else { byte }).collect()
}
