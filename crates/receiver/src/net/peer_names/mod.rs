//! Names of peers by reverse DNS, which never hold anybody up.
//!
//! A name server may take half a minute to say nothing. So look-ups run in threads of their own, few at a time;
//! who asks for a name waits for a moment at most, and otherwise uses the address.

#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;

use crate::limits::{LOOK_UPS_AT_ONCE, NAME_LIFETIME, NAME_TIMEOUT, NAMES_KEPT};
use dns_lookup::{AddrFamily, AddrInfoHints, LookupError, LookupErrorKind};
use platform::sync::{Arc, Condvar, Instant, Mutex, MutexGuard, PoisonError, thread};
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The display name of a peer: its host name where that is known, else its address.
///
/// A name is letters, digits, `-`, `_` and dots, and none of them first: it does no harm in a log, in
/// a path or to a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerName {
    address: IpAddr,
    host: Option<String>,
}

impl PeerName {
    /// A peer without a known host name.
    #[must_use]
    pub fn address_only(address: IpAddr) -> Self {
        Self { address: address.to_canonical(), host: None }
    }

    /// The whole host name, if there is one.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The host name up to its first dot, or the address.
    #[must_use]
    pub fn short(&self) -> String {
        let first = self.host.as_ref().and_then(|host| host.split('.').next());
        first.map_or_else(|| self.address.to_string(), str::to_owned)
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => f.write_str(host),
            None => self.address.fmt(f),
        }
    }
}

/// Looks names up and keeps them for a while. Holds [`NAMES_KEPT`] of them at most, and
/// [`LOOK_UPS_AT_ONCE`] threads while they ask.
pub struct PeerNames {
    /// `None` with `--disable-host-lookup`.
    look_ups: Option<Arc<LookUps>>,
}

struct LookUps {
    look_up: Box<dyn Fn(IpAddr) -> Option<String> + Send + Sync>,
    state: Mutex<State>,
    answered: Condvar,
}

#[derive(Default)]
struct State {
    names: HashMap<IpAddr, Name>,
    under_way: usize,
}

enum Name {
    Asked,
    Told { host: Option<String>, at: Instant },
}

impl PeerNames {
    /// Names by the system's resolver; addresses only if not `enabled`.
    #[must_use]
    pub fn new(enabled: bool) -> Self {
        if enabled {
            Self::with(|address| reverse_look_up(address).ok().flatten())
        } else {
            Self { look_ups: None }
        }
    }

    pub(crate) fn with(look_up: impl Fn(IpAddr) -> Option<String> + Send + Sync + 'static) -> Self {
        let look_ups = LookUps {
            look_up: Box::new(look_up),
            state: Mutex::default(),
            answered: Condvar::new(),
        };
        Self { look_ups: Some(Arc::new(look_ups)) }
    }

    /// Begins to look a name up, so that it may be there when it is wanted. Returns at once.
    pub fn begin(&self, address: IpAddr) {
        if let Some(look_ups) = &self.look_ups {
            drop(look_ups.begin(address.to_canonical()));
        }
    }

    /// The name of a peer, after [`NAME_TIMEOUT`] at most.
    #[must_use]
    pub fn name(&self, address: IpAddr) -> PeerName {
        let address = address.to_canonical();
        let host = self.look_ups.as_ref().and_then(|it| it.wait(address, NAME_TIMEOUT));
        PeerName { address, host }
    }
}

