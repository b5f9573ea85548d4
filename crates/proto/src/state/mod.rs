//! The state machine of the upper layer: PS3.8 §9.2, Table 9-10, and nothing else.
//!
//! The standard describes an association by thirteen states and nineteen events. For a state and an
//! event, its table names an action and the state that follows; a blank cell means that the event
//! cannot happen, or that the implementation prevents it. [`table_9_10`] is that table, one `match`
//! with the standard's own labels. [`Association`](crate::Association) carries out the actions;
//! only [`StateMachine::apply`] changes the state.
//!
//! Events of the local user (a request to send, to release, to abort) in a blank cell are ignored: the
//! peer may have ended the association while the user was still deciding.

use std::fmt;

/// The states of PS3.8 §9.2.1, Tables 9-1 to 9-5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Idle: no association, and no transport connection that is still needed.
    Sta1,
    /// Transport connection open; awaiting A-ASSOCIATE-RQ.
    Sta2,
    /// Awaiting the local user's answer to an A-ASSOCIATE indication.
    Sta3,
    /// Awaiting the transport connection.
    Sta4,
    /// Awaiting A-ASSOCIATE-AC or A-ASSOCIATE-RJ.
    Sta5,
    /// Association established, ready for data transfer.
    Sta6,
    /// Awaiting A-RELEASE-RP.
    Sta7,
    /// Awaiting the local user's A-RELEASE response.
    Sta8,
    /// Release collision, requestor: awaiting the local user's A-RELEASE response.
    Sta9,
    /// Release collision, acceptor: awaiting A-RELEASE-RP.
    Sta10,
    /// Release collision, requestor: awaiting A-RELEASE-RP.
    Sta11,
    /// Release collision, acceptor: awaiting the local user's A-RELEASE response.
    Sta12,
    /// Awaiting the close of the transport connection; the association no longer exists.
    Sta13,
}

impl State {
    /// All states, in the standard's order.
    pub const ALL: [State; 13] = [
        State::Sta1,
        State::Sta2,
        State::Sta3,
        State::Sta4,
        State::Sta5,
        State::Sta6,
        State::Sta7,
        State::Sta8,
        State::Sta9,
        State::Sta10,
        State::Sta11,
        State::Sta12,
        State::Sta13,
    ];
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The events of PS3.8 Table 9-10, top to bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum StateEvent {
    /// A-ASSOCIATE request (local user).
    Evt1,
    /// Transport connection confirmed (local transport service).
    Evt2,
    /// A-ASSOCIATE-AC PDU received.
    Evt3,
    /// A-ASSOCIATE-RJ PDU received.
    Evt4,
    /// Transport connection indication (local transport service).
    Evt5,
    /// A-ASSOCIATE-RQ PDU received.
    Evt6,
    /// A-ASSOCIATE response, accept (local user).
    Evt7,
    /// A-ASSOCIATE response, reject (local user).
    Evt8,
    /// P-DATA request (local user).
    Evt9,
    /// P-DATA-TF PDU received.
    Evt10,
    /// A-RELEASE request (local user).
    Evt11,
    /// A-RELEASE-RQ PDU received.
    Evt12,
    /// A-RELEASE-RP PDU received.
    Evt13,
    /// A-RELEASE response (local user).
    Evt14,
    /// A-ABORT request (local user).
    Evt15,
    /// A-ABORT PDU received.
    Evt16,
    /// Transport connection closed.
    Evt17,
    /// ARTIM timer expired.
    Evt18,
    /// Unrecognized or invalid PDU received.
    Evt19,
}

/// The actions of PS3.8 §9.2.2, Tables 9-6 to 9-9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// Open the transport connection.
    Ae1,
    /// Send A-ASSOCIATE-RQ.
    Ae2,
    /// A-ASSOCIATE confirmation, accepted.
    Ae3,
    /// A-ASSOCIATE confirmation, rejected; close the transport connection.
    Ae4,
    /// Accept the transport connection; start ARTIM.
    Ae5,
    /// Stop ARTIM; A-ASSOCIATE indication, or A-ASSOCIATE-RJ and start ARTIM.
    Ae6,
    /// Send A-ASSOCIATE-AC.
    Ae7,
    /// Send A-ASSOCIATE-RJ; start ARTIM.
    Ae8,
    /// Send P-DATA-TF.
    Dt1,
    /// P-DATA indication.
    Dt2,
    /// Send A-RELEASE-RQ.
    Ar1,
    /// A-RELEASE indication.
    Ar2,
    /// A-RELEASE confirmation; close the transport connection.
    Ar3,
    /// Send A-RELEASE-RP; start ARTIM.
    Ar4,
    /// Stop ARTIM.
    Ar5,
    /// P-DATA indication (after our A-RELEASE-RQ).
    Ar6,
    /// Send P-DATA-TF (after the peer's A-RELEASE-RQ).
    Ar7,
    /// A-RELEASE indication (release collision).
    Ar8,
    /// Send A-RELEASE-RP (release collision, requestor).
    Ar9,
    /// A-RELEASE confirmation (release collision, acceptor).
    Ar10,
    /// Send A-ABORT, source service user; start ARTIM, or start it again.
    Aa1,
    /// Stop ARTIM; close the transport connection.
    Aa2,
    /// A-ABORT or A-P-ABORT indication; close the transport connection.
    Aa3,
    /// A-P-ABORT indication.
    Aa4,
    /// Stop ARTIM.
    Aa5,
    /// Ignore the PDU.
    Aa6,
    /// Send A-ABORT.
    Aa7,
    /// Send A-ABORT, source service provider; A-P-ABORT indication; start ARTIM.
    Aa8,
}

