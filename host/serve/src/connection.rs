//! What the requests of a connection share.

use crate::maps::SharedSlot;
use std::fmt;
use std::net::SocketAddr;

/// What the requests of a connection share: the addresses of both ends, and a map if the scope
/// is [`MapScope::Connection`](crate::MapScope::Connection), which ends with this.
pub struct Connection {
    peer: SocketAddr,
    local: SocketAddr,
    map: SharedSlot,
}

impl Connection {
    /// Creates the state of a connection from a client at `peer` to our address `local`. The
    /// example of [`Handler::handle`](crate::Handler::handle) shows it.
    pub fn new(peer: SocketAddr, local: SocketAddr) -> Self {
        Self {
            peer,
            local,
            map: SharedSlot::default(),
        }
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

    /// Returns our address, which the client has connected to. The example of [`peer`](Self::peer)
    /// shows it.
    pub fn local(&self) -> SocketAddr {
        self.local
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
