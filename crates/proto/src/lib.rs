//! PS3.7 and PS3.8: the upper layer and DIMSE, without sockets, files, threads or clock.

mod ae_title;
mod association;
mod dimse;
mod error;
pub mod limits;
mod ul;

pub use ae_title::AeTitle;
pub use association::{
    Abort, AcceptedContext, AcceptorConfig, Association, Ending, Event, RequestorConfig, Step,
};
pub use dimse::command::{CommandSet, command_field, element};
pub use dimse::request::{CEchoRq, CStoreRq, CommandFault, OtherRq, Request, Response};
pub use dimse::status::{Status, StatusKind};
pub use error::{Error, PeerFault};
pub use ul::negotiation::{
    AbstractSyntaxes, Acceptance, AcceptorPolicy, Answer, ClassPolicy, ContextAnswer, ContextId,
    ContextResult, Proposal, ProposedContext, Roles, max_send_pdv_bytes, negotiate,
};
pub use ul::p_data::DataSetFragments;
pub use ul::pdu::{AbortPdu, Rejection};
pub use ul::state::State;
pub use ul::user_information::{
    CommonExtendedNegotiation, ExtendedNegotiation, OperationsWindow, RoleSelection, UserIdentity,
    UserInformation, VersionName,
};
