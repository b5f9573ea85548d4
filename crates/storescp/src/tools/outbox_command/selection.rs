//! Which deliveries a command is about.

use catalog::{Catalog, DeliveryFilter, DeliveryId, DeliveryRow, DeliveryState, EventKind, Page};

/// Rows that are asked for at once.
const ROWS: usize = 1000;

/// All states, in the order of a delivery's life.
pub(super) const STATES: [(DeliveryState, &str); 5] = [
    (DeliveryState::Waiting, "waiting"),
    (DeliveryState::Leased, "leased"),
    (DeliveryState::Done, "done"),
    (DeliveryState::Parked, "parked"),
    (DeliveryState::Dropped, "dropped"),
];

/// What the words of a command say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) ids: Vec<DeliveryId>,
    pub(super) filter: DeliveryFilter,
    pub(super) is_all: bool,
    pub(super) is_json: bool,
    pub(super) is_counts: bool,
    pub(super) after: Option<i64>,
    pub(super) limit: Option<usize>,
    pub(super) reason: Option<String>,
}

impl Selection {
    /// Reads the words behind a command that knows these options.
    ///
    /// # Errors
    /// In words, what is wrong with them.
    pub(super) fn read(words: Vec<String>, known: &[&str]) -> Result<Self, String> {
        let mut selection = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            if !word.starts_with('-') {
                selection.ids.push(id(&word)?);
                continue;
            }
            let (name, joined) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            if !known.contains(&name) {
                return Err(format!("unknown option {name}"));
            }
            let mut value = || {
                let value = joined.clone().or_else(|| words.next());
                value.ok_or_else(|| format!("{name} needs a value"))
            };
            match name {
                "--all" => selection.is_all = true,
                "--json" => selection.is_json = true,
                "--counts" => selection.is_counts = true,
                "--destination" => selection.filter.destination = Some(value()?),
                "--state" => selection.filter.state = Some(state(&value()?)?),
                "--study" => selection.filter.study = Some(value()?),
                "--sop-instance" => selection.filter.sop_instance = Some(value()?),
                "--after" => selection.after = Some(id(&value()?)?.0),
                "--limit" => selection.limit = Some(limit(&value()?)?),
                "--reason" => selection.reason = Some(value()?),
                _ => return Err(format!("unknown option {name}")),
            }
        }
        Ok(selection)
    }

    /// Whether anything narrows it down.
    pub(super) fn is_filtered(&self) -> bool {
        self.filter != DeliveryFilter::default()
    }

    /// Calls `each` with the deliveries, page by page: those of the filter, from `after` on, `limit` at most.
    ///
    /// # Errors
    /// In words, those of the catalogue and of `each`.
    pub(super) fn pages(
        &self,
        catalog: &dyn Catalog,
        mut each: impl FnMut(Vec<DeliveryRow>) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut left = self.limit.unwrap_or(usize::MAX);
        let mut after = self.after;
        while left > 0 {
            let page = Page { after, most: left.min(ROWS) };
            let rows = catalog.deliveries(&self.filter, page).map_err(|error| error.to_string())?;
            let Some(last) = rows.last() else { break };
            after = Some(last.id.0);
            left -= rows.len();
            each(rows)?;
        }
        Ok(())
    }
}

fn id(word: &str) -> Result<DeliveryId, String> {
    let id = word.parse().ok().filter(|id: &i64| *id > 0);
    id.map(DeliveryId).ok_or_else(|| format!("'{word}' is no number of a delivery"))
}

fn limit(word: &str) -> Result<usize, String> {
    let limit = word.parse().map_err(|_| "--limit takes a number; 0 for all of them".to_owned());
    limit.map(|limit| if limit == 0 { usize::MAX } else { limit })
}

fn state(word: &str) -> Result<DeliveryState, String> {
    let found = STATES.iter().find(|(_, name)| *name == word);
    found
        .map(|(state, _)| *state)
        .ok_or_else(|| format!("'{word}' is none of waiting, leased, done, parked and dropped"))
}

/// A state in a word.
pub(super) fn state_name(state: DeliveryState) -> &'static str {
    STATES.iter().find(|(one, _)| *one == state).map_or("", |(_, name)| name)
}

/// What happened, in words of one or two.
pub(super) fn event_name(kind: EventKind) -> &'static str {
    match kind {
        EventKind::ObjectStored => "object.stored",
        EventKind::StudyEnded => "study.ended",
        EventKind::StudyUpdated => "study.updated",
        EventKind::AssociationEnded => "association.ended",
        EventKind::Refused => "refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Selection, String> {
        let known = ["--state", "--destination", "--limit", "--all", "--reason"];
        Selection::read(line.split_whitespace().map(str::to_owned).collect(), &known)
    }

    #[test]
    fn words_say_which_deliveries() {
        let selection = read("7 --state=parked --destination pacs 8 --limit 0").unwrap();
        assert_eq!(selection.ids, [DeliveryId(7), DeliveryId(8)]);
        assert_eq!(selection.filter.state, Some(DeliveryState::Parked));
        assert_eq!(selection.filter.destination.as_deref(), Some("pacs"));
        assert_eq!((selection.limit, selection.is_filtered()), (Some(usize::MAX), true));
        assert!(!read("--all").unwrap().is_filtered());
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (line, told) in [
            ("--state gone", "'gone' is none of"),
            ("x", "'x' is no number"),
            ("0", "'0' is no number"),
            ("--state", "--state needs a value"),
            ("--study 1.2", "unknown option --study"),
            ("--limit many", "--limit takes a number"),
        ] {
            let fault = read(line).unwrap_err();
            assert!(fault.contains(told), "{line}: {fault}");
        }
    }
}
