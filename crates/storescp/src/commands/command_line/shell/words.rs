//! The words that mean something to a shell, and the programs that run others.

/// The last component of a path.
pub(super) fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or_default()
}

/// Programs that read their arguments, or what is on their standard input, as a shell does.
pub(super) const READ_AGAIN: [&str; 22] = [
    "eval", "ssh", "rsh", "remsh", "rexec", "mosh", "slogin", "su", "runuser", "xargs", "parallel",
    "watch", "script", "at", "batch", "crontab", "trap", "alias", "source", "let", "declare",
    "typeset",
];

/// Shells: what follows them is a file, or they read commands from somewhere else.
pub(super) const SHELLS: [&str; 16] = [
    "sh", "bash", "dash", "ash", "ksh", "ksh93", "mksh", "zsh", "fish", "csh", "tcsh", "rbash",
    "posh", "yash", "busybox", "toybox",
];

/// Words that are no commands to a shell but its grammar, and `.`, which reads a file in its place.
pub(super) const RESERVED: [&str; 17] = [
    "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for",
    "in", "select", "function", "coproc", ".",
];

/// Words behind which a command is named.
pub(super) const BEFORE_A_NAME: [&str; 23] = [
    "exec",
    "command",
    "builtin",
    "nohup",
    "env",
    "sudo",
    "doas",
    "nice",
    "ionice",
    "setsid",
    "time",
    "timeout",
    "chrt",
    "fakeroot",
    "ltrace",
    "pkexec",
    "prlimit",
    "setpriv",
    "stdbuf",
    "strace",
    "systemd-run",
    "unbuffer",
    "unshare",
];

/// The same, but for a word between: a file, a folder, a user.
pub(super) const BEFORE_A_WORD_AND_A_NAME: [&str; 5] =
    ["chroot", "flock", "gosu", "su-exec", "taskset"];

/// Options of these that have the next word for a value.
pub(super) const WITH_A_VALUE: [&str; 13] =
    ["-u", "-g", "-U", "-C", "-D", "-R", "-s", "-o", "-f", "-a", "-h", "-T", "-t"];

/// Programs, but shells, that run text behind `-c`.
pub(super) const RUN_BY_OPTION: [&str; 4] = ["flock", "su", "runuser", "script"];

/// Programs that run text behind an option of one letter.
pub(super) const INTERPRETERS: [&str; 10] =
    ["perl", "python", "python2", "python3", "ruby", "node", "php", "lua", "tclsh", "Rscript"];

/// The last letters of such options.
pub(super) const PROGRAM_LETTERS: [char; 4] = ['c', 'e', 'E', 'r'];

/// Programs to which their arguments are text, or names of files, and that have not much to say.
pub(super) const TAKE_TEXT: [&str; 20] = [
    "echo",
    "printf",
    "logger",
    "test",
    "[",
    "cp",
    "mv",
    "ln",
    "rm",
    "rmdir",
    "mkdir",
    "touch",
    "cat",
    "ls",
    "cd",
    "chmod",
    "chown",
    "basename",
    "dirname",
    "notify-send",
];

/// `env -S` takes a command line apart.
pub(super) fn is_split_option(word: &str) -> bool {
    word.starts_with("-S") || word.starts_with("--split-string")
}

/// `NAME=…`, by which a command gets a variable.
pub(super) fn is_assignment(word: &[u8]) -> bool {
    let name = word.split(|&byte| byte == b'=').next().unwrap_or_default();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    name.len() < word.len()
        && name.first().is_some_and(|first| !first.is_ascii_digit())
        && name.iter().all(is_name)
}
