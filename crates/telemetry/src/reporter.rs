//! Audit messages and traces together: what an observer tells both of.

use crate::audit::{Audit, AuditIdentity};
use crate::error::Error;
use crate::limits::LAST_MESSAGES_PATIENCE;
use crate::settings::{AuditSettings, TraceSettings};
#[cfg(feature = "traces")]
use crate::traces::Traces;
use receiver::{Answered, Peer, Refused, StoredObject, Summary};
use std::sync::Arc;
use std::time::Instant;

/// Tells other machines what the receiver does, as far as its settings say.
///
/// The methods are those of a receiver's observer, and are called where it is; none of them waits.
#[derive(Debug)]
pub struct Telemetry {
    audit: Option<Audit>,
    #[cfg(feature = "traces")]
    traces: Option<Traces>,
}

impl Telemetry {
    /// Starts what the settings say, with a thread each; `None` if that is nothing.
    ///
    /// # Errors
    /// Settings cannot be used; a thread cannot be started; traces are wanted and not compiled in.
    pub fn start(
        audit: Option<&AuditSettings>,
        traces: Option<&TraceSettings>,
        identity: AuditIdentity,
    ) -> Result<Option<Arc<Self>>, Error> {
        if audit.is_none() && traces.is_none() {
            return Ok(None);
        }
        #[cfg(not(feature = "traces"))]
        if traces.is_some() {
            return Err(Error::NoTraces);
        }
        #[cfg(feature = "traces")]
        let traces =
            traces.map(|settings| Traces::start(settings, &identity.version)).transpose()?;
        let audit = audit.map(|settings| Audit::start(settings, identity)).transpose()?;
        Ok(Some(Arc::new(Self {
            audit,
            #[cfg(feature = "traces")]
            traces,
        })))
    }

    /// How many threads these settings take.
    #[must_use]
    pub fn threads(audit: Option<&AuditSettings>, traces: Option<&TraceSettings>) -> usize {
        usize::from(audit.is_some()) + usize::from(traces.is_some())
    }

    /// What reports to the audit trail, for events that no observer is told of; `None` if nothing does.
    #[must_use]
    pub fn audit(&self) -> Option<&Audit> {
        self.audit.as_ref()
    }

    /// Trace spans that were dropped since the start, since too many waited or since they could not be sent at all.
    #[must_use]
    pub fn dropped_spans(&self) -> u64 {
        #[cfg(feature = "traces")]
        return self.traces.as_ref().map_or(0, Traces::dropped);
        #[cfg(not(feature = "traces"))]
        0
    }

    /// The receiver listens.
    pub fn serving(&self) {
        if let Some(audit) = &self.audit {
            audit.serving();
        }
    }

    /// An association is accepted.
    pub fn association_accepted(&self, peer: &Peer) {
        #[cfg(feature = "traces")]
        if let Some(traces) = &self.traces {
            traces.association_accepted(peer);
        }
        #[cfg(not(feature = "traces"))]
        let _ = peer;
    }

    /// An object is stored.
    pub fn stored(&self, object: &StoredObject<'_>) {
        if let Some(audit) = &self.audit {
            audit.stored(object);
        }
        #[cfg(feature = "traces")]
        if let Some(traces) = &self.traces {
            traces.stored(object);
        }
    }

    /// An object was answered.
    pub fn answered(&self, answered: &Answered<'_>) {
        #[cfg(feature = "traces")]
        if let Some(traces) = &self.traces {
            traces.answered(answered);
        }
        #[cfg(not(feature = "traces"))]
        let _ = answered;
    }

    /// Something was refused.
    pub fn refused(&self, refused: &Refused<'_>) {
        if let Some(audit) = &self.audit {
            audit.refused(refused);
        }
        #[cfg(feature = "traces")]
        if let Some(traces) = &self.traces {
            traces.refused(refused);
        }
    }

    /// An association has ended.
    pub fn association_ended(&self, summary: &Summary) {
        if let Some(audit) = &self.audit {
            audit.association_ended(summary);
        }
        #[cfg(feature = "traces")]
        if let Some(traces) = &self.traces {
            traces.association_ended(summary);
        }
    }

    /// The program ends: sends what waits, for at most [`LAST_MESSAGES_PATIENCE`].
    pub fn stop(&self) {
        let deadline = Instant::now() + LAST_MESSAGES_PATIENCE;
        if let Some(audit) = &self.audit {
            audit.stop(deadline);
        }
        #[cfg(feature = "traces")]
        if let Some(traces) = &self.traces {
            traces.stop(deadline);
        }
    }
}
