//! What OpenSSL reads from and writes to.

use crate::net::receive_buffer::ReceiveBuffer;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// A TCP connection as OpenSSL sees it: reading never waits, writing waits for the send timeout.
///
/// OpenSSL asks for five bytes, then for the rest of a record; the kernel is asked for as much as
/// there is. What is not used yet waits in a buffer, given back when the association idles.
pub(super) struct Socket {
    stream: Arc<TcpStream>,
    received: ReceiveBuffer,
    /// Whether the peer has sent anything at all.
    pub(super) has_received: bool,
    /// Whether writing must not wait any more.
    pub(super) is_closing: bool,
}

impl Socket {
    pub(super) fn new(stream: Arc<TcpStream>) -> Self {
        let received = ReceiveBuffer::default();
        Self { stream, received, has_received: false, is_closing: false }
    }

    /// Whether there is something to decrypt without asking the kernel.
    pub(super) fn has_unread(&self) -> bool {
        !self.received.unread().is_empty()
    }

    /// Gives the buffer back if nothing is in it.
    pub(super) fn release(&mut self) {
        self.received.release();
    }
}

impl Read for Socket {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if self.received.unread().is_empty() {
            let free = self.received.free();
            let count = loop {
                match rustix::net::recv(&*self.stream, &mut *free, RecvFlags::DONTWAIT) {
                    Ok((count, _)) => break count,
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            };
            self.received.received(count);
            self.has_received |= count > 0;
        }
        let unread = self.received.unread();
        let count = unread.len().min(target.len());
        target[..count].copy_from_slice(&unread[..count]);
        self.received.consume(count);
        Ok(count)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let flags = if self.is_closing {
            SendFlags::NOSIGNAL | SendFlags::DONTWAIT
        } else {
            SendFlags::NOSIGNAL
        };
        loop {
            match rustix::net::send(&*self.stream, bytes, flags) {
                Err(Errno::INTR) => {}
                sent => return Ok(sent?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
