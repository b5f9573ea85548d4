//! Requests and responses (PS3.7 §9.3), for SCP and SCU.

use std::fmt;

use dataset::Uid;

use super::command::{CommandSet, DataSetDue, command_field, element};
use super::status::Status;
use crate::ae_title::AeTitle;

/// A parsed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// C-STORE-RQ.
    CStore(CStoreRq),
    /// C-ECHO-RQ.
    CEcho(CEchoRq),
    /// C-CANCEL-RQ: never answered (PS3.7 §9.3.2.3).
    CCancel {
        /// The request to cancel.
        message_id_being_responded_to: u16,
    },
    /// Any other request.
    Other(OtherRq),
}

/// A C-STORE-RQ (PS3.7 §9.3.1.1). A data set follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CStoreRq {
    /// (0000,0110).
    pub message_id: u16,
    /// (0000,0002).
    pub sop_class: Uid,
    /// (0000,1000).
    pub sop_instance: Uid,
    /// (0000,0700) as sent. Mandatory, but unused, so it may be missing.
    pub priority: Option<u16>,
    /// (0000,1030), if the object is sent on behalf of a C-MOVE.
    pub move_originator_ae: Option<AeTitle>,
    /// (0000,1031).
    pub move_originator_message_id: Option<u16>,
}

/// A C-ECHO-RQ (PS3.7 §9.3.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CEchoRq {
    /// (0000,0110).
    pub message_id: u16,
    /// (0000,0002) as sent; the response repeats it even if it is invalid.
    sop_class: Vec<u8>,
}

/// A request that is neither C-STORE nor C-ECHO nor C-CANCEL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherRq {
    /// (0000,0100).
    pub command_field: u16,
    /// (0000,0110).
    pub message_id: u16,
    /// (0000,0800): a data set follows, which must be read before the response is sent.
    pub has_data_set: bool,
    response: CommandSet,
}

/// Why a command set cannot be carried out, and the response to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandFault {
    description: String,
    has_data_set: bool,
    status: Status,
    response: Option<CommandSet>,
}

impl CommandFault {
    /// The response that refuses the request, with the reason as its Error Comment. `None` if no
    /// response is possible, because the command set has no command field, has no message ID, or is
    /// itself a response: the association must be aborted then.
    #[must_use]
    pub fn response(&self) -> Option<&CommandSet> {
        self.response.as_ref()
    }

    /// The status in [`response`](Self::response), if there is one.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// True if a data set follows that must be read before the response is sent; false if there is no
    /// response.
    #[must_use]
    pub fn has_data_set(&self) -> bool {
        self.has_data_set
    }
}

impl fmt::Display for CommandFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)
    }
}

impl std::error::Error for CommandFault {}

impl Request {
    /// Reads a command set as a request.
    ///
    /// An element that is mandatory but unused (the priority) may be missing.
    ///
    /// # Errors
    /// [`CommandFault`], which holds the response to send, if one is possible.
    pub fn parse(command: &CommandSet) -> Result<Request, CommandFault> {
        let unanswerable = |description: &str| CommandFault {
            description: description.to_owned(),
            has_data_set: false,
            status: Status::MISTYPED_ARGUMENT,
            response: None,
        };
        let field = command
            .command_field()
            .ok_or_else(|| unanswerable("(0000,0100) Command Field missing or invalid"))?;
        if field & command_field::RESPONSE != 0 {
            return Err(unanswerable(&format!("response {field:04X}H to no request of ours")));
        }
        if field == command_field::C_CANCEL_RQ {
            let message_id_being_responded_to =
                command.u16(element::MESSAGE_ID_BEING_RESPONDED_TO).unwrap_or_default();
            return Ok(Request::CCancel { message_id_being_responded_to });
        }
        let message_id = command
            .u16(element::MESSAGE_ID)
            .ok_or_else(|| unanswerable("(0000,0110) Message ID missing or invalid"))?;
        let Some(has_data_set) = command.announces_data_set() else {
            let comment = "(0000,0800) Command Data Set Type missing or invalid";
            return Err(refuse(command, field, message_id, Status::MISTYPED_ARGUMENT, comment));
        };
        match field {
            command_field::C_STORE_RQ => c_store(command, message_id).map(Request::CStore),
            command_field::C_ECHO_RQ => c_echo(command, message_id).map(Request::CEcho),
            _ => {
                let status = Status::UNRECOGNIZED_OPERATION;
                let comment = format!("command {field:04X}H not supported");
                let response = failure(command, field, message_id, status, &comment);
                Ok(Request::Other(OtherRq {
                    command_field: field,
                    message_id,
                    has_data_set,
                    response,
                }))
            }
        }
    }
}