impl LookUps {
    /// Asks, unless that was done, or too many are being asked.
    fn begin(self: &Arc<Self>, address: IpAddr) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let fresh = match state.names.get(&address) {
            Some(Name::Asked) => true,
            Some(Name::Told { at, .. }) => at.elapsed() < NAME_LIFETIME,
            None => false,
        };
        if fresh || state.under_way >= LOOK_UPS_AT_ONCE {
            return state;
        }
        state.make_room();
        let look_ups = Arc::clone(self);
        let thread = thread::Builder::new().spawn(move || look_ups.ask(address));
        // Without a thread, there is no name.
        if thread.is_ok() {
            state.names.insert(address, Name::Asked);
            state.under_way += 1;
        }
        state
    }

    fn ask(&self, address: IpAddr) {
        let host = (self.look_up)(address).filter(|host| is_harmless(host));
        let mut state = self.lock();
        state.names.insert(address, Name::Told { host, at: Instant::now() });
        state.under_way -= 1;
        drop(state);
        self.answered.notify_all();
    }

    fn wait(self: &Arc<Self>, address: IpAddr, timeout: Duration) -> Option<String> {
        let deadline = Instant::now() + timeout;
        let mut state = self.begin(address);
        loop {
            match state.names.get(&address) {
                Some(Name::Told { host, .. }) => return host.clone(),
                Some(Name::Asked) => {}
                None => return None,
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.answered.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Removes old entries, or all answered ones, before there are more than are kept.
    fn make_room(&mut self) {
        if self.names.len() < NAMES_KEPT {
            return;
        }
        let is_fresh = |name: &Name| match name {
            Name::Asked => true,
            Name::Told { at, .. } => at.elapsed() < NAME_LIFETIME,
        };
        self.names.retain(|_, name| is_fresh(name));
        if self.names.len() >= NAMES_KEPT {
            self.names.retain(|_, name| matches!(name, Name::Asked));
        }
    }
}

/// What the system's resolver says; `None` if the address has no name.
///
/// # Errors
/// Why the resolver does not know: it got no answer, or one that says nothing.
pub(crate) fn reverse_look_up(address: IpAddr) -> Result<Option<String>, String> {
    let host = match dns_lookup::getnameinfo(&SocketAddr::new(address, 0), 0) {
        Ok((host, _)) => host,
        Err(error) => return no_such_name(error, None),
    };
    // Without a name, it may tell the address, perhaps with a zone.
    let is_address = host.split('%').next().is_some_and(|text| text.parse::<IpAddr>().is_ok());
    Ok(if is_address { None } else { Some(host) })
}

/// Whether a name has an address.
///
/// # Errors
/// As [`reverse_look_up`].
pub(crate) fn has_address(name: &str, address: IpAddr) -> Result<bool, String> {
    let family = if address.is_ipv4() { AddrFamily::Inet } else { AddrFamily::Inet6 };
    let hints = AddrInfoHints { address: family.into(), ..AddrInfoHints::default() };
    match dns_lookup::getaddrinfo(Some(name), None, Some(hints)) {
        Ok(found) => {
            Ok(found.flatten().any(|it| it.sockaddr.ip().to_canonical() == address.to_canonical()))
        }
        Err(error) => no_such_name(error, false),
    }
}

/// Distinguishes "there is none" from "the look-up failed".
fn no_such_name<T>(error: LookupError, none: T) -> Result<T, String> {
    match error.kind() {
        LookupErrorKind::NoName | LookupErrorKind::NoData => Ok(none),
        _ => Err(platform::reason(&error.into())),
    }
}

fn is_harmless(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    host.bytes().all(allowed) && !host.is_empty() && !host.starts_with(['-', '.'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn a_name_is_known_by_its_host_or_its_address() {
        let names = PeerNames::with(|_| Some("host.example.org".into()));
        let name = names.name(ADDRESS);
        assert_eq!((name.to_string(), name.short()), ("host.example.org".into(), "host".into()));
        let mapped = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(names.name(mapped), name);
        for names in [PeerNames::with(|_| None), PeerNames::new(false)] {
            let name = names.name(ADDRESS);
            assert_eq!((name.to_string(), name.short()), ("192.0.2.1".into(), "192.0.2.1".into()));
            assert_eq!(name, PeerName::address_only(ADDRESS));
        }
    }

    #[test]
    fn a_name_that_could_do_harm_is_none() {
        for host in ["", "a b", "$(reboot)", "-rf", ".", "a/b", "a\nb", "ö"] {
            assert_eq!(
                PeerNames::with(|_| Some(host.into())).name(ADDRESS).host(),
                None,
                "{host:?}"
            );
        }
    }

    #[test]
    fn a_silent_name_server_costs_a_moment() {
        let (answer, silence) = mpsc::channel::<()>();
        let silence = Mutex::new(silence);
        let names = PeerNames::with(move |_| {
            let _ = silence.lock().unwrap().recv();
            Some("late".into())
        });
        let asked = Instant::now();
        assert_eq!(names.name(ADDRESS).host(), None);
        assert!(asked.elapsed() >= NAME_TIMEOUT);
        answer.send(()).unwrap();
        // From now on the name is there.
        let known = (0..100).any(|_| names.name(ADDRESS).host() == Some("late"));
        assert!(known);
    }

    #[test]
    fn few_are_asked_at_a_time_and_each_once() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let (answer, silence) = mpsc::channel::<()>();
        let silence = Mutex::new(silence);
        let names = PeerNames::with(move |_| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            let _ = silence.lock().unwrap().recv();
            None
        });
        for number in 0..100 {
            names.begin(IpAddr::from([192, 0, 2, number]));
            names.begin(IpAddr::from([192, 0, 2, 0]));
        }
        let look_ups = names.look_ups.as_ref().unwrap();
        assert_eq!(look_ups.lock().under_way, LOOK_UPS_AT_ONCE);
        // All threads end, and only they have asked.
        drop(answer);
        while look_ups.lock().under_way > 0 {
            std::thread::yield_now();
        }
        assert_eq!(ASKED.load(Ordering::SeqCst), LOOK_UPS_AT_ONCE);
        assert_eq!(names.name(IpAddr::from([192, 0, 2, 0])).host(), None);
        assert_eq!(ASKED.load(Ordering::SeqCst), LOOK_UPS_AT_ONCE, "what was told is kept");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let names = PeerNames::with(|_| None);
        let look_ups = names.look_ups.as_ref().unwrap();
        for number in 0..10_000_u32 {
            let told = Name::Told { host: None, at: Instant::now() };
            let mut state = look_ups.lock();
            state.make_room();
            state.names.insert(IpAddr::from(number.to_be_bytes()), told);
            assert!(state.names.len() <= NAMES_KEPT);
        }
        let _ = names.name(ADDRESS);
        assert!(look_ups.lock().names.len() <= NAMES_KEPT);
    }
}
