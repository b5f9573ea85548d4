//! The DICOM upper layer (PS3.8) and the part of DIMSE (PS3.7) that storage and verification use,
//! without sockets, files, threads or a clock.
//!
//! Bytes go in; events and bytes come out. The driver (a server, a client, a test) owns the transport
//! connection, the receive buffer and the clock, and passes bytes and the time to this crate. A
//! blocking thread, an event loop and a test under simulated time can therefore drive the same
//! [`Association`], and faults of the peer are handled in one place.
//!
//! ```text
//!                      driver                                     this crate
//!
//!   transport ──read──> buffer ──────&[u8]──────> Association::receive
//!                                                   │  PDU headers, ul::pdu, and the state table,
//!                                                   │  state (PS3.8 Table 9-10)
//!                                                   ├─ A-ASSOCIATE ── ul::associate, item by item
//!                    Event::Proposed <──────────────┤                 ul::user_information
//!                         │                         │
//!                    negotiate ── response ─> answer│  ul::negotiation, a pure function
//!                                                   │
//!                                                   ├─ P-DATA-TF ──── ul::p_data, fragments
//!                                                   │                 dimse::message, of which message
//!                    Event::Command <───────────────┤   command sets gathered, dimse::command
//!                    Event::DataSet <─&[IoSlice]────┤   data sets lent out of the buffer, not copied
//!                         │                         │
//!                    Request::parse ─ response ──> send_command
//!                                                   │
//!   transport <─write── outgoing ◄──────────────────┘
//! ```
//!
//! # Driving an association
//!
//! 1. Send [`outgoing`](Association::outgoing), then call
//!    [`consume_outgoing`](Association::consume_outgoing). This always comes first.
//! 2. If the association [`is_closed`](Association::is_closed), close the transport connection and stop.
//! 3. Call [`receive`](Association::receive) with the contents of the buffer, act on the event, and
//!    go to step 1.
//! 4. On [`Event::NeedInput`], the whole buffer has been consumed: wait for bytes until
//!    [`poll_timeout`](Association::poll_timeout), then call `receive`,
//!    [`handle_timeout`](Association::handle_timeout) or
//!    [`handle_close`](Association::handle_close).
//!
//! # Errors, by whose fault they are
//!
//! - [`PeerFault`]: the peer broke the protocol. The association ends: the A-ABORT is queued, and
//!   [`Event::Aborted`] holds the fault. Its source and reason are chosen in one place, beside the enum.
//! - [`CommandFault`]: a request cannot be carried out. It holds the response to send; the association
//!   goes on.
//! - [`Error`]: the driver asked for something that is impossible in the current state.
//!
//! # Memory
//!
//! [`limits`] bounds everything that a peer can make an association hold, and adds it up.
//!
//! # Example
//!
//! C-ECHO, with both sides in one program:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::{Duration, Instant};
//!
//! use dataset::sop_class::VERIFICATION;
//! use dataset::transfer_syntax::IMPLICIT_VR_LITTLE_ENDIAN;
//! use proto::{
//!     AbstractSyntaxes, AcceptorConfig, AcceptorPolicy, Association, CEchoRq, ClassPolicy, Event,
//!     Proposal, Request, RequestorConfig, Response, Status, VersionName, negotiate,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = Instant::now();
//! let verification = VERIFICATION.parse()?;
//! let mut abstract_syntaxes = AbstractSyntaxes::new();
//! let transfer_syntaxes = Arc::new([IMPLICIT_VR_LITTLE_ENDIAN]);
//! abstract_syntaxes.accept(verification, ClassPolicy::new(transfer_syntaxes));
//! let policy = AcceptorPolicy {
//!     max_pdu_bytes: 16384,
//!     implementation_class_uid: "2.25.1".parse()?,
//!     implementation_version_name: VersionName::parse(b"EXAMPLE").ok_or("no name")?,
//!     refuse: false,
//!     require_implementation_class_uid: false,
//!     abstract_syntaxes,
//!     user_identity_response: None,
//! };
//!
//! let mut proposal = Proposal::new("CALLING".parse()?, "CALLED".parse()?, 16384);
//! let context = proposal.propose(verification, &[IMPLICIT_VR_LITTLE_ENDIAN]);
//! let close_timeout = Duration::from_secs(5);
//! let mut requestor = Association::requestor(RequestorConfig { proposal, close_timeout });
//! let acse_timeout = Duration::from_secs(30);
//! let mut acceptor = Association::acceptor(AcceptorConfig { acse_timeout, close_timeout }, now);
//!
//! // Both sides take turns; their outgoing bytes stand in for the connection.
//! let mut status = None;
//! while !requestor.is_closed() {
//!     let from_requestor = requestor.outgoing().to_vec();
//!     requestor.consume_outgoing(from_requestor.len());
//!     let mut input = &from_requestor[..];
//!     loop {
//!         let step = acceptor.receive(input, now);
//!         input = &input[step.consumed..];
//!         match step.event {
//!             Event::NeedInput => break,
//!             Event::Proposed(proposal) => acceptor.answer(negotiate(&proposal, &policy), now),
//!             Event::Command { context, command } => {
//!                 if let Ok(Request::CEcho(request)) = Request::parse(&command) {
//!                     acceptor.send_command(context, &request.response(Status::SUCCESS))?;
//!                 }
//!             }
//!             Event::ReleaseRequested => acceptor.accept_release(now),
//!             other => panic!("{other:?}"),
//!         }
//!     }
//!
//!     let from_acceptor = acceptor.outgoing().to_vec();
//!     acceptor.consume_outgoing(from_acceptor.len());
//!     let mut input = &from_acceptor[..];
//!     loop {
//!         let step = requestor.receive(input, now);
//!         input = &input[step.consumed..];
//!         match step.event {
//!             Event::NeedInput => break,
//!             Event::Accepted(_) => {
//!                 let request = CEchoRq::new(1, &verification);
//!                 requestor.send_command(context, &request.encode())?;
//!             }
//!             Event::Command { command, .. } => {
//!                 status = Response::parse(&command).map(|response| response.status);
//!                 requestor.request_release();
//!             }
//!             Event::Released => {}
//!             other => panic!("{other:?}"),
//!         }
//!     }
//! }
//! assert_eq!(status, Some(Status::SUCCESS));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod ae_title;
mod association;
mod context_id;
mod dimse;
mod error;
pub mod limits;
mod state;
mod ul;

pub use ae_title::AeTitle;
pub use association::{
    AbortCause, AcceptedContext, AcceptorConfig, Association, Ending, Event, RequestorConfig,
    SopClassNegotiation, Step,
};
pub use context_id::ContextId;
pub use dimse::command::{CommandSet, command_field, element};
pub use dimse::request::{CEchoRq, CStoreRq, CommandFault, OtherRq, Request, Response};
pub use dimse::status::{Status, StatusKind};
pub use error::{AbortPdu, Error, PeerFault};
pub use state::State;
pub use ul::negotiation::{
    AbstractSyntaxes, AcceptorPolicy, AssociateResponse, ClassPolicy, Roles, negotiate,
};
pub use ul::p_data::DataSetFragments;
pub use ul::pdu::Rejection;
pub use ul::proposal::{
    Acceptance, ContextAnswer, ContextResult, Proposal, ProposedContext, max_send_pdv_bytes,
};
pub use ul::user_information::{
    CommonExtendedNegotiation, ExtendedNegotiation, OperationsWindow, RoleSelection, UserIdentity,
    UserInformation, VersionName,
};
