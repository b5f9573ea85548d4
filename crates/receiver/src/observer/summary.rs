//! What there is to say of an association once it has ended.

use crate::peer::Peer;
use proto::{AbortPdu, PeerFault, Rejection, Status};
use std::fmt;
use std::time::Duration;

/// An association that was accepted, after its end. Copied, with no heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Whose it was, and its number.
    pub peer: Peer,
    /// How many objects were stored, or dropped on purpose; those whose answer could not be sent too.
    pub objects: u64,
    /// How many objects were refused, by the status that they were answered with.
    pub refused: StatusCounts,
    /// How many objects were broken off: their data sets did not come to an end, and they were not answered.
    pub broken_off: u64,
    /// Bytes of data sets that came, of objects that were stored, refused and broken off.
    pub bytes: u64,
    /// From the connection to its end.
    pub duration: Duration,
    /// How it ended.
    pub end: AssociationEnd,
}

impl Summary {
    /// Of an association without an object.
    #[must_use]
    pub fn new(peer: Peer, duration: Duration, end: AssociationEnd) -> Self {
        let (objects, refused, broken_off, bytes) = (0, StatusCounts::default(), 0, 0);
        Self { peer, objects, refused, broken_off, bytes, duration, end }
    }
}

/// How an association ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AssociationEnd {
    /// The peer released it (PS3.8 §7.2).
    Released,
    /// It was never accepted (PS3.8 §9.3.4).
    Rejected(Rejection),
    /// The peer aborted it.
    AbortedByPeer(AbortPdu),
    /// The peer broke a rule of the upper layer or of DIMSE, so the receiver aborted it.
    Fault(PeerFault),
    /// The peer sent a command that is no request and cannot be answered, so the receiver aborted it.
    NoRequest,
    /// The connection was closed without a release, or broke.
    ConnectionLost,
    /// The peer sent nothing, or took nothing in, for so long, so the receiver aborted it.
    TimedOut(Duration),
    /// The receiver is shutting down.
    Stopped,
    /// The receiver aborted it to test the peer: see [`faults`](crate::faults).
    OnPurpose,
    /// An internal error: a panic.
    Failed,
}

impl AssociationEnd {
    /// Whether the peer has released it.
    #[must_use]
    pub fn is_released(self) -> bool {
        self == Self::Released
    }
}

impl fmt::Display for AssociationEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Released => f.write_str("released"),
            Self::Rejected(rejection) => rejection.fmt(f),
            Self::AbortedByPeer(abort) => write!(f, "aborted by the peer ({abort})"),
            Self::Fault(fault) => write!(f, "aborted by us ({fault})"),
            Self::NoRequest => f.write_str("aborted by us (not a request)"),
            Self::ConnectionLost => f.write_str("connection lost"),
            Self::TimedOut(limit) => write!(f, "time-out of {} s", limit.as_secs_f64()),
            Self::Stopped => f.write_str("stopped"),
            Self::OnPurpose => f.write_str("aborted by us (on purpose)"),
            Self::Failed => f.write_str("aborted by us (internal error)"),
        }
    }
}

/// How many objects were answered with which status; of statuses past the first [`StatusCounts::DISTINCT`], how
/// many altogether.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusCounts {
    counts: [Option<(Status, u64)>; StatusCounts::DISTINCT],
    others: u64,
}

impl StatusCounts {
    /// Statuses that are counted one by one: more than the receiver has to refuse objects with.
    pub const DISTINCT: usize = 8;

    /// One more.
    pub(crate) fn add(&mut self, status: Status) {
        let of_status =
            |it: &&mut Option<(Status, u64)>| it.is_none_or(|(known, _)| known == status);
        match self.counts.iter_mut().find(of_status) {
            Some(count) => *count = Some((status, count.map_or(0, |(_, before)| before) + 1)),
            None => self.others += 1,
        }
    }

    /// Each status with its count, in the order in which they came first.
    pub fn iter(&self) -> impl Iterator<Item = (Status, u64)> {
        self.counts.iter().flatten().copied()
    }

    /// How many there are of statuses that are not counted one by one.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.others
    }

    /// How many there are in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.iter().map(|(_, count)| count).sum::<u64>() + self.others
    }
}

impl fmt::Display for StatusCounts {
    /// `3 refused (2 A900H, 1 C000H)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} refused", self.total())?;
        let others = (self.others > 0).then(|| format!("{} others", self.others));
        let each = self.iter().map(|(status, count)| format!("{count} {status}")).chain(others);
        let each: Vec<String> = each.collect();
        if each.is_empty() { Ok(()) } else { write!(f, " ({})", each.join(", ")) }
    }
}

impl fmt::Display for Summary {
    /// Without the calling side and the number, which the end of its line has. The called title is in quotation
    /// marks, and those within it are escaped, so that a peer cannot make up numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peer, objects, refused, broken_off, bytes, duration, end } = self;
        write!(f, "{objects} stored, {refused}")?;
        if *broken_off > 0 {
            write!(f, ", {broken_off} broken off")?;
        }
        let (seconds, called) = (duration.as_secs_f64(), peer.called_ae.to_string());
        write!(f, ", {bytes} bytes, {seconds:.3} s, {end}, called {called:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::AeTitle;

    fn summary() -> Summary {
        Summary {
            peer: Peer {
                called_ae: AeTitle::from_field(*b"\", 9 stored, \"\\ "),
                ..Peer::default()
            },
            objects: 12,
            refused: StatusCounts::default(),
            broken_off: 0,
            bytes: 4711,
            duration: Duration::from_millis(3214),
            end: AssociationEnd::Released,
        }
    }

    #[test]
    fn a_summary_is_a_line_that_can_be_read_back() {
        let mut summary = summary();
        let text =
            r#"12 stored, 0 refused, 4711 bytes, 3.214 s, released, called "\", 9 stored, \"\\""#;
        assert_eq!(summary.to_string(), text);
        for status in
            [Status::OUT_OF_RESOURCES, Status::CANNOT_UNDERSTAND, Status::OUT_OF_RESOURCES]
        {
            summary.refused.add(status);
        }
        (summary.broken_off, summary.end) = (1, AssociationEnd::TimedOut(Duration::from_secs(60)));
        let text = "12 stored, 3 refused (2 A700H, 1 C000H), 1 broken off, 4711 bytes, 3.214 s, \
                    time-out of 60 s, called ";
        assert!(summary.to_string().starts_with(text), "{summary}");
    }

    #[test]
    fn counting_takes_no_more_memory_than_it_has() {
        let mut counts = StatusCounts::default();
        for number in 0..20_u16 {
            counts.add(Status(0xC000 + number));
            counts.add(Status(0xC000));
        }
        assert_eq!(counts.total(), 40);
        assert_eq!(counts.iter().next(), Some((Status(0xC000), 21)));
        assert_eq!((counts.iter().count(), counts.others()), (StatusCounts::DISTINCT, 12));
        assert!(counts.to_string().ends_with(", 1 C007H, 12 others)"), "{counts}");
    }
}
