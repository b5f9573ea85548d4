//! One HTTP client of one session: it runs only while the session's thread waits for it.

use super::answer::Answer;
use super::tls::Tls;
use crate::Stop;
use crate::limits::{ANSWER_BODY_BYTES, ANSWER_HEADERS, CONNECT_TIMEOUT};
use reqwest::redirect::Policy;
use reqwest::{Request, Response};
use std::error::Error as _;
use std::pin::pin;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout, timeout_at};

/// A client with at most one connection that is kept.
pub(super) struct Client {
    http: reqwest::Client,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    timeout: Duration,
}

/// What became of a request.
pub(super) enum Posted {
    /// It was answered.
    Answer(Answer),
    /// There is no connection, or no answer in time.
    Unreachable(String),
    /// What came is no answer.
    Failed(String),
    /// It was told to stop.
    Stopped,
}

/// How soon it is noticed that it is to stop.
const LOOK: Duration = Duration::from_millis(100);

/// How long an answer may still take once it is to stop: one that comes saves a repeat.
const GRACE: Duration = Duration::from_secs(2);

/// How long the body of an answer may take, once its head is there.
const BODY_TIME: Duration = Duration::from_secs(2);

impl Client {
    /// Connects to nothing yet. A request may take `timeout` in all.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn new(tls: &Tls, timeout: Duration) -> Result<Self, String> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| platform::reason(&error))?;
        let builder = reqwest::Client::builder()
            .http1_only()
            .http1_max_headers(ANSWER_HEADERS)
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .tcp_nodelay(true)
            .pool_max_idle_per_host(1)
            .connect_timeout(timeout.min(CONNECT_TIMEOUT));
        let http = tls.apply(builder).build().map_err(|error| why(&error))?;
        Ok(Self { http, runtime: Some(runtime), timeout })
    }

    /// Sends a request and waits for its answer.
    pub(super) fn post(&self, request: Request, stop: &Stop) -> Posted {
        let Some(runtime) = &self.runtime else { return Posted::Stopped };
        runtime.block_on(async {
            notice_what_came().await;
            let mut exchange = pin!(self.exchange(request));
            let mut given_up = None;
            loop {
                if let Ok(posted) = timeout(LOOK, exchange.as_mut()).await {
                    return posted;
                }
                if stop.is_set()
                    && Instant::now() >= *given_up.get_or_insert_with(|| Instant::now() + GRACE)
                {
                    return Posted::Stopped;
                }
            }
        })
    }

    /// Notices whether the server has closed the connection.
    pub(super) fn look(&self) {
        if let Some(runtime) = &self.runtime {
            runtime.block_on(notice_what_came());
        }
    }

    async fn exchange(&self, request: Request) -> Posted {
        let deadline = Instant::now() + self.timeout;
        match timeout_at(deadline, self.http.execute(request)).await {
            Err(_) => {
                Posted::Unreachable(format!("no answer within {} s", self.timeout.as_secs_f32()))
            }
            Ok(Err(error)) if error.is_connect() || error.is_timeout() => {
                Posted::Unreachable(format!("cannot connect: {}", why(&error)))
            }
            Ok(Err(error)) => Posted::Failed(format!("no valid answer: {}", why(&error))),
            Ok(Ok(mut response)) => {
                let mut body = Vec::new();
                let until = deadline.min(Instant::now() + BODY_TIME);
                // The head has said what became of the request. Without the end of the body, the connection is closed.
                let _ = timeout_at(until, read_body(&mut response, &mut body)).await;
                Posted::Answer(Answer::new(response.status(), response.headers(), body))
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Looking up a name may still be under way in a thread of its own.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lets the connection's task see what came, or that it was closed, while nobody waited for it.
async fn notice_what_came() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

/// Reads the body, as much as is of use.
async fn read_body(response: &mut Response, body: &mut Vec<u8>) {
    while body.len() < ANSWER_BODY_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let most = chunk.len().min(ANSWER_BODY_BYTES - body.len());
                body.extend_from_slice(&chunk[..most]);
            }
            Ok(None) | Err(_) => return,
        }
    }
}

/// Why there is no answer, in words for people: where it began, without the URL.
fn why(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut next = error.source();
    while let Some(cause) = next {
        text = cause.to_string();
        if let Some((_, refused)) = text.split_once("certificate verify failed") {
            let reason = refused.rsplit_once('(').map_or("", |(_, reason)| reason);
            return format!("its certificate is refused: {}", reason.trim_end_matches(')'));
        }
        next = cause.source();
    }
    if text.is_empty() {
        text = "the request cannot be made".to_owned();
    }
    text.find(" (os error ").map_or(text.clone(), |end| text[..end].to_owned())
}
