//! Sockets inherited from the program that started this one: a connection from inetd (`--inetd`), listening
//! sockets from systemd (`LISTEN_FDS`).

use listenfd::ListenFd;
use rustix::fs::fstat;
use rustix::net::sockopt;
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;

/// Takes the connection over that is standard input, and opens `/dev/null` in its place. Does the same for
/// standard output and standard error if they are the same socket: a log line among the PDUs would end the
/// association. Where they are something else, such as the journal, they stay.
///
/// # Errors
/// Standard input is not a connected socket; nothing is changed.
pub fn take_connection() -> io::Result<TcpStream> {
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    let stream = TcpStream::from(stdin.as_fd().try_clone_to_owned()?);
    stream.peer_addr()?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let is_connection = |other: &dyn AsFd| is_same(&stream, other).unwrap_or(false);
    if is_connection(&stdout) {
        dup2_stdout(&null)?;
    }
    if is_connection(&stderr) {
        dup2_stderr(&null)?;
    }
    dup2_stdin(&null)?;
    Ok(stream)
}

fn is_same(one: &dyn AsFd, other: &dyn AsFd) -> io::Result<bool> {
    let (one, other) = (fstat(one.as_fd())?, fstat(other.as_fd())?);
    Ok((one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}

/// Whether listening sockets may come with the process, so that no port need be named.
#[allow(clippy::disallowed_methods, reason = "sockets are passed by the environment")]
pub fn may_have_listeners() -> bool {
    std::env::var_os("LISTEN_FDS").is_some_and(|count| count != OsStr::new("0"))
}

/// The listening sockets that systemd (or a compatible program) has passed to this very process; empty if none.
/// To be called once, before there are threads: the environment variables for them are removed, so that no
/// child takes them for its own.
///
/// # Errors
/// If one is not a listening socket.
pub(crate) fn listeners() -> io::Result<Vec<TcpListener>> {
    let mut passed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..passed.len() {
        let Some(listener) = passed.take_tcp_listener(index)? else {
            continue;
        };
        if !sockopt::socket_acceptconn(&listener).unwrap_or(false) {
            let why = "it does not listen (with Accept=yes, use StandardInput=socket and --inetd)";
            return Err(io::Error::other(why));
        }
        listeners.push(listener);
    }
    Ok(listeners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_told_from_others() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (other, _) = listener.accept().unwrap();
        assert!(is_same(&one, &one.try_clone().unwrap()).unwrap());
        assert!(!is_same(&one, &other).unwrap());
    }
}
