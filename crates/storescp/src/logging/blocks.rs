//! Lines that belong together, gathered until their block is complete.

use super::output::LineQueue;
use chrono::{DateTime, Local};
use std::cell::RefCell;
use std::sync::Arc;

/// Begins a block. Spans are those of [`receiver::log::BLOCK`]: there are no others.
pub(super) fn begin() {
    GATHERED.set(Some(Vec::new()));
}

/// Hands the block over, with no line of another thread between its lines.
pub(super) fn end() {
    for text in GATHERED.take().unwrap_or_default() {
        text.queue.push(text.time, text.text, text.lines);
    }
}

thread_local! {
    /// The lines of a block that is being put together.
    static GATHERED: RefCell<Option<Vec<Gathered>>> = const { RefCell::new(None) };
}

/// Lines of one block for one output.
struct Gathered {
    queue: Arc<LineQueue>,
    time: Option<DateTime<Local>>,
    text: String,
    lines: u64,
}

/// Hands a line over to the thread that writes it, or adds it to the block that it is part of.
pub(super) fn hand_over(queue: &Arc<LineQueue>, time: Option<DateTime<Local>>, line: String) {
    let alone = GATHERED.with_borrow_mut(|gathered| {
        let Some(gathered) = gathered else { return Some(line) };
        match gathered.iter_mut().find(|it| Arc::ptr_eq(&it.queue, queue)) {
            Some(before) => {
                before.text.push_str(&line);
                before.lines += 1;
            }
            None => {
                gathered.push(Gathered { queue: Arc::clone(queue), time, text: line, lines: 1 });
            }
        }
        None
    });
    if let Some(line) = alone {
        queue.push(time, line, 1);
    }
}
