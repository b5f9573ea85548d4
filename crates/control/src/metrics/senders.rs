//! Counters by calling AE title and rule.

use super::cells::Count;
use arc_swap::ArcSwap;
use receiver::AeTitle;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Once};
use std::time::{SystemTime, UNIX_EPOCH};

/// Pairs of calling title and rule that are counted one by one; each has four series. Memory: at most 200 bytes for
/// each.
pub(super) const MOST_SENDERS: usize = 2_000;

/// What stands for titles that no rule names, and for rules where there is none.
pub(super) const OTHER: &str = "other";

/// The counters of one calling title by one rule.
#[derive(Debug, Default)]
pub(super) struct Sender {
    /// Objects that were stored.
    pub(super) objects: Count,
    /// Bytes of their data sets, as received.
    pub(super) bytes: Count,
    /// Objects that were refused.
    pub(super) refused: Count,
    /// When the latest of the stored ones was requested, in milliseconds since 1970; 0 for never.
    pub(super) latest: Count,
}

impl Sender {
    /// An object is stored.
    pub(super) fn stored(&self, bytes: u64, requested: SystemTime) {
        self.objects.add(1);
        self.bytes.add(bytes);
        let since = requested.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.latest.set(since.as_millis().try_into().unwrap_or(u64::MAX));
    }
}

/// All senders. Looked for once for each association, without a lock; its own thread then keeps what was found.
#[derive(Debug)]
pub(super) struct Senders {
    /// Tells one [`Senders`] from another in [`CURRENT`].
    id: u64,
    known: ArcSwap<Known>,
    /// Whether it was said that there are too many.
    full: Once,
}

/// By title, and then by rule.
type Counters = BTreeMap<String, BTreeMap<String, Arc<Sender>>>;

#[derive(Debug, Clone, Default)]
struct Known {
    /// Titles that may be labels.
    titles: Arc<BTreeSet<String>>,
    counters: Counters,
}

impl Known {
    fn find(&self, title: &str, rule: &str) -> Option<&Arc<Sender>> {
        self.counters.get(title)?.get(rule)
    }

    fn count(&self) -> usize {
        self.counters.values().map(BTreeMap::len).sum()
    }
}

thread_local! {
    /// The sender of the association that the thread serves.
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

struct Current {
    senders: u64,
    association: u64,
    sender: Arc<Sender>,
}

impl Senders {
    /// For these titles; others are counted together.
    pub(super) fn new(titles: impl IntoIterator<Item = String>) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let known = Known { titles: collected(titles), ..Known::default() };
        let id = NEXT_ID.fetch_add(1, Relaxed);
        Self { id, known: ArcSwap::from_pointee(known), full: Once::new() }
    }

    /// Other titles from now on. What was counted stays, since counters must not go backwards.
    pub(super) fn set_titles(&self, titles: impl IntoIterator<Item = String>) {
        let titles = collected(titles);
        self.known.rcu(|known| Known { titles: Arc::clone(&titles), ..Known::clone(known) });
    }

    /// The thread serves this association from now on.
    pub(super) fn begin(&self, association: u64, title: AeTitle, rule: &str) {
        let sender = self.find_or_add(title, rule);
        let current = Current { senders: self.id, association, sender };
        CURRENT.set(Some(current));
    }

    /// The sender of the association that the thread serves; `title` finds it if that is another one than the thread
    /// has begun.
    pub(super) fn with<R>(&self, association: u64, title: AeTitle, f: impl Fn(&Sender) -> R) -> R {
        CURRENT.with_borrow(|current| match current {
            Some(it) if it.association == association && it.senders == self.id => f(&it.sender),
            _ => f(&self.find_or_add(title, OTHER)),
        })
    }

    /// The thread serves the association no longer.
    pub(super) fn end(&self) {
        CURRENT.with_borrow_mut(|current| {
            current.take_if(|it| it.senders == self.id);
        });
    }

    /// Each sender with its title and rule, in the order of both.
    pub(super) fn each(&self) -> Vec<(String, String, Arc<Sender>)> {
        let known = self.known.load();
        let each = known.counters.iter().flat_map(|(title, by_rule)| {
            let of_title = |(rule, sender): (&String, &Arc<Sender>)| {
                (title.clone(), rule.clone(), Arc::clone(sender))
            };
            by_rule.iter().map(of_title)
        });
        each.collect()
    }

    fn find_or_add(&self, title: AeTitle, rule: &str) -> Arc<Sender> {
        let known = self.known.load();
        let text: String = title.as_bytes().iter().copied().map(char::from).collect();
        let title = known.titles.get(text.trim_matches(' ')).map_or(OTHER, String::as_str);
        if let Some(sender) = known.find(title, rule) {
            return Arc::clone(sender);
        }
        if known.count() >= MOST_SENDERS && (title, rule) != (OTHER, OTHER) {
            self.full.call_once(|| {
                tracing::warn!(
                    "metrics: {MOST_SENDERS} pairs of calling AE title and rule are counted; counting {title:?} by \
                     rule {rule:?}, and all other new ones, as {OTHER:?}"
                );
            });
            return self.add(OTHER, OTHER);
        }
        self.add(title, rule)
    }

    /// The sender that there is afterwards, whichever thread has added it.
    fn add(&self, title: &str, rule: &str) -> Arc<Sender> {
        let new = Arc::new(Sender::default());
        self.known.rcu(|known| {
            let mut changed = Known::clone(known);
            let by_rule = changed.counters.entry(title.to_owned()).or_default();
            by_rule.entry(rule.to_owned()).or_insert_with(|| Arc::clone(&new));
            changed
        });
        self.known.load().find(title, rule).map_or(new, Arc::clone)
    }
}

