//! From a connection to an association; echo, release, abort.

use std::net::ToSocketAddrs;
use std::time::Duration;

use dataset::{TransferSyntax, Uid};
use proto::{
    Association, CEchoRq, ContextId, OperationsWindow, Proposal, RequestorConfig, Response,
    command_field,
};

use super::core::{Reply, Requestor};
use crate::connection::Connection;
use crate::error::{Error, Waiting};
use crate::limits::{ABORT_LINGER, OPERATIONS, RECEIVE_BUFFER_BYTES};
use crate::settings::{ContextProposal, Settings, verification};

impl Requestor {
    /// Connects, over TLS if `settings` say so, and opens an association with these presentation
    /// contexts. The peer may have accepted only some of them, or none: see [`contexts`](Self::contexts).
    ///
    /// # Errors
    /// [`Error::Connect`], [`Error::Handshake`], [`Error::Connection`], [`Error::TimedOut`],
    /// [`Error::Interrupted`], [`Error::Rejected`], [`Error::Aborted`], [`Error::TooManyContexts`].
    pub fn associate(
        address: impl ToSocketAddrs,
        settings: &Settings,
        contexts: &[ContextProposal],
    ) -> Result<Requestor, Error> {
        // What cannot be proposed is found before there is a connection.
        proposal(settings, contexts)?;
        let connection = Connection::open(address, settings)?;
        Self::associate_over(connection, settings, contexts)
    }

    /// Opens an association over a connection that is there already; [`Settings::tls`] is not looked at.
    ///
    /// # Errors
    /// As [`associate`](Self::associate), but those of connecting.
    pub fn associate_over(
        connection: Connection,
        settings: &Settings,
        contexts: &[ContextProposal],
    ) -> Result<Requestor, Error> {
        let proposal = proposal(settings, contexts)?;
        let config = RequestorConfig { proposal, close_timeout: ABORT_LINGER };
        let mut requestor = Requestor {
            connection,
            association: Association::requestor(config),
            timeouts: settings.timeouts,
            interrupt: settings.interrupt.clone(),
            next_message_id: 1,
            window: operations(settings).into(),
            outstanding: Vec::new(),
            data: Vec::new(),
            spare: Vec::new(),
            received: vec![0; RECEIVE_BUFFER_BYTES].into(),
            unread: (0, 0),
        };
        requestor.flush()?;
        match requestor.wait(Waiting::AssociateResponse)? {
            Reply::Accepted => Ok(requestor),
            other => Err(requestor.unexpected(&other)),
        }
    }

    /// The presentation context for objects of this SOP class; `None` as the transfer syntax finds the
    /// first, whichever the peer chose.
    ///
    /// # Errors
    /// [`Error::NotAccepted`].
    pub fn context_for(
        &self,
        sop_class: &Uid,
        transfer_syntax: Option<&'static TransferSyntax>,
    ) -> Result<ContextId, Error> {
        let found = self.contexts().iter().find(|context| {
            context.abstract_syntax == *sop_class
                && context.requestor_is_scu
                && transfer_syntax.is_none_or(|wanted| context.transfer_syntax == wanted)
        });
        found
            .map(|context| context.id)
            .ok_or(Error::NotAccepted { sop_class: *sop_class, transfer_syntax })
    }

    /// Sends a C-ECHO-RQ and returns the response (PS3.7 §9.1.5).
    ///
    /// # Errors
    /// [`Error::NotAccepted`] if there is no context for Verification. After [`Error::Connection`],
    /// [`Error::TimedOut`], [`Error::Interrupted`], [`Error::Aborted`], [`Error::ReleasedByPeer`] and
    /// [`Error::UnexpectedMessage`] the association has ended; then [`Error::Protocol`].
    pub fn echo(&mut self) -> Result<Response, Error> {
        let sop_class = verification();
        let context = self.context_for(&sop_class, None)?;
        let message_id = self.next_message_id();
        self.queue_command(context, &CEchoRq::new(message_id, &sop_class).encode())?;
        self.flush()?;
        self.response_to(command_field::C_ECHO_RQ, message_id)
    }

    /// Releases the association and closes the connection (PS3.8 §7.2).
    ///
    /// # Errors
    /// [`Error::Connection`], [`Error::TimedOut`], [`Error::Interrupted`], [`Error::Aborted`],
    /// [`Error::UnexpectedMessage`]; [`Error::Protocol`] if the association had ended before. The connection is
    /// closed in any case.
    pub fn release(mut self) -> Result<(), Error> {
        self.association.request_release();
        self.flush()?;
        match self.wait(Waiting::ReleaseResponse)? {
            Reply::Released => Ok(()),
            other => Err(self.unexpected(&other)),
        }
    }

    /// As [`release`](Self::release), but takes no longer than about `limit`, and is not interrupted.
    ///
    /// # Errors
    /// As [`release`](Self::release).
    pub fn release_within(mut self, limit: Duration) -> Result<(), Error> {
        self.interrupt = None;
        self.timeouts = self.timeouts.within(limit);
        self.connection.limit(&self.timeouts, None)?;
        self.release()
    }

    /// Aborts the association and closes the connection (PS3.8 §7.3). Waits up to [`ABORT_LINGER`] for
    /// the peer to close it first.
    pub fn abort(mut self) {
        self.abort_association();
    }
}

fn proposal(settings: &Settings, contexts: &[ContextProposal]) -> Result<Proposal, Error> {
    if contexts.len() > proto::limits::PRESENTATION_CONTEXTS {
        return Err(Error::TooManyContexts(contexts.len()));
    }
    let mut proposal =
        Proposal::new(settings.calling_ae, settings.called_ae, settings.max_pdu_bytes);
    let information = &mut proposal.user_information;
    information.implementation_class_uid = settings.implementation_class_uid;
    information.implementation_version_name = settings.implementation_version_name.clone();
    let invoked = operations(settings);
    information.asynchronous_operations =
        (invoked > 1).then_some(OperationsWindow { invoked, performed: 1 });
    for context in contexts {
        proposal.propose(context.sop_class, &context.transfer_syntaxes);
    }
    Ok(proposal)
}

/// C-STOREs at a time that are asked for.
fn operations(settings: &Settings) -> u16 {
    settings.operations.clamp(1, OPERATIONS)
}
