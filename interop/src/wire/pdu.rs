//! Encodes and decodes protocol data units (PS3.8 §9.3).

use std::io::{self, Read};

use super::Accept;

/// What the receiver sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A-ASSOCIATE-AC.
    Accept(Accept),
    /// A-ASSOCIATE-RJ: result, source, reason.
    Reject(u8, u8, u8),
    /// P-DATA-TF.
    Data(Vec<Pdv>),
    /// A-RELEASE-RQ.
    ReleaseRequest,
    /// A-RELEASE-RP.
    ReleaseReply,
    /// A-ABORT: source, reason.
    Abort(u8, u8),
    /// Any other PDU: type and content.
    Other(u8, Vec<u8>),
    /// The connection was closed or reset.
    Closed,
    /// Nothing arrived within the time limit.
    Silence,
}

/// A presentation data value (PS3.8 §9.3.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdv {
    /// Presentation context ID.
    pub context: u8,
    /// True if it belongs to a command set, false if to a data set.
    pub command: bool,
    /// True if it is the last fragment of its command or data set.
    pub last: bool,
    /// The fragment.
    pub data: Vec<u8>,
}

impl Pdv {
    /// A fragment of a data set.
    #[must_use]
    pub fn data(context: u8, last: bool, data: &[u8]) -> Self {
        Self { context, command: false, last, data: data.to_vec() }
    }

    /// A fragment of a command set.
    #[must_use]
    pub fn command(context: u8, last: bool, data: &[u8]) -> Self {
        Self { context, command: true, last, data: data.to_vec() }
    }
}

/// A PDU of any type: type, reserved byte, length, content.
#[must_use]
pub fn pdu(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("a PDU below 4 GiB");
    [&[kind, 0][..], &length.to_be_bytes(), content].concat()
}

/// Encodes these fragments as one P-DATA-TF PDU.
#[must_use]
pub fn data_pdu(pdvs: &[Pdv]) -> Vec<u8> {
    let mut content = Vec::new();
    for pdv in pdvs {
        let length = u32::try_from(pdv.data.len() + 2).expect("a PDV below 4 GiB");
        content.extend(length.to_be_bytes());
        content.push(pdv.context);
        content.push(u8::from(pdv.command) | u8::from(pdv.last) << 1);
        content.extend(&pdv.data);
    }
    pdu(0x04, &content)
}

/// Decodes the fragments of a P-DATA-TF PDU's content.
///
/// # Panics
/// If the lengths do not add up.
#[must_use]
pub fn read_pdvs(mut content: &[u8]) -> Vec<Pdv> {
    let mut pdvs = Vec::new();
    while !content.is_empty() {
        let (length, rest) = content.split_first_chunk().expect("a PDV length");
        let (item, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        let (context, control) = (item[0], item[1]);
        pdvs.push(Pdv {
            context,
            command: control & 1 != 0,
            last: control & 2 != 0,
            data: item[2..].to_vec(),
        });
        content = rest;
    }
    pdvs
}

/// Reads one PDU from the receiver.
///
/// # Panics
/// If it is malformed, since the receiver must never send such a PDU.
pub fn read_answer(stream: &mut impl Read) -> Answer {
    let mut header = [0; 6];
    if let Err(error) = stream.read_exact(&mut header) {
        return match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Answer::Silence,
            _ => Answer::Closed,
        };
    }
    let [kind, _, length @ ..] = header;
    let length = u32::from_be_bytes(length) as usize;
    assert!(length <= 1 << 20, "a PDU of {length} bytes from the receiver");
    let mut content = vec![0; length];
    if let Err(error) = stream.read_exact(&mut content) {
        panic!("a PDU of type {kind} and {length} bytes was cut short: {error}");
    }
    match (kind, content.as_slice()) {
        (0x02, content) => Answer::Accept(Accept::parse(content)),
        (0x03, &[_, result, source, reason]) => Answer::Reject(result, source, reason),
        (0x04, content) => Answer::Data(read_pdvs(content)),
        (0x05, [_, _, _, _]) => Answer::ReleaseRequest,
        (0x06, [_, _, _, _]) => Answer::ReleaseReply,
        (0x07, &[_, _, source, reason]) => Answer::Abort(source, reason),
        _ => Answer::Other(kind, content),
    }
}
