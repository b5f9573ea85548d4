//! The environment variables of commands: each value as received, since no shell interprets it.

use crate::commands::command_line::Values;
use crate::commands::job::Job;
use receiver::output::studies::Reason;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

/// All variables that commands may get. Those without a value are removed, even if this program has
/// inherited one of that name.
pub(crate) const VARIABLES: [&str; 11] = [
    "STORESCP_CALLED_AE",
    "STORESCP_CALLING_AE",
    "STORESCP_FILE",
    "STORESCP_PATH",
    "STORESCP_PEER",
    PEER_NAME,
    "STORESCP_REASON",
    "STORESCP_SOP_CLASS_UID",
    "STORESCP_SOP_INSTANCE_UID",
    "STORESCP_STUDY_INSTANCE_UID",
    "STORESCP_TRANSFER_SYNTAX_UID",
];

/// What systemd sets for this program alone: a command that inherits it could report in its name
/// (sd_notify(3)).
pub(crate) const NOT_PASSED_ON: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"];

/// The one that needs a name look-up.
pub(in crate::commands) const PEER_NAME: &str = "STORESCP_PEER_NAME";

/// Sets the variables of a command. The name of the peer only if it `wants_host`: the look-up may take
/// time.
///
/// AE titles and UIDs are as they were sent, but for padding. A NUL, which no variable can hold, is `_`.
pub(in crate::commands) fn give(
    command: &mut Command,
    job: &Job,
    values: &Values<'_>,
    wants_host: bool,
) {
    for name in VARIABLES.into_iter().chain(NOT_PASSED_ON) {
        command.env_remove(name);
    }
    let mut set = |name: &str, value: &[u8]| {
        command.env(name, OsStr::from_bytes(&without_nul(value)));
    };
    set("STORESCP_CALLING_AE", values.peer.calling_ae.as_bytes());
    set("STORESCP_CALLED_AE", values.peer.called_ae.as_bytes());
    set("STORESCP_PEER", values.peer.address.to_canonical().to_string().as_bytes());
    if wants_host {
        set(PEER_NAME, (values.host)().as_bytes());
    }
    if let Some(directory) = values.directory {
        set("STORESCP_PATH", directory.as_os_str().as_bytes());
    }
    if let Some(file) = values.file {
        set("STORESCP_FILE", file.as_str().as_bytes());
    }
    match job {
        Job::Reception(reception) => {
            set("STORESCP_SOP_CLASS_UID", reception.sop_class.as_bytes());
            set("STORESCP_SOP_INSTANCE_UID", reception.sop_instance.as_bytes());
            if let Some(study) = &reception.study {
                set("STORESCP_STUDY_INSTANCE_UID", study);
            }
            if let Some(syntax) = &reception.transfer_syntax {
                set("STORESCP_TRANSFER_SYNTAX_UID", syntax.as_bytes());
            }
        }
        Job::EndOfStudy(study) => {
            set("STORESCP_STUDY_INSTANCE_UID", &study.uid);
            let reason = match study.reason {
                Reason::Timeout => "timeout",
                Reason::NextStudy => "next-study",
                Reason::Release => "release",
                Reason::Stop => "stop",
            };
            set("STORESCP_REASON", reason.as_bytes());
        }
    }
}

fn without_nul(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&0) {
        return Cow::Borrowed(value);
    }
    value.iter().map(|&byte| if byte == 0 { b'_' } else { byte }).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use receiver::output::studies::unpadded;

    #[test]
    fn values_lose_padding_and_nuls_and_nothing_else() {
        for (raw, value) in [
            (&b"1.2.3\0"[..], &b"1.2.3"[..]),
            (b"1.2 3  ", b"1.2 3"),
            (b" .ssh", b" .ssh"),
            (b"1.2\\3.4", b"1.2"),
            (b"\xff;$(x)\n", b"\xff;$(x)\n"),
            (b" \0", b""),
            (b"", b""),
        ] {
            assert_eq!(*unpadded(raw), *value);
        }
        assert_eq!(*without_nul(b"a\0b"), *b"a_b");
    }
}
