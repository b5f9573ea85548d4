//! Any bytes, as a command set (PS3.7 §6.3).
//!
//! The first byte chooses the fragments, and whether the bytes are extended to the maximum length of a command
//! set or beyond. Checked: there is no panic; an association parses the command set as a direct call does, or
//! reports the same error; the result can be encoded and parsed again; each response repeats the fields of its
//! request and is short.

use proto::{
    AbortCause, Association, CommandSet, ContextId, Event, PeerFault, Request, Response, Status,
    command_field, limits, negotiate,
};

use super::{acceptor, feed, policy, proposal, requestor, start, take_outgoing};

/// Runs one input.
pub fn run(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let bytes = filled(bytes, choice);
    let decoded = CommandSet::decode(bytes.clone());
    assert_eq!(received(&bytes, usize::from(choice & 0x1F) * 9), expected(&bytes, &decoded));
    let Ok(command) = decoded else { return };

    let encoded = command.encode();
    assert!(encoded.len() <= bytes.len() + 12, "a group length is all that is added");
    assert_eq!(CommandSet::decode(encoded).as_ref(), Ok(&command));
    let length: usize = command.elements().map(|(_, value)| 8 + value.len()).sum();
    assert!(length <= bytes.len());
    assert!(!format!("{command:?}").is_empty());
    respond(&command);
}

/// Extends the bytes, if chosen: to two less than the maximum, to the maximum, or beyond.
fn filled(bytes: &[u8], choice: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let length = limits::COMMAND_SET_BYTES - 2 + 2 * usize::from(choice >> 5 & 3);
    if choice & 0x80 != 0 && bytes.len() + 8 <= length {
        bytes.extend([0, 0, 0x55, 0x55]);
        bytes.extend((length as u32 - bytes.len() as u32 - 4).to_le_bytes());
        bytes.resize(length, 0);
    }
    bytes
}

fn expected(
    bytes: &[u8],
    decoded: &Result<CommandSet, PeerFault>,
) -> Result<CommandSet, PeerFault> {
    if bytes.len() > limits::COMMAND_SET_BYTES {
        return Err(PeerFault::CommandSetLength);
    }
    decoded.clone()
}

/// The command set that an acceptor receives from these bytes in fragments.
fn received(bytes: &[u8], fragment_bytes: usize) -> Result<CommandSet, PeerFault> {
    let now = start();
    let mut association = established();
    let mut outcome = None;
    let count = bytes.len().div_ceil(fragment_bytes.max(1)).clamp(1, 40);
    let size = bytes.len().div_ceil(count).max(1);
    for index in 0..count {
        let from = (index * size).min(bytes.len());
        let fragment = &bytes[from..(from + size).min(bytes.len())];
        let last = u8::from(index + 1 == count);
        let length = fragment.len() as u32;
        let mut pdu = vec![0x04, 0];
        pdu.extend((length + 6).to_be_bytes());
        pdu.extend((length + 2).to_be_bytes());
        pdu.extend([1, 0b01 | last << 1]);
        pdu.extend_from_slice(fragment);
        feed(&mut association, &pdu, now, |_, event| match event {
            Event::Command { context: ContextId(1), command } => outcome = Some(Ok(command)),
            Event::Aborted(AbortCause::Fault(fault)) => outcome = Some(Err(fault)),
            other => panic!("{other:?}"),
        });
        if outcome.is_some() {
            break;
        }
    }
    outcome.expect("it is complete")
}

fn established() -> Association {
    let now = start();
    let mut association = acceptor(now);
    let request = take_outgoing(&mut requestor(proposal()));
    feed(&mut association, &request, now, |association, event| {
        if let Event::Proposed(proposal) = event {
            association.answer(negotiate(&proposal, &policy()), now);
        }
    });
    take_outgoing(&mut association);
    association
}

/// Checks that the response to any request can be parsed and matches the request.
fn respond(command: &CommandSet) {
    let request = Request::parse(command);
    if Response::parse(command).is_some() {
        assert!(request.as_ref().is_err_and(|fault| fault.response().is_none()));
    }
    match request {
        Ok(Request::CStore(request)) => {
            let mut expected = request;
            expected.priority = Some(request.priority.unwrap_or(0));
            expected.move_originator_ae = None;
            expected.move_originator_message_id = None;
            assert_eq!(Request::parse(&request.encode()), Ok(Request::CStore(expected)));
            let comment = request.sop_instance.as_str();
            let response = request.response(Status::OUT_OF_RESOURCES, Some(comment));
            let read = check(command, &response, Status::OUT_OF_RESOURCES);
            assert_eq!(read.error_comment.as_deref(), Some(comment));
            assert_eq!(read.sop_class, Some(request.sop_class));
            assert_eq!(read.sop_instance, Some(request.sop_instance));
        }
        Ok(Request::CEcho(request)) => {
            check(command, &request.response(Status::SUCCESS), Status::SUCCESS);
            let again = Request::parse(&request.encode());
            let Ok(Request::CEcho(again)) = again else { panic!("{again:?}") };
            // Encoding pads its SOP class to even length, whatever it was.
            assert_eq!(Request::parse(&again.encode()), Ok(Request::CEcho(again)));
        }
        Ok(Request::CCancel { .. }) => {}
        Ok(Request::Other(request)) => {
            let read = check(command, request.response(), Status::UNRECOGNIZED_OPERATION);
            assert_eq!(read.command_field, request.command_field | command_field::RESPONSE);
            assert_eq!(Some(request.has_data_set), command.announces_data_set());
        }
        Err(fault) => {
            assert!(!fault.to_string().is_empty());
            if let Some(response) = fault.response() {
                let read = check(command, response, fault.status());
                assert!(read.error_comment.is_some());
            } else {
                assert!(!fault.has_data_set());
            }
        }
    }
}

/// Checks that a response has even lengths, is short, can be parsed back, and answers this request.
fn check(command: &CommandSet, response: &CommandSet, status: Status) -> Response {
    let bytes = response.encode();
    assert!(bytes.len() <= 320, "{} bytes", bytes.len());
    assert!(response.elements().all(|(_, value)| value.len() % 2 == 0 && value.len() <= 64));
    assert_eq!(CommandSet::decode(bytes).as_ref(), Ok(response));
    let read = Response::parse(response).expect("a response");
    assert_eq!(read.status, status);
    assert_eq!(Some(read.message_id_being_responded_to), command.u16(0x0110));
    read
}
