//! The forms of requests and answers that resources share: query parameters, texts, bodies, times, media types.

pub(super) mod body;
pub(super) mod negotiation;
pub(super) mod query;
pub(super) mod text;
pub(super) mod time;
