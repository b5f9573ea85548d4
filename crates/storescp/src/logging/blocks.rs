//! Lines that belong together, gathered until their block is complete.

use super::output::LineQueue;
use super::structured::{Render, StructuredRecord};
use chrono::{DateTime, Local};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use tracing::span;

/// The number of a new span: lines are gathered in those of [`receiver::log::BLOCK`] only.
pub(super) fn id_of(span: &span::Attributes<'_>) -> span::Id {
    let is_block = span.metadata().name() == receiver::log::BLOCK;
    span::Id::from_u64(if is_block { BLOCK_ID } else { OTHER_ID })
}

const BLOCK_ID: u64 = 1;
const OTHER_ID: u64 = 2;

/// A span is entered: a block begins, unless this thread is within one.
pub(super) fn begin(span: &span::Id) {
    if span.into_u64() != BLOCK_ID {
        return;
    }
    if DEPTH.get() == 0 {
        GATHERED.set(Some(Vec::new()));
    }
    DEPTH.set(DEPTH.get() + 1);
}

/// A span is left: at the end of the block, hands it over, with no line of another thread between its lines.
pub(super) fn end(span: &span::Id) {
    if span.into_u64() != BLOCK_ID {
        return;
    }
    DEPTH.set(DEPTH.get().saturating_sub(1));
    if DEPTH.get() > 0 {
        return;
    }
    for Gathered { queue, time, content } in GATHERED.take().unwrap_or_default() {
        match content {
            Content::Text(text, lines) => queue.push(time, text, lines),
            Content::Record(record, render) => queue.push(time, render(&record), 1),
        }
    }
}

thread_local! {
    /// The lines of a block that is being put together.
    static GATHERED: RefCell<Option<Vec<Gathered>>> = const { RefCell::new(None) };

    /// How many blocks this thread is within: those within another one are part of it.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Lines of one block for one output.
struct Gathered {
    queue: Arc<LineQueue>,
    time: Option<DateTime<Local>>,
    content: Content,
}

enum Content {
    /// Text of so many lines.
    Text(String, u64),
    /// One record of all lines.
    Record(Box<StructuredRecord>, Render),
}

/// Hands a line over to the thread that writes it, or adds it to the block that it is part of.
pub(super) fn hand_over(queue: &Arc<LineQueue>, time: Option<DateTime<Local>>, line: String) {
    let alone = GATHERED.with_borrow_mut(|gathered| {
        let Some(gathered) = gathered else { return Some(line) };
        match gathered.iter_mut().find(|it| Arc::ptr_eq(&it.queue, queue)) {
            Some(Gathered { content: Content::Text(text, lines), .. }) => {
                text.push_str(&line);
                *lines += 1;
            }
            _ => {
                let content = Content::Text(line, 1);
                gathered.push(Gathered { queue: Arc::clone(queue), time, content });
            }
        }
        None
    });
    if let Some(line) = alone {
        queue.push(time, line, 1);
    }
}

/// Hands a record over to the thread that writes what `render` makes of it, or makes it a line of the record of the
/// block that it is part of.
pub(super) fn hand_over_record(
    queue: &Arc<LineQueue>,
    time: Option<DateTime<Local>>,
    record: StructuredRecord,
    render: Render,
) {
    let alone = GATHERED.with_borrow_mut(|gathered| {
        let Some(gathered) = gathered else { return Some(record) };
        match gathered.iter_mut().find(|it| Arc::ptr_eq(&it.queue, queue)) {
            Some(Gathered { content: Content::Record(first, _), .. }) => {
                first.lines.push(record.message);
            }
            _ => {
                let lines = vec![record.message.clone()];
                let first = Box::new(StructuredRecord { lines, ..record });
                let content = Content::Record(first, render);
                gathered.push(Gathered { queue: Arc::clone(queue), time, content });
            }
        }
        None
    });
    if let Some(record) = alone {
        queue.push(time, render(&record), 1);
    }
}