fn c_store(command: &CommandSet, message_id: u16) -> Result<CStoreRq, CommandFault> {
    let refuse =
        |status, comment| refuse(command, command_field::C_STORE_RQ, message_id, status, comment);
    let sop_class = command.uid(element::AFFECTED_SOP_CLASS_UID).ok_or_else(|| {
        let comment = "(0000,0002) Affected SOP Class UID missing or invalid";
        refuse(Status::MISTYPED_ARGUMENT, comment)
    })?;
    let sop_instance = command.uid(element::AFFECTED_SOP_INSTANCE_UID).ok_or_else(|| {
        let comment = "(0000,1000) Affected SOP Instance UID missing or invalid";
        refuse(Status::INVALID_SOP_INSTANCE, comment)
    })?;
    if command.announces_data_set() != Some(true) {
        let comment = "(0000,0800) announces no data set to store";
        return Err(refuse(Status::CANNOT_UNDERSTAND, comment));
    }
    let move_originator = command.value(element::MOVE_ORIGINATOR_AE_TITLE);
    Ok(CStoreRq {
        message_id,
        sop_class,
        sop_instance,
        priority: command.u16(element::PRIORITY),
        move_originator_ae: move_originator.and_then(|raw| AeTitle::parse(raw).ok()),
        move_originator_message_id: command.u16(element::MOVE_ORIGINATOR_MESSAGE_ID),
    })
}

fn c_echo(command: &CommandSet, message_id: u16) -> Result<CEchoRq, CommandFault> {
    let refuse = |comment| {
        refuse(command, command_field::C_ECHO_RQ, message_id, Status::MISTYPED_ARGUMENT, comment)
    };
    let sop_class = echoed(command.value(element::AFFECTED_SOP_CLASS_UID))
        .ok_or_else(|| refuse("(0000,0002) Affected SOP Class UID missing or too long"))?;
    if command.announces_data_set() == Some(true) {
        return Err(refuse("(0000,0800) announces a data set, but C-ECHO has none"));
    }
    Ok(CEchoRq { message_id, sop_class: sop_class.to_vec() })
}

fn refuse(
    command: &CommandSet,
    field: u16,
    message_id: u16,
    status: Status,
    comment: &str,
) -> CommandFault {
    CommandFault {
        description: comment.to_owned(),
        has_data_set: command.data_set() == DataSetDue::Yes,
        status,
        response: Some(failure(command, field, message_id, status, comment)),
    }
}

/// The response to a request that was not carried out. Where DIMSE-N requests name a *requested* class
/// and instance, their responses name the *affected* ones (PS3.7 §10.3).
fn failure(
    command: &CommandSet,
    field: u16,
    message_id: u16,
    status: Status,
    comment: &str,
) -> CommandSet {
    let value = |affected, requested| {
        echoed(command.value(affected)).or_else(|| echoed(command.value(requested)))
    };
    let class = value(element::AFFECTED_SOP_CLASS_UID, element::REQUESTED_SOP_CLASS_UID);
    let instance = value(element::AFFECTED_SOP_INSTANCE_UID, element::REQUESTED_SOP_INSTANCE_UID);
    CommandSet::response(field, message_id, status, Some(comment), class, instance)
}

