//! What all requests share.

use crate::limits::{PULSE_TIMEOUT, QUESTION_TIMEOUT, QUESTIONS_AT_ONCE};
use crate::monitor::Monitor;
use crate::problem::Problem;
use crate::program::Program;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// What all requests share; cheap to clone.
#[derive(Clone)]
pub(crate) struct State {
    /// What the associations told.
    pub(crate) monitor: Arc<Monitor>,
    /// What the program knows. For what may block, [`ask`](Self::ask).
    pub(crate) program: Arc<dyn Program>,
    questions: Arc<Semaphore>,
    pulses: Arc<Semaphore>,
}

impl State {
    /// For one control plane.
    pub(crate) fn new(monitor: Arc<Monitor>, program: Arc<dyn Program>) -> Self {
        let questions = Arc::new(Semaphore::new(QUESTIONS_AT_ONCE));
        Self { monitor, program, questions, pulses: Arc::new(Semaphore::new(1)) }
    }

    /// Asks the program something in a thread that may block: `statvfs` of a lost server, a reload. At most
    /// [`QUESTIONS_AT_ONCE`] run at a time.
    ///
    /// # Errors
    /// 503 if there is no answer within [`QUESTION_TIMEOUT`]; the question then goes on.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Program) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        self.ask_within(QUESTION_TIMEOUT, &self.questions, question).await
    }

    /// Whether connections are accepted. Questions that hang hold this one up no more than an association.
    ///
    /// # Errors
    /// 503 if there is no answer within [`PULSE_TIMEOUT`].
    pub(crate) async fn is_accepting(&self) -> Result<bool, Problem> {
        self.ask_within(PULSE_TIMEOUT, &self.pulses, |program| program.is_accepting()).await
    }

    async fn ask_within<T: Send + 'static>(
        &self,
        time: Duration,
        lane: &Arc<Semaphore>,
        question: impl FnOnce(&dyn Program) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let (program, lane) = (Arc::clone(&self.program), Arc::clone(lane));
        let answered = timeout(time, async move {
            let permit = lane.acquire_owned().await.ok();
            let ask = move || {
                // Given back when the question is answered, not when nobody waits for it any more.
                let _permit = permit;
                question(&*program)
            };
            tokio::task::spawn_blocking(ask).await
        });
        match answered.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(Problem::internal()),
            Err(_) => {
                let seconds = time.as_secs();
                Err(Problem::unavailable(format!(
                    "the program has not answered within {seconds} s"
                )))
            }
        }
    }
}
