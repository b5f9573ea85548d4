//! The connection to a peer.

use crate::platform;
use crate::recv_buffer::RecvBuffer;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// What waiting for bytes came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// There is more to read in the buffer.
    Bytes,
    /// The peer has closed the connection, or it broke.
    Closed,
    /// Nothing came in the time given.
    TimedOut,
}

/// A TCP connection, read and written by the thread of its association.
pub struct Transport {
    stream: Arc<TcpStream>,
    /// What the socket's receive timeout is set to, so that it is set only when it changes.
    read_timeout: Option<Duration>,
    /// The last read left nothing behind in the kernel: the peer may be waiting for us.
    drained: bool,
}

impl Transport {
    /// Prepares an accepted connection: nothing we send waits for an acknowledgement (Nagle), and
    /// a peer that takes nothing in ends the connection after `send_timeout`.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub fn new(stream: Arc<TcpStream>, send_timeout: Option<Duration>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(send_timeout)?;
        Ok(Self { stream, read_timeout: None, drained: true })
    }

    /// Waits for bytes and receives into `buffer`, for at most `timeout` (`None`: for ever).
    ///
    /// Where the kernel has nothing more for us, the peer may hold its next bytes back until the
    /// last ones are acknowledged (Nagle's algorithm), so that is done first.
    pub fn fill(&mut self, buffer: &mut RecvBuffer, timeout: Option<Duration>) -> Filled {
        if self.set_read_timeout(timeout).is_err() {
            return Filled::Closed;
        }
        if self.drained {
            platform::acknowledge_now(&self.stream);
        }
        let free = buffer.free();
        loop {
            return match (&*self.stream).read(free) {
                Ok(0) => Filled::Closed,
                Ok(count) => {
                    self.drained = count < free.len();
                    buffer.received(count);
                    Filled::Bytes
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    Filled::TimedOut
                }
                Err(_) => Filled::Closed,
            };
        }
    }

    /// Sends all of `bytes`, in one write where the kernel takes them.
    ///
    /// # Errors
    /// The connection is broken, or the peer took nothing in for the send timeout.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        (&*self.stream).write_all(bytes)
    }

    /// Closes the connection for good.
    pub fn close(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        if self.read_timeout != timeout {
            // Zero would mean "for ever" to the socket.
            let socket_timeout = timeout.map(|timeout| timeout.max(Duration::from_millis(1)));
            self.stream.set_read_timeout(socket_timeout)?;
            self.read_timeout = timeout;
        }
        Ok(())
    }
}
