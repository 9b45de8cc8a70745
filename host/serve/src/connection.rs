//! State shared by the requests of a connection.

use crate::maps::SharedSlot;
use hyper::http::uri::Scheme;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The ends of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    /// Whether the connection uses TLS.
    pub(crate) tls: bool,
}

/// State shared by the requests of a connection: the addresses of both ends, whether it uses TLS
/// and, if the scope is [`MapScope::Connection`](crate::MapScope::Connection), a map, which is
/// dropped together with this value.
pub struct Connection {
    peer: SocketAddr,
    local: SocketAddr,
    tls: bool,
    map: SharedSlot,
    /// The permits of its guests, if their number is limited.
    guests: Option<Arc<Semaphore>>,
}

impl Connection {
    /// Creates the state of a connection from a client at `peer` to the server's address `local`.
    /// See [`Handler::handle`](crate::Handler::handle) for an example.
    pub fn new(peer: SocketAddr, local: SocketAddr) -> Self {
        Self::of(Ends {
            peer,
            local,
            tls: false,
        })
    }

    /// Creates the state of a connection of this server.
    pub(crate) fn of(ends: Ends) -> Self {
        Self {
            peer: ends.peer,
            local: ends.local,
            tls: ends.tls,
            map: SharedSlot::default(),
            guests: None,
        }
    }

    /// Sets whether the connection uses TLS. The scheme that guests see is then `https`, whatever
    /// the client sends. Default: `false`, and guests see the scheme of the target, or `http`.
    ///
    /// ```
    /// let (peer, local) = (([127, 0, 0, 1], 50_000).into(), ([127, 0, 0, 1], 443).into());
    /// let connection = localmap_serve::Connection::new(peer, local).tls(true);
    /// # assert_eq!(connection.local(), local);
    /// ```
    pub fn tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// Sets the maximum number of its guests that run at a time. Further requests wait.
    pub(crate) fn max_guests(mut self, max: u32) -> Self {
        self.guests = Some(Arc::new(Semaphore::new(max as usize)));
        self
    }

    /// Returns the address of the client.
    ///
    /// ```
    /// let (peer, local) = (([127, 0, 0, 1], 50_000).into(), ([127, 0, 0, 1], 80).into());
    /// let connection = localmap_serve::Connection::new(peer, local);
    /// assert_eq!((connection.peer(), connection.local()), (peer, local));
    /// ```
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Returns the address of the server that the client has connected to. See
    /// [`peer`](Self::peer) for an example.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Returns the scheme of a request whose target has this one, if any.
    pub(crate) fn scheme(&self, target: Option<Scheme>) -> Option<Scheme> {
        match self.tls {
            true => Some(Scheme::HTTPS),
            false => target,
        }
    }

    /// Waits for a permit for a guest. Returns `None` if their number is not limited.
    pub(crate) async fn admit(&self) -> Option<OwnedSemaphorePermit> {
        let guests = Arc::clone(self.guests.as_ref()?);
        // The semaphore is never closed.
        guests.acquire_owned().await.ok()
    }

    pub(crate) fn map(&self) -> &SharedSlot {
        &self.map
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.peer)
            .field("local", &self.local)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}
