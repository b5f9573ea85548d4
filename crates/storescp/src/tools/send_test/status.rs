//! Statuses in words (PS3.7 Annex C, PS3.4 §B.2.3).

use requestor::Status;

/// What a status of a C-ECHO-RSP or a C-STORE-RSP means.
pub(super) fn name(status: Status) -> &'static str {
    match status.0 {
        0x0000 => "success",
        0x0110 => "processing failure",
        0x0111 => "duplicate SOP instance",
        0x0117 => "invalid SOP instance",
        0x0119 => "class-instance conflict",
        0x0122 => "SOP class not supported",
        0x0124 => "not authorized",
        0x0210 => "duplicate invocation",
        0x0211 => "unrecognized operation",
        0x0212 => "mistyped argument",
        0x0213 => "resource limitation",
        0xA700..=0xA7FF => "out of resources",
        0xA900..=0xA9FF => "data set does not match SOP class",
        0xB000 => "coercion of data elements",
        0xB006 => "elements discarded",
        0xB007 => "data set does not match SOP class, but is stored",
        0xB001..=0xB005 | 0xB008..=0xBFFF => "a warning",
        0xC000..=0xCFFF => "cannot understand",
        _ => "a status that the standard does not name",
    }
}
