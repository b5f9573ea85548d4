//! What PostgreSQL's errors mean.

use crate::Error;
use tokio_postgres::error::SqlState;

/// An error of the server, or of the connection to it. Only the server's message is told: its details quote values.
pub(super) fn explain(error: &tokio_postgres::Error) -> Error {
    let Some(said) = error.as_db_error() else {
        let source = std::error::Error::source(error);
        let why = source.map(|source| format!(": {source}")).unwrap_or_default();
        return Error::Unavailable(format!("{error}{why}"));
    };
    let text = format!("{} ({})", said.message(), said.code().code());
    let code = said.code();
    if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED {
        return Error::Damaged { path: None, reason: text };
    }
    // Classes of errors, see Appendix A of PostgreSQL's manual.
    const LATER: [&str; 8] = ["08", "25", "28", "3D", "40", "53", "55", "57"];
    if code.code().get(..2).is_some_and(|class| LATER.contains(&class)) {
        return Error::Unavailable(text);
    }
    Error::Statement(text)
}

/// Whether another transaction got in the way, so that the same can be tried again at once.
pub(super) fn is_conflict(error: &tokio_postgres::Error) -> bool {
    let conflicts = [
        &SqlState::T_R_SERIALIZATION_FAILURE,
        &SqlState::T_R_DEADLOCK_DETECTED,
        &SqlState::UNIQUE_VIOLATION,
    ];
    error.code().is_some_and(|code| conflicts.contains(&code))
}
