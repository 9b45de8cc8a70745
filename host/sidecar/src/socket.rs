//! The socket: who may use it from its first moment, one server at a time, and no file of others.

mod error;
mod file;
mod new_socket;

pub use error::SocketError;

use error::MAX_PATH_LEN;
use file::{FileId, exists, file_id, io_error, with_ending};
use new_socket::NewSocket;
use rustix::fs::OFlags;
use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// A Unix socket that a sidecar listens on. Dropping it closes and removes it.
///
/// - It has its mode before clients can connect, whatever the umask is.
/// - The lock on a file next to it, with `.lock` at the end of its name, decides which of several
///   processes serves it. The file stays.
/// - A socket on which nobody listens any more, such as that of a process that was killed, is replaced.
///   At no moment is there none.
/// - Anything else of that name is an error, and stays.
/// - It is removed at the end only if it is still the same file.
///
/// The folder must exist, and only users that are trusted should be able to write to it. To give other
/// containers access, share the folder and not the socket: a new process has a new socket.
///
/// ```
/// use localmap_sidecar::Socket;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = std::env::temp_dir().join(format!("localmap-socket-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let path = folder.join("map.sock");
/// let socket = Socket::bind(&path, 0o600)?;
/// assert!(Socket::bind(&path, 0o600).is_err());
/// drop(socket);
/// assert!(!path.exists());
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok(())
/// # }
/// ```
pub struct Socket {
    listener: UnixListener,
    /// The absolute path, so that it does not depend on the current folder.
    path: PathBuf,
    id: FileId,
    /// Unlocked when it is closed, after the socket was removed.
    _lock: File,
}

impl Socket {
    /// Listens on a socket with this path and this mode, such as 0o600 or 0o660. Bits other than those
    /// of permissions are ignored. See [`Socket`] for an example.
    ///
    /// # Errors
    ///
    /// - Returns [`SocketError::PathTooLong`] if the path has more than 107 bytes, and
    ///   [`SocketError::NoName`] if it ends in no name.
    /// - Returns [`SocketError::Served`] or [`SocketError::InUse`] if another process listens there.
    /// - Returns [`SocketError::NotASocket`] if there is something that is no socket.
    /// - Returns [`SocketError::NoFolder`] if its folder does not exist.
    /// - Returns [`SocketError::Io`] if the operating system does not allow it.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime.
    pub fn bind(path: &Path, mode: u32) -> Result<Self, SocketError> {
        let len = path.as_os_str().len();
        if len > MAX_PATH_LEN {
            return Err(SocketError::PathTooLong { len });
        }
        let ends_in_name =
            path.file_name().is_some() && !path.as_os_str().as_bytes().ends_with(b"/");
        if !ends_in_name {
            let path = path.to_owned();
            return Err(SocketError::NoName { path });
        }
        let absolute = std::path::absolute(path).map_err(io_error("find", path))?;
        let lock = lock(path)?;
        if exists(path)? && is_listened_on(path)? {
            let path = path.to_owned();
            return Err(SocketError::InUse { path });
        }
        let new = NewSocket::bind(path, mode & 0o777)?;
        let id = new.id();
        Ok(Self {
            listener: new.rename(path)?,
            path: absolute,
            id,
            _lock: lock,
        })
    }

    /// Returns the absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn listener(&self) -> &UnixListener {
        &self.listener
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if file_id(&self.path).is_ok_and(|id| id == self.id) {
            // If it stays, the next process replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Locks the file next to a socket.
fn lock(socket: &Path) -> Result<File, SocketError> {
    let path = with_ending(socket, ".lock");
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        // Neither follows a link nor waits for the other end of a pipe.
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(&path)
        .map_err(|error| match socket.parent() {
            // Not so in /proc, where nothing can be created either.
            Some(folder) if error.kind() == ErrorKind::NotFound && !folder.exists() => {
                SocketError::NoFolder {
                    path: socket.to_owned(),
                }
            }
            _ => io_error("open", &path)(error),
        })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SocketError::Served {
            path: socket.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(io_error("lock", &path)(error)),
    }
}

/// Returns `true` if a process listens on a socket.
fn is_listened_on(path: &Path) -> Result<bool, SocketError> {
    let connected = SocketAddrUnix::new(path).and_then(|address| {
        let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
        // If a process listens, but accepts nothing.
        ioctl_fionbio(&socket, true)?;
        rustix::net::connect(&socket, &address)
    });
    match connected {
        // A socket of another type is in use, too.
        Ok(()) | Err(Errno::AGAIN | Errno::INPROGRESS | Errno::PROTOTYPE) => Ok(true),
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(false),
        Err(error) => Err(io_error("connect to", path)(error.into())),
    }
}

#[cfg(test)]
mod tests;
