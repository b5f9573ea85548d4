//! Status codes (PS3.7 Annex C, PS3.4 §B.2.3).

use std::fmt;

/// The value of (0000,0900) Status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Status(pub u16);

impl Status {
    /// Success.
    pub const SUCCESS: Status = Status(0x0000);
    /// Failure: processing failure (PS3.7 §C.5.21).
    pub const PROCESSING_FAILURE: Status = Status(0x0110);
    /// Failure: duplicate SOP instance; it is stored already (PS3.7 Annex C).
    pub const DUPLICATE_SOP_INSTANCE: Status = Status(0x0111);
    /// Failure: invalid SOP instance; its UID is invalid (PS3.7 §C.5.12).
    pub const INVALID_SOP_INSTANCE: Status = Status(0x0117);
    /// Refused: SOP class not supported (PS3.7 §C.5.6).
    pub const SOP_CLASS_NOT_SUPPORTED: Status = Status(0x0122);
    /// Refused: not authorized (PS3.7 §C.5.25).
    pub const NOT_AUTHORIZED: Status = Status(0x0124);
    /// Failure: duplicate invocation; the message ID is in use (PS3.7 §C.5.9).
    pub const DUPLICATE_INVOCATION: Status = Status(0x0210);
    /// Failure: unrecognized operation (PS3.7 §C.5.23).
    pub const UNRECOGNIZED_OPERATION: Status = Status(0x0211);
    /// Failure: mistyped argument (PS3.7 §C.5.15).
    pub const MISTYPED_ARGUMENT: Status = Status(0x0212);
    /// Storage, refused: out of resources (PS3.4 §B.2.3).
    pub const OUT_OF_RESOURCES: Status = Status(0xA700);
    /// Storage, error: data set does not match SOP class (PS3.4 §B.2.3).
    pub const DATA_SET_DOES_NOT_MATCH_SOP_CLASS: Status = Status(0xA900);
    /// Storage, error: cannot understand (PS3.4 §B.2.3).
    pub const CANNOT_UNDERSTAND: Status = Status(0xC000);

    /// What the status means, in the words of the standard; of statuses that have no constant here, their type.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Status::SUCCESS => "success",
            Status::PROCESSING_FAILURE => "processing failure",
            Status::DUPLICATE_SOP_INSTANCE => "duplicate SOP instance",
            Status::INVALID_SOP_INSTANCE => "invalid SOP instance",
            Status::SOP_CLASS_NOT_SUPPORTED => "SOP class not supported",
            Status::NOT_AUTHORIZED => "not authorized",
            Status::DUPLICATE_INVOCATION => "duplicate invocation",
            Status::UNRECOGNIZED_OPERATION => "unrecognized operation",
            Status::MISTYPED_ARGUMENT => "mistyped argument",
            Status::OUT_OF_RESOURCES => "out of resources",
            Status::DATA_SET_DOES_NOT_MATCH_SOP_CLASS => "data set does not match SOP class",
            Status::CANNOT_UNDERSTAND => "cannot understand",
            other => match other.kind() {
                StatusKind::Success => "success",
                StatusKind::Warning => "warning",
                StatusKind::Failure => "failure",
                StatusKind::Cancel => "cancel",
                StatusKind::Pending => "pending",
            },
        }
    }

    /// The type of the status (PS3.7 §C.1 to §C.5).
    #[must_use]
    pub fn kind(self) -> StatusKind {
        match self.0 {
            0x0000 => StatusKind::Success,
            0x0001 | 0x0107 | 0x0116 | 0xB000..=0xBFFF => StatusKind::Warning,
            0xFE00 => StatusKind::Cancel,
            0xFF00 | 0xFF01 => StatusKind::Pending,
            _ => StatusKind::Failure,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}H", self.0)
    }
}

/// The type of a status: what it means for the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusKind {
    /// Done.
    Success,
    /// Done, with a remark.
    Warning,
    /// Not done.
    Failure,
    /// Ended by C-CANCEL.
    Cancel,
    /// More responses follow.
    Pending,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_annex_c() {
        for (code, kind) in [
            (0x0000, StatusKind::Success),
            (0xB000, StatusKind::Warning),
            (0xB007, StatusKind::Warning),
            (0x0116, StatusKind::Warning),
            (0xFE00, StatusKind::Cancel),
            (0xFF01, StatusKind::Pending),
            (0xA700, StatusKind::Failure),
            (0xC000, StatusKind::Failure),
            (0x0211, StatusKind::Failure),
        ] {
            assert_eq!(Status(code).kind(), kind, "{code:04X}");
        }
        assert_eq!(Status::UNRECOGNIZED_OPERATION.to_string(), "0211H");
        assert_eq!(Status::OUT_OF_RESOURCES.meaning(), "out of resources");
        assert_eq!((Status(0xA701).meaning(), Status(0xB007).meaning()), ("failure", "warning"));
    }
}
