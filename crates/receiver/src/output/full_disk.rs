//! Whether the output directory has room, as the log tells it: once when it has none, each minute how much was
//! refused, and once when it has room again.

use super::LogPath;
use crate::limits::FULL_DISK_LOG_INTERVAL;
use platform::sync::atomic::{AtomicBool, Ordering};
use platform::sync::{Instant, Mutex, MutexGuard, PoisonError};
use std::fmt;
use tracing::{error, warn};

/// Watches whether objects find room in a directory. Costs an object that is stored one load of an atomic.
///
/// What it logs is bounded, whatever peers send: that there is no room, and how much was refused, altogether once in
/// [`FULL_DISK_LOG_INTERVAL`]; and for each time that it said there was none, once that there is room again.
#[derive(Default)]
pub(crate) struct FullDisk {
    /// The log says that there is no room. Changes under the lock only.
    is_told: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the log said that there is no room, and when it last said so or how much was refused. Stays when there
    /// is room again, so that a disk that is full every other moment is not told each time.
    told: Option<(Instant, Instant)>,
    /// Refused since the last line that said how much was.
    lately: Refusals,
    /// Refused since the log last said that there is room.
    all: Refusals,
}

/// What was refused for want of room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusals {
    objects: u64,
    associations: u64,
}

/// What there is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    NoRoom,
    StillNoRoom { minutes: u64, lately: Refusals },
    RoomAgain { seconds: u64, all: Refusals },
}

impl Refusals {
    /// One object.
    pub(crate) const OBJECT: Self = Self { objects: 1, associations: 0 };
    /// One association.
    pub(crate) const ASSOCIATION: Self = Self { objects: 0, associations: 1 };
}

impl FullDisk {
    /// Something was refused for want of room in `directory`; `reason` says how that showed.
    pub(crate) fn refused(
        &self,
        what: Refusals,
        directory: LogPath<'_>,
        reason: &dyn fmt::Display,
    ) {
        match self.note_refused(what, Instant::now()) {
            Some(News::NoRoom) => {
                error!("no room in {directory}: objects are refused until there is: {reason}");
            }
            Some(News::StillNoRoom { minutes, lately }) => {
                error!(
                    "no room in {directory} for {minutes} min: {lately} refused since this was last said"
                );
            }
            _ => {}
        }
    }

    /// Whether the log says that there is no room.
    pub(crate) fn is_told(&self) -> bool {
        self.is_told.load(Ordering::Relaxed)
    }

    /// An object was stored in `directory`, though the log says that there is no room.
    #[cold]
    pub(crate) fn stored(&self, directory: LogPath<'_>) {
        if let Some(News::RoomAgain { seconds, all }) = self.note_stored(Instant::now()) {
            warn!("room in {directory} again, after {seconds} s: {all} refused meanwhile");
        }
    }

    fn note_refused(&self, what: Refusals, now: Instant) -> Option<News> {
        let mut state = self.lock();
        state.lately.add(what);
        state.all.add(what);
        let told = state.told;
        let is_recent = |(_, last)| now.duration_since(last) < FULL_DISK_LOG_INTERVAL;
        if told.is_some_and(is_recent) {
            return None;
        }
        if let (Some((began, _)), true) = (told, self.is_told()) {
            state.told = Some((began, now));
            let lately = std::mem::take(&mut state.lately);
            let minutes = now.duration_since(began).as_secs() / 60;
            return Some(News::StillNoRoom { minutes, lately });
        }
        state.told = Some((now, now));
        self.is_told.store(true, Ordering::Relaxed);
        Some(News::NoRoom)
    }

    fn note_stored(&self, now: Instant) -> Option<News> {
        let mut state = self.lock();
        // Of several threads, one says so.
        if !self.is_told.swap(false, Ordering::Relaxed) {
            return None;
        }
        state.lately = Refusals::default();
        let all = std::mem::take(&mut state.all);
        let began = state.told.map_or(now, |(began, _)| began);
        Some(News::RoomAgain { seconds: now.duration_since(began).as_secs(), all })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refusals {
    fn add(&mut self, other: Self) {
        self.objects += other.objects;
        self.associations += other.associations;
    }
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        let Self { objects, associations } = *self;
        let (object_s, association_s) = (plural(objects), plural(associations));
        write!(f, "{objects} object{object_s} and {associations} association{association_s}")
    }
}

#[cfg(test)]
#[cfg(not(feature = "explore"))]
mod tests {
    use super::*;
    use std::time::Duration;

    const OBJECT: Refusals = Refusals::OBJECT;

    /// A disk, and what it has to say of events at so many seconds.
    struct Watched(FullDisk, Instant);

    impl Watched {
        fn new() -> Self {
            Self(FullDisk::default(), Instant::now())
        }
        fn refused(&self, what: Refusals, seconds: u64) -> Option<News> {
            self.0.note_refused(what, self.1 + Duration::from_secs(seconds))
        }
        fn stored(&self, seconds: u64) -> Option<News> {
            self.0.note_stored(self.1 + Duration::from_secs(seconds))
        }
    }

    #[test]
    fn a_disk_that_fills_is_told_once_then_each_minute_and_in_the_end() {
        let disk = Watched::new();
        assert_eq!(disk.stored(0), None);
        assert_eq!(disk.refused(OBJECT, 0), Some(News::NoRoom));
        for second in 1..60 {
            assert_eq!(disk.refused(OBJECT, second), None);
        }
        let lately = Refusals { objects: 60, associations: 1 };
        let news = News::StillNoRoom { minutes: 1, lately };
        assert_eq!(disk.refused(Refusals::ASSOCIATION, 60), Some(news));
        assert_eq!(disk.refused(OBJECT, 119), None);
        let lately = Refusals { objects: 2, associations: 0 };
        assert_eq!(disk.refused(OBJECT, 200), Some(News::StillNoRoom { minutes: 3, lately }));
        let all = Refusals { objects: 62, associations: 1 };
        assert_eq!(disk.stored(210), Some(News::RoomAgain { seconds: 210, all }));
        assert_eq!(disk.stored(211), None);
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(OBJECT.to_string(), "1 object and 0 associations");
        let refused = Refusals { objects: 2, associations: 1 };
        assert_eq!(refused.to_string(), "2 objects and 1 association");
    }

    #[test]
    fn a_disk_that_is_full_every_other_moment_does_not_fill_the_log() {
        let disk = Watched::new();
        let mut told = Vec::new();
        for second in 0..600 {
            told.extend(disk.refused(OBJECT, second));
            told.extend(disk.stored(second));
        }
        let begins = told.iter().filter(|news| **news == News::NoRoom).count();
        assert_eq!((begins, told.len()), (10, 20), "{told:?}");
        let all = |news: &News| match news {
            News::RoomAgain { all, .. } => all.objects,
            _ => 0,
        };
        assert_eq!(told.iter().map(all).sum::<u64>(), 541, "all but those since the last line");
    }
}
