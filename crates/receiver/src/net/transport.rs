//! The connection to a peer: bytes of it into the receive buffer, plain or by TLS, and bytes sent.

use super::receive_buffer::ReceiveBuffer;
use super::spin_wait::SpinWait;
use super::tls::{HandshakeError, ReadOutcome, Tls, TlsStream};
use crate::limits::{IDLE_BEFORE_RELEASE, SPIN_WAIT};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// What waiting for bytes came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    /// There is more to read in the buffer.
    Bytes,
    /// The peer has closed the connection, or it broke.
    Closed,
    /// Nothing came in the time given.
    TimedOut,
}

/// A connection, plain or encrypted, read and written by the thread of its association.
pub(crate) struct Transport {
    stream: Arc<TcpStream>,
    channel: Channel,
    spin_wait: SpinWait,
}

/// How bytes travel over the connection.
enum Channel {
    Tcp,
    Tls(Box<TlsStream>),
}

impl Transport {
    /// Prepares an accepted connection: nothing we send waits for an acknowledgement (Nagle), a peer that takes
    /// nothing in ends the connection after `send_timeout`, and an unreachable peer after
    /// [`KEEP_ALIVE_IDLE`](platform::limits::KEEP_ALIVE_IDLE) and some more.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub(crate) fn new(stream: Arc<TcpStream>, send_timeout: Option<Duration>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(send_timeout)?;
        stream.set_read_timeout(Some(IDLE_BEFORE_RELEASE))?;
        platform::detect_lost_peer(&stream);
        Ok(Self { stream, channel: Channel::Tcp, spin_wait: SpinWait::default() })
    }

    /// From here on, a peer that takes nothing in ends the connection after `timeout`.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub(crate) fn set_send_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.stream.set_write_timeout(timeout)
    }

    /// Encrypts the connection from here on, if the peer agrees before `deadline`.
    ///
    /// # Errors
    /// Why the peer was refused; the connection is of no more use.
    pub(crate) fn secure(&mut self, tls: &Tls, deadline: Instant) -> Result<(), HandshakeError> {
        let stream = tls.accept(Arc::clone(&self.stream), deadline)?;
        self.channel = Channel::Tls(Box::new(stream));
        Ok(())
    }

    /// The TLS connection, if there is one.
    pub(crate) fn tls(&self) -> Option<&openssl::ssl::SslRef> {
        match &self.channel {
            Channel::Tcp => None,
            Channel::Tls(stream) => Some(stream.ssl()),
        }
    }

    /// The connection beneath.
    pub(crate) fn stream(&self) -> &Arc<TcpStream> {
        &self.stream
    }

    /// Receives into `buffer`, waiting for at most `timeout` (`None`: for ever).
    ///
    /// Where the kernel has nothing for us, the peer may be holding its next bytes back until the
    /// last ones are acknowledged (Nagle's algorithm), so that is done before waiting, and only
    /// then: while bytes keep coming it would cost time and gain nothing. When the peer has been
    /// silent for [`IDLE_BEFORE_RELEASE`], a buffer with nothing in it is given back, and `idle` is
    /// called.
    ///
    /// A partial TLS record yields nothing, and the timeout continues.
    pub(crate) fn fill(
        &mut self,
        buffer: &mut ReceiveBuffer,
        timeout: Option<Duration>,
        idle: impl FnMut(),
    ) -> Filled {
        if let Some(filled) = self.receive(buffer, RecvFlags::DONTWAIT) {
            return filled;
        }
        platform::acknowledge_now(&self.stream);
        let since = Instant::now();
        let is_new = self.spin_wait.is_between_messages();
        let filled = match self.spin(buffer, since) {
            Some(filled) => filled,
            None => self.wait(buffer, since, timeout, idle),
        };
        if is_new {
            self.spin_wait.waited(since.elapsed());
        }
        filled
    }

    /// Looks for a message for a moment, where it is likely to come at once.
    fn spin(&mut self, buffer: &mut ReceiveBuffer, since: Instant) -> Option<Filled> {
        let _permit = self.spin_wait.begin()?;
        while since.elapsed() < SPIN_WAIT {
            thread::yield_now();
            if let Some(filled) = self.receive(buffer, RecvFlags::DONTWAIT) {
                self.spin_wait.found();
                return Some(filled);
            }
        }
        self.spin_wait.missed();
        None
    }

    /// Sleeps until there is something to receive, or `timeout` has passed `since` then.
    fn wait(
        &mut self,
        buffer: &mut ReceiveBuffer,
        since: Instant,
        timeout: Option<Duration>,
        mut idle: impl FnMut(),
    ) -> Filled {
        loop {
            let left = timeout.map(|limit| limit.saturating_sub(since.elapsed()));
            let first = left.map_or(IDLE_BEFORE_RELEASE, |left| left.min(IDLE_BEFORE_RELEASE));
            let silent = if first == IDLE_BEFORE_RELEASE && matches!(self.channel, Channel::Tcp) {
                // The read timeout: waiting and receiving are one system call.
                if let Some(filled) = self.receive(buffer, RecvFlags::empty()) {
                    return filled;
                }
                true
            } else {
                self.is_silent_for(Some(first))
            };
            if silent {
                buffer.release();
                idle();
                if let Channel::Tls(stream) = &mut self.channel {
                    stream.release();
                }
                let rest = left.map(|left| left.saturating_sub(first));
                if rest == Some(Duration::ZERO) || self.is_silent_for(rest) {
                    return Filled::TimedOut;
                }
            } else if left == Some(Duration::ZERO) {
                return Filled::TimedOut;
            }
            if let Some(filled) = self.receive(buffer, RecvFlags::DONTWAIT) {
                return filled;
            }
            platform::acknowledge_now(&self.stream);
        }
    }

    /// Receives what there is, if anything; TLS never waits.
    fn receive(&mut self, buffer: &mut ReceiveBuffer, flags: RecvFlags) -> Option<Filled> {
        let target = buffer.free();
        let received = match &mut self.channel {
            Channel::Tls(stream) => stream.receive(target),
            Channel::Tcp => receive_plain(&self.stream, target, flags),
        };
        match received {
            ReadOutcome::Bytes(count) => {
                buffer.received(count);
                self.spin_wait.received(count);
                Some(Filled::Bytes)
            }
            ReadOutcome::Closed => Some(Filled::Closed),
            ReadOutcome::Nothing => None,
        }
    }

    /// Waits until there is something to receive, be it the end; true if `timeout` passes first.
    fn is_silent_for(&self, timeout: Option<Duration>) -> bool {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut ready = [PollFd::new(&*self.stream, PollFlags::IN)];
        // The next receive reports the error.
        rustix::event::poll(&mut ready, timeout.as_ref()) == Ok(0)
    }

    /// Sends all of `bytes`, in one write where the kernel takes them.
    ///
    /// # Errors
    /// The connection is broken, or the peer took nothing in for the send timeout.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.spin_wait.answered();
        match &mut self.channel {
            Channel::Tcp => (&*self.stream).write_all(bytes),
            Channel::Tls(stream) => stream.send(bytes),
        }
    }

    /// Closes the connection for good.
    pub(crate) fn close(&mut self) {
        if let Channel::Tls(stream) = &mut self.channel {
            stream.close();
        }
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn receive_plain(stream: &TcpStream, target: &mut [u8], flags: RecvFlags) -> ReadOutcome {
    loop {
        match rustix::net::recv(stream, &mut *target, flags) {
            Ok((0, _)) => return ReadOutcome::Closed,
            Ok((count, _)) => return ReadOutcome::Bytes(count),
            Err(Errno::AGAIN) => return ReadOutcome::Nothing,
            Err(Errno::INTR) => {}
            Err(_) => return ReadOutcome::Closed,
        }
    }
}