/// Which side opened the association; only a release collision (AR-8) depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Requestor,
    Acceptor,
}

impl Action {
    /// The state that follows the action.
    ///
    /// Tables 9-6 to 9-9 give one state for each action, with two exceptions: after AR-8 it depends on
    /// the side, and AE-6 has a second outcome, [`StateMachine::refuse`].
    fn next(self, side: Side) -> State {
        match self {
            Action::Ae1 => State::Sta4,
            Action::Ae2 => State::Sta5,
            Action::Ae3 | Action::Ae7 | Action::Dt1 | Action::Dt2 => State::Sta6,
            Action::Ae5 => State::Sta2,
            Action::Ae6 => State::Sta3,
            Action::Ar1 | Action::Ar6 => State::Sta7,
            Action::Ar2 | Action::Ar7 => State::Sta8,
            Action::Ar8 => match side {
                Side::Requestor => State::Sta9,
                Side::Acceptor => State::Sta10,
            },
            Action::Ar9 => State::Sta11,
            Action::Ar10 => State::Sta12,
            Action::Ae4
            | Action::Ar3
            | Action::Ar5
            | Action::Aa2
            | Action::Aa3
            | Action::Aa4
            | Action::Aa5 => State::Sta1,
            Action::Ae8 | Action::Ar4 | Action::Aa1 | Action::Aa6 | Action::Aa7 | Action::Aa8 => {
                State::Sta13
            }
        }
    }
}

