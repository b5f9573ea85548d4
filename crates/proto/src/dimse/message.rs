//! Messages (PS3.7 §6.3, PS3.8 Annex E): a command set and an optional data set, in fragments.

use super::command::{CommandSet, DataSetDue};
use crate::context_id::ContextId;
use crate::error::PeerFault;
use crate::limits;
use crate::ul::p_data::PdvHeader;

/// Assembles command sets from fragments, and tracks whether a data set must follow.
///
/// Memory: the command set being gathered, at most [`limits::COMMAND_SET_BYTES`]; no data set.
#[derive(Debug)]
pub(crate) struct MessageReader {
    expected: Expected,
    command: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// A message, on any context.
    Message,
    /// More of the command set.
    Command(ContextId),
    /// The data set that the command announced, or more of it.
    DataSet(ContextId),
    /// A message, or a data set although the command before it did not properly announce one.
    Unannounced(ContextId),
}

/// Where the bytes of a PDV go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Command,
    DataSet,
    /// A data set that was not properly announced: it is dropped.
    Discard,
}

impl MessageReader {
    pub(crate) const fn new() -> MessageReader {
        MessageReader { expected: Expected::Message, command: Vec::new() }
    }

    /// Checks a PDV header against the message so far.
    ///
    /// # Errors
    /// The fault of the peer; the reader must not be used again.
    pub(crate) fn begin_pdv(&mut self, pdv: PdvHeader) -> Result<Route, PeerFault> {
        let PdvHeader { context, command, data_bytes, .. } = pdv;
        if let Expected::Command(expected) | Expected::DataSet(expected) = self.expected
            && expected != context
        {
            return Err(PeerFault::ContextChanged { expected, found: context });
        }
        match (self.expected, command) {
            (Expected::DataSet(_), true) => Err(PeerFault::CommandInDataSet(context)),
            (Expected::DataSet(_), false) => Ok(Route::DataSet),
            (Expected::Unannounced(expected), false) if expected == context => Ok(Route::Discard),
            (_, false) => Err(PeerFault::DataSetWithoutCommand(context)),
            (_, true) => {
                let room = limits::COMMAND_SET_BYTES - self.command.len();
                if data_bytes as usize > room {
                    return Err(PeerFault::CommandSetLength);
                }
                self.expected = Expected::Command(context);
                Ok(Route::Command)
            }
        }
    }

    /// Adds bytes of a command fragment.
    pub(crate) fn gather(&mut self, bytes: &[u8]) {
        self.command.extend_from_slice(bytes);
    }

    /// The command set is complete; it determines what may follow.
    ///
    /// # Errors
    /// [`PeerFault::CommandSetElement`] if it cannot be decoded; the reader must not be used again.
    pub(crate) fn end_command(&mut self, context: ContextId) -> Result<CommandSet, PeerFault> {
        let command = CommandSet::decode(std::mem::take(&mut self.command))?;
        self.expected = match command.data_set() {
            DataSetDue::Yes => Expected::DataSet(context),
            DataSetDue::No => Expected::Message,
            DataSetDue::Doubtful => Expected::Unannounced(context),
        };
        Ok(command)
    }

    /// The data set is complete.
    pub(crate) fn end_data_set(&mut self) {
        self.expected = Expected::Message;
    }
}