/// Titles as they are compared: blanks at either end do not count (PS3.5 §6.2, VR AE).
fn collected(titles: impl IntoIterator<Item = String>) -> Arc<BTreeSet<String>> {
    Arc::new(titles.into_iter().map(|title| title.trim_matches(' ').to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(text: &str) -> AeTitle {
        text.parse().unwrap()
    }

    fn counted(senders: &Senders) -> Vec<(String, String, u64)> {
        let each = senders.each().into_iter();
        each.map(|(title, rule, sender)| (title, rule, sender.objects.get())).collect()
    }

    fn row(title: &str, rule: &str, objects: u64) -> (String, String, u64) {
        (title.to_owned(), rule.to_owned(), objects)
    }

    #[test]
    fn only_titles_that_rules_name_are_labels() {
        let senders = Senders::new([" CT1 ".to_owned()]);
        for (association, calling) in [(1, "CT1"), (2, "MALICE"), (3, " CT1  "), (4, "ct1")] {
            senders.begin(association, title(calling), "ct");
            senders.with(association, title(calling), |it| it.stored(10, SystemTime::now()));
            senders.end();
        }
        assert_eq!(counted(&senders), [row("CT1", "ct", 2), row(OTHER, "ct", 2)]);
    }

    #[test]
    fn counters_stay_when_titles_change() {
        let senders = Senders::new(["CT1".to_owned()]);
        let stored = |association, calling| {
            senders.begin(association, title(calling), "rule 1");
            senders.with(association, title(calling), |it| it.stored(1, UNIX_EPOCH));
        };
        stored(1, "CT1");
        senders.set_titles(["MR1".to_owned()]);
        stored(2, "CT1");
        stored(3, "MR1");
        let rows = [row("CT1", "rule 1", 1), row("MR1", "rule 1", 1), row(OTHER, "rule 1", 1)];
        assert_eq!(counted(&senders), rows);
    }

    #[test]
    fn an_association_keeps_its_labels_when_titles_change() {
        let senders = Senders::new(["CT1".to_owned()]);
        senders.begin(1, title("CT1"), "ct");
        senders.set_titles([]);
        senders.with(1, title("CT1"), |it| it.stored(1, UNIX_EPOCH));
        assert_eq!(counted(&senders), [row("CT1", "ct", 1)]);
    }

    #[test]
    fn another_thread_or_association_still_counts() {
        let (senders, others) = (Senders::new(["CT1".to_owned()]), Senders::new([]));
        senders.begin(1, title("CT1"), "ct");
        others.with(1, title("CT1"), |it| it.stored(1, UNIX_EPOCH));
        senders.with(2, title("CT1"), |it| it.stored(1, UNIX_EPOCH));
        assert_eq!(counted(&others), [row(OTHER, OTHER, 1)]);
        assert_eq!(counted(&senders), [row("CT1", "ct", 0), row("CT1", OTHER, 1)]);
    }

    #[test]
    fn senders_past_the_bound_are_counted_together() {
        let senders = Senders::new([]);
        for number in 0..MOST_SENDERS + 5 {
            let association = number as u64;
            senders.begin(association, title("A"), &format!("rule {number}"));
            senders.with(association, title("A"), |it| it.stored(1, UNIX_EPOCH));
        }
        let counted = counted(&senders);
        assert_eq!(counted.len(), MOST_SENDERS + 1);
        assert_eq!(
            counted.iter().map(|(.., objects)| objects).sum::<u64>(),
            MOST_SENDERS as u64 + 5
        );
        assert!(counted.contains(&row(OTHER, OTHER, 5)), "{:?}", counted.first());
    }

    #[test]
    fn threads_that_meet_at_a_new_sender_share_it() {
        let senders = Senders::new(["CT1".to_owned()]);
        std::thread::scope(|scope| {
            for association in 0..8 {
                let senders = &senders;
                scope.spawn(move || {
                    for _ in 0..100 {
                        senders.begin(association, title("CT1"), "ct");
                        senders.with(association, title("CT1"), |it| it.stored(1, UNIX_EPOCH));
                        senders.end();
                    }
                });
            }
        });
        assert_eq!(counted(&senders), [row("CT1", "ct", 800)]);
    }
}
