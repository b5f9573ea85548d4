//! The loop that accepts connections.

use super::connections::Connections;
use super::serving;
use crate::access::{Connection, Protection};
use crate::limits::ACCEPT_PAUSE;
use axum::Router;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// One address that is listened on.
pub(super) struct Listening {
    pub(super) address: SocketAddr,
    pub(super) connections: Arc<Connections>,
    pub(super) app: Router,
    pub(super) protection: Arc<Protection>,
}

impl Listening {
    /// Accepts connections until its task is aborted.
    pub(super) async fn accept(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.serve(stream, peer).await,
                Err(error) => {
                    tracing::debug!("HTTP: cannot accept a connection: {error}");
                    // Too few descriptors, mostly.
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Serves it in a task of its own, if there is room.
    async fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let Ok(local) = stream.local_addr() else { return };
        let Some(place) = self.connections.place().await else {
            tracing::debug!(
                "HTTP: closed a connection of {peer}: all others have requests in progress"
            );
            return;
        };
        let _ = stream.set_nodelay(true);
        let in_force = self.protection.in_force();
        let is_encrypted = in_force.tls.is_some();
        let connection = Connection { peer, local, listening: self.address, is_encrypted };
        let activity = place.activity();
        let serve = serving::serve(stream, connection, place, self.app.clone(), in_force);
        activity.served_by(tokio::spawn(serve).abort_handle());
    }
}
