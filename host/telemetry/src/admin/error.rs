//! Why an admin address cannot be served.

use std::io;
use std::path::PathBuf;

/// The error returned by [`AdminServer::bind`](crate::AdminServer::bind).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// Something else listens there, or the operating system does not allow it.
    #[error("cannot listen on the admin address {address}")]
    #[non_exhaustive]
    Listen {
        /// The address.
        address: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Another process serves the socket.
    #[error("another process listens on `{}`: stop it, or choose another path", path.display())]
    #[non_exhaustive]
    InUse {
        /// The path of the socket.
        path: PathBuf,
    },
    /// There is something that is no socket. It was not touched.
    #[error("`{}` exists and is no socket: remove it, or choose another path", path.display())]
    #[non_exhaustive]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// There is no thread for the server.
    #[error("cannot start the thread of the admin address")]
    #[non_exhaustive]
    Thread {
        /// The error of the operating system.
        source: io::Error,
    },
}
