//! How many bytes of answers may wait for clients to read them.

use crate::limits::{ANSWERS_KIB, HEAD_BYTES, SMALL_ANSWER_BYTES};
use crate::problem::Problem;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for the answers that are longer than [`SMALL_ANSWER_BYTES`].
#[derive(Clone)]
pub(super) struct Answers(Arc<Semaphore>);

impl Answers {
    /// Room for [`ANSWERS_KIB`].
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ANSWERS_KIB)))
    }

    /// The same answer, which takes room until its client has read it. 503 in its place if there is none: whoever
    /// waited for it would keep others waiting.
    pub(super) async fn bounded(&self, response: Response) -> Response {
        let most = response.body().size_hint().upper();
        if most.is_some_and(|most| most <= SMALL_ANSWER_BYTES as u64) {
            return response;
        }
        let (head, body) = response.into_parts();
        // It is in memory already.
        let Ok(rest) = to_bytes(body, usize::MAX).await else {
            return Problem::internal().into_response();
        };
        // One that is longer than all the room goes alone.
        let kib = rest.len().div_ceil(1024).min(ANSWERS_KIB);
        let kib = u32::try_from(kib).unwrap_or(u32::MAX);
        match Arc::clone(&self.0).try_acquire_many_owned(kib) {
            Ok(room) => Response::from_parts(head, Body::new(Answer { rest, _room: room })),
            Err(_) => {
                let detail = "other clients do not read their answers; try again";
                Problem::unavailable(detail).into_response()
            }
        }
    }
}

/// The body of an answer. It is given away in parts that are copied, and only as many as are sent, so that this holds
/// the answer, and its room, for as long as it takes memory.
struct Answer {
    rest: Bytes,
    _room: OwnedSemaphorePermit,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(HEAD_BYTES);
        let part = Bytes::copy_from_slice(&self.rest.split_to(length));
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bytes: usize) -> Response {
        vec![b'x'; bytes].into_response()
    }

    #[test]
    fn answers_that_nobody_reads_leave_no_room_for_others_of_their_kind() {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let (answers, half) = (Answers::new(), ANSWERS_KIB / 2 * 1024);
            let first = answers.bounded(answer(half)).await;
            let second = answers.bounded(answer(half)).await;
            assert_eq!(answers.bounded(answer(half)).await.status(), 503);
            assert_eq!(
                answers.bounded(answer(SMALL_ANSWER_BYTES)).await.status(),
                200,
                "health, always"
            );
            drop(first);
            assert_eq!(answers.bounded(answer(half)).await.status(), 200);
            let read = to_bytes(second.into_body(), usize::MAX).await.unwrap();
            assert!(read.len() == half && read.iter().all(|&byte| byte == b'x'));
            let great = answers.bounded(answer(4 * half)).await;
            assert_eq!(great.body().size_hint().exact(), Some(4 * half as u64));
        });
    }
}
