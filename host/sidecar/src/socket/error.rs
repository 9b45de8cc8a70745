//! Why a socket cannot be served.

use std::io;
use std::path::PathBuf;

/// The maximum length of the path of a Unix socket in bytes.
pub(super) const MAX_PATH_LEN: usize = 107;

/// The error returned by [`Socket::bind`](crate::Socket::bind).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// The path is longer than the operating system allows.
    #[error(
        "the path of the socket has {len} bytes, and {MAX_PATH_LEN} is the maximum: use a shorter one"
    )]
    #[non_exhaustive]
    PathTooLong {
        /// The length, in bytes.
        len: usize,
    },
    /// The path ends in no name of a file.
    #[error("`{}` names no file: add the name of the socket", path.display())]
    #[non_exhaustive]
    NoName {
        /// The path.
        path: PathBuf,
    },
    /// The folder of the socket does not exist.
    #[error("the folder of `{}` does not exist: create it, or mount a volume there", path.display())]
    #[non_exhaustive]
    NoFolder {
        /// The path of the socket.
        path: PathBuf,
    },
    /// Another sidecar has locked the socket.
    #[error("another process serves `{}`: stop it, or choose another path", path.display())]
    #[non_exhaustive]
    Served {
        /// The path.
        path: PathBuf,
    },
    /// A program that does not lock its socket listens there.
    #[error("another program listens on `{}`: stop it, or choose another path", path.display())]
    #[non_exhaustive]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// There is something that is no socket. It was not touched.
    #[error("`{}` exists and is no socket: remove it, or choose another path", path.display())]
    #[non_exhaustive]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// A call to the operating system has failed.
    #[error("cannot {doing} `{}`", path.display())]
    #[non_exhaustive]
    Io {
        /// What was to be done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}