/// A UID as received, unless it is longer than a UID can be.
fn echoed(value: Option<&[u8]>) -> Option<&[u8]> {
    value.filter(|value| value.len() <= 64)
}

impl CStoreRq {
    /// The C-STORE-RSP (PS3.7 §9.3.1.2), with an Error Comment of at most 64 characters if given.
    #[must_use]
    pub fn response(&self, status: Status, comment: Option<&str>) -> CommandSet {
        CommandSet::response(
            command_field::C_STORE_RQ,
            self.message_id,
            status,
            comment,
            Some(self.sop_class.as_bytes()),
            Some(self.sop_instance.as_bytes()),
        )
    }

    /// The command set of the request, for an SCU.
    #[must_use]
    pub fn encode(&self) -> CommandSet {
        let mut command = CommandSet::new();
        command
            .put_uid(element::AFFECTED_SOP_CLASS_UID, &self.sop_class)
            .put_u16(element::COMMAND_FIELD, command_field::C_STORE_RQ)
            .put_u16(element::MESSAGE_ID, self.message_id)
            .put_u16(element::PRIORITY, self.priority.unwrap_or(0))
            .put_data_set_type(true)
            .put_uid(element::AFFECTED_SOP_INSTANCE_UID, &self.sop_instance);
        command
    }
}

impl CEchoRq {
    /// A request about this SOP class, usually Verification.
    #[must_use]
    pub fn new(message_id: u16, sop_class: &Uid) -> CEchoRq {
        CEchoRq { message_id, sop_class: sop_class.as_bytes().to_vec() }
    }

    /// The C-ECHO-RSP (PS3.7 §9.3.5.2).
    #[must_use]
    pub fn response(&self, status: Status) -> CommandSet {
        let class = Some(&self.sop_class[..]);
        CommandSet::response(command_field::C_ECHO_RQ, self.message_id, status, None, class, None)
    }

    /// The command set of the request, for an SCU.
    #[must_use]
    pub fn encode(&self) -> CommandSet {
        let mut command = CommandSet::new();
        command
            .put_padded(element::AFFECTED_SOP_CLASS_UID, &self.sop_class, 0)
            .put_u16(element::COMMAND_FIELD, command_field::C_ECHO_RQ)
            .put_u16(element::MESSAGE_ID, self.message_id)
            .put_data_set_type(false);
        command
    }
}

impl OtherRq {
    /// The response: status 0211H, unrecognized operation.
    #[must_use]
    pub fn response(&self) -> &CommandSet {
        &self.response
    }
}

/// A parsed response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// (0000,0100), with [`command_field::RESPONSE`] set.
    pub command_field: u16,
    /// (0000,0120).
    pub message_id_being_responded_to: u16,
    /// (0000,0900).
    pub status: Status,
    /// (0000,0902), without padding.
    pub error_comment: Option<String>,
    /// (0000,0002).
    pub sop_class: Option<Uid>,
    /// (0000,1000).
    pub sop_instance: Option<Uid>,
}

impl Response {
    /// Reads a command set as a response; `None` if it is not one.
    #[must_use]
    pub fn parse(command: &CommandSet) -> Option<Response> {
        let comment = command.value(element::ERROR_COMMENT);
        Some(Response {
            command_field: command
                .command_field()
                .filter(|field| field & command_field::RESPONSE != 0)?,
            message_id_being_responded_to: command.u16(element::MESSAGE_ID_BEING_RESPONDED_TO)?,
            status: Status(command.u16(element::STATUS)?),
            error_comment: comment
                .map(|raw| String::from_utf8_lossy(raw.trim_ascii_end()).into_owned()),
            sop_class: command.uid(element::AFFECTED_SOP_CLASS_UID),
            sop_instance: command.uid(element::AFFECTED_SOP_INSTANCE_UID),
        })
    }
}
