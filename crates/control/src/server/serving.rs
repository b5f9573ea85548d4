//! One connection, from its first byte to its end.

use super::connections::{Activity, Place};
use crate::access::{Connection, InForce};
use crate::limits::{
    CONNECTION_LIFETIME, HANDSHAKE_TIMEOUT, HEAD_BYTES, HEAD_FIELDS, HEAD_TIMEOUT,
    LAST_ANSWER_TIMEOUT,
};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::ServiceExt;

/// Serves a connection to its end, encrypted as it is in force when it begins.
pub(super) async fn serve(
    stream: TcpStream,
    connection: Connection,
    place: Place,
    app: Router,
    in_force: Arc<InForce>,
) {
    let activity = place.activity();
    match &in_force.tls {
        None => requests(stream, connection, activity, app).await,
        Some(tls) => match timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
            Ok(Ok(stream)) => requests(stream, connection, activity, app).await,
            Ok(Err(reason)) => {
                tracing::debug!("HTTP: no TLS with {}: {reason}", connection.peer.ip());
            }
            Err(_) => tracing::debug!("HTTP: no TLS handshake of {} in time", connection.peer.ip()),
        },
    }
    drop(place);
}

/// Answers the requests of a connection, one after the other.
async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: Connection,
    activity: Activity,
    app: Router,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(connection);
        request.extensions_mut().insert(activity.clone());
        app.clone().oneshot(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEAD_FIELDS)
        .half_close(false);
    let mut served = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = match timeout(CONNECTION_LIFETIME, served.as_mut()).await {
        Ok(ended) => ended,
        Err(_) => {
            served.as_mut().graceful_shutdown();
            timeout(LAST_ANSWER_TIMEOUT, served).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!("HTTP: connection of {} ended: {error}", connection.peer.ip());
    }
}
