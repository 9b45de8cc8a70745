//! State shared by the requests of a connection.

use crate::delivery::Delivery;
use crate::maps::SharedSlot;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// State shared by the requests of a connection: the addresses of both ends and, if the scope is
/// [`MapScope::Connection`](crate::MapScope::Connection), a map, which is dropped together with
/// this value.
pub struct Connection {
    peer: SocketAddr,
    local: SocketAddr,
    map: SharedSlot,
    delivery: Option<Arc<Delivery>>,
}

impl Connection {
    /// Creates the state of a connection from a client at `peer` to the server's address `local`.
    /// See [`Handler::handle`](crate::Handler::handle) for an example.
    pub fn new(peer: SocketAddr, local: SocketAddr) -> Self {
        Self {
            peer,
            local,
            map: SharedSlot::default(),
            delivery: None,
        }
    }

    /// Sets what reports how much of each response has been sent.
    pub(crate) fn delivered_by(mut self, delivery: Arc<Delivery>) -> Self {
        self.delivery = Some(delivery);
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

    pub(crate) fn delivery(&self) -> Option<&Arc<Delivery>> {
        self.delivery.as_ref()
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
            .finish_non_exhaustive()
    }
}
