//! The implementation for other Unix systems.

use crate::unix::{Journal, LinkDurability, Mount, ProcessIdentity};
use rustix::fs::Mode;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::time::Duration;

/// Not known here.
#[must_use]
pub fn link_durability(_folder: &File) -> LinkDurability {
    LinkDurability::Unknown
}

/// Not known here.
#[must_use]
pub fn attribute_bytes(_folder: &File) -> usize {
    64
}

/// Not known here.
#[must_use]
pub fn journal(_folder: &File) -> Journal {
    Journal::Unknown
}

/// Not known here.
#[must_use]
pub fn hides_a_lost_log(_folder: &File) -> bool {
    false
}

/// As on Linux, but never.
#[must_use]
pub fn may_not_check_log(_folder: &File) -> bool {
    false
}

/// Not known here.
///
/// # Errors
/// Never.
pub fn check_log(_folder: &File) -> io::Result<()> {
    Ok(())
}

/// Not known here.
///
/// # Errors
/// Always.
pub fn keeps_order(_folder: &File) -> Result<(), String> {
    Err("this is not Linux".to_owned())
}

/// Not supported.
///
/// # Errors
/// Always `Unsupported`.
pub fn write_out(_file: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not known here.
#[must_use]
pub fn reports_write_errors_late(_folder: &File) -> bool {
    true
}

/// Not supported.
///
/// # Errors
/// Always `Unsupported`.
pub fn create_unnamed(_folder: &File, _mode: Mode) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not supported.
///
/// # Errors
/// Always `Unsupported`.
pub fn link_unnamed(_file: &File, _folder: &File, _name: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not supported.
///
/// # Errors
/// Always `Unsupported`.
pub fn exchange(_one: (&File, &str), _other: (&File, &str)) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not supported.
///
/// # Errors
/// Always `Unsupported`.
pub fn rename_to_free_name(_from: (&File, &str), _to: (&File, &str)) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not known here.
#[must_use]
pub fn this_process() -> Option<ProcessIdentity> {
    None
}

/// Not known here.
#[must_use]
pub fn is_running(_process: &ProcessIdentity) -> Option<bool> {
    None
}

/// Not known here.
#[must_use]
pub fn creation_time(_folder: &File, _name: &str) -> Option<(i64, u32)> {
    None
}

/// Not known here.
///
/// # Errors
/// Always `Unsupported`.
pub fn mounts() -> io::Result<Vec<Mount>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not known here.
///
/// # Errors
/// Always `Unsupported`.
pub fn mount_of(_file: &File) -> io::Result<(u64, Option<u64>)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not known here.
#[must_use]
pub fn mount_generation(_folder: &File) -> Option<u64> {
    None
}

/// Does nothing: the system decides when to acknowledge.
pub fn acknowledge_now(_stream: &TcpStream) {}

/// Does nothing: the sync writes everything.
///
/// # Errors
/// Never.
pub fn begin_write_back(_file: &File, _range: Range<u64>) -> io::Result<()> {
    Ok(())
}

/// Ends a connection by a TCP reset once nobody else holds it.
pub fn reset_connection(stream: &TcpStream) {
    let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
}

/// Waits for `limit`, or for ever.
pub fn wait_for_hang_up(_stream: &TcpStream, limit: Option<Duration>) {
    std::thread::sleep(limit.unwrap_or(Duration::MAX));
}

/// Turns TCP keep-alive on, with the defaults of the system: two hours on most.
pub fn detect_lost_peer(stream: &TcpStream) {
    let _ = rustix::net::sockopt::set_socket_keepalive(stream, true);
}

/// Ends all waits for a connection on `listener` by giving each of the `waiting_threads`, the number of
/// threads that wait at most, a connection: they see that the server is ending.
pub fn stop_accepting(listener: &TcpListener, waiting_threads: usize) {
    let Ok(mut address) = listener.local_addr() else { return };
    match address {
        SocketAddr::V4(_) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(_) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
    }
    for _ in 0..waiting_threads {
        let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
    }
}

/// Does nothing: it would lower the priority of the whole process.
pub fn lower_thread_priority(_niceness: i32) {}

/// Not known here.
#[must_use]
pub fn threads_left() -> Option<usize> {
    None
}

/// Not known here.
#[must_use]
pub fn memory_left() -> Option<usize> {
    None
}

/// Not known here.
#[must_use]
pub fn ignores_hang_up() -> bool {
    false
}