/// PS3.8 Table 9-10: the action for an event in a state, `None` where the cell is blank.
#[rustfmt::skip]
pub(crate) fn table_9_10(state: State, event: StateEvent) -> Option<Action> {
    use Action::*;
    use StateEvent::*;
    use State::*;
    Some(match (event, state) {
        // A-ASSOCIATE
        (Evt1,  Sta1)  => Ae1,
        (Evt2,  Sta4)  => Ae2,
        (Evt3,  Sta2)  => Aa1,
        (Evt3,  Sta3)  => Aa8,
        (Evt3,  Sta5)  => Ae3,
        (Evt3,  Sta6 | Sta7 | Sta8 | Sta9 | Sta10 | Sta11 | Sta12) => Aa8,
        (Evt3,  Sta13) => Aa6,
        (Evt4,  Sta2)  => Aa1,
        (Evt4,  Sta3)  => Aa8,
        (Evt4,  Sta5)  => Ae4,
        (Evt4,  Sta6 | Sta7 | Sta8 | Sta9 | Sta10 | Sta11 | Sta12) => Aa8,
        (Evt4,  Sta13) => Aa6,
        (Evt5,  Sta1)  => Ae5,
        (Evt6,  Sta2)  => Ae6,
        (Evt6,  Sta3 | Sta5 | Sta6 | Sta7 | Sta8 | Sta9 | Sta10 | Sta11 | Sta12) => Aa8,
        (Evt6,  Sta13) => Aa7,
        (Evt7,  Sta3)  => Ae7,
        (Evt8,  Sta3)  => Ae8,

        // P-DATA
        (Evt9,  Sta6)  => Dt1,
        (Evt9,  Sta8)  => Ar7,
        (Evt10, Sta2)  => Aa1,
        (Evt10, Sta3 | Sta5) => Aa8,
        (Evt10, Sta6)  => Dt2,
        (Evt10, Sta7)  => Ar6,
        (Evt10, Sta8 | Sta9 | Sta10 | Sta11 | Sta12) => Aa8,
        (Evt10, Sta13) => Aa6,

        // A-RELEASE
        (Evt11, Sta6)  => Ar1,
        (Evt12, Sta2)  => Aa1,
        (Evt12, Sta3 | Sta5) => Aa8,
        (Evt12, Sta6)  => Ar2,
        (Evt12, Sta7)  => Ar8,
        (Evt12, Sta8 | Sta9 | Sta10 | Sta11 | Sta12) => Aa8,
        (Evt12, Sta13) => Aa6,
        (Evt13, Sta2)  => Aa1,
        (Evt13, Sta3 | Sta5 | Sta6) => Aa8,
        (Evt13, Sta7)  => Ar3,
        (Evt13, Sta8 | Sta9) => Aa8,
        (Evt13, Sta10) => Ar10,
        (Evt13, Sta11) => Ar3,
        (Evt13, Sta12) => Aa8,
        (Evt13, Sta13) => Aa6,
        (Evt14, Sta8)  => Ar4,
        (Evt14, Sta9)  => Ar9,
        (Evt14, Sta12) => Ar4,

        // A-ABORT, transport, ARTIM, and invalid PDUs
        (Evt15, Sta3)  => Aa1,
        (Evt15, Sta4)  => Aa2,
        (Evt15, Sta5 | Sta6 | Sta7 | Sta8 | Sta9 | Sta10 | Sta11 | Sta12) => Aa1,
        (Evt16, Sta2)  => Aa2,
        (Evt16, Sta3 | Sta5 | Sta6 | Sta7 | Sta8 | Sta9 | Sta10 | Sta11 | Sta12) => Aa3,
        (Evt16, Sta13) => Aa2,
        (Evt17, Sta2)  => Aa5,
        (Evt17, Sta3 | Sta4 | Sta5 | Sta6 | Sta7 | Sta8 | Sta9 | Sta10 | Sta11 | Sta12) => Aa4,
        (Evt17, Sta13) => Ar5,
        (Evt18, Sta2)  => Aa2,
        (Evt18, Sta13) => Aa2,
        (Evt19, Sta2)  => Aa1,
        (Evt19, Sta3 | Sta5 | Sta6 | Sta7 | Sta8 | Sta9 | Sta10 | Sta11 | Sta12) => Aa8,
        (Evt19, Sta13) => Aa7,

        _ => return None,
    })
}

/// The state of one association. Two bytes.
#[derive(Debug)]
pub(crate) struct StateMachine {
    state: State,
    side: Side,
}

impl StateMachine {
    pub(crate) fn new(side: Side) -> Self {
        StateMachine { state: State::Sta1, side }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Applies an event and returns the action to carry out; `None`, with the state unchanged, if the
    /// cell is blank.
    pub(crate) fn apply(&mut self, event: StateEvent) -> Option<Action> {
        let action = table_9_10(self.state, event)?;
        self.state = action.next(self.side);
        Some(action)
    }

    /// The second outcome of AE-6: the A-ASSOCIATE-RQ is not acceptable to the service provider.
    pub(crate) fn refuse(&mut self) {
        debug_assert_eq!(self.state, State::Sta3, "AE-6 was the action just taken");
        self.state = State::Sta13;
    }
}

#[cfg(test)]
mod tests;
