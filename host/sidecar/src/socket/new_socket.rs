//! A socket under a temporary name, until clients may connect to it.

use super::error::{MAX_PATH_LEN, SocketError};
use super::file::{FileId, exists, file_id, io_error, with_ending};
use rustix::fs::{Mode, fchmod};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use std::fs::{self, File, Permissions};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// The maximum number of connections that wait to be accepted.
const BACKLOG: i32 = 1_024;

/// A socket that nobody can connect to yet. Dropping it removes it.
pub(super) struct NewSocket {
    fd: OwnedFd,
    id: FileId,
    file: TemporaryFile,
}

/// Removed when it is dropped.
struct TemporaryFile(PathBuf);

impl NewSocket {
    /// Creates the socket that will have this path and this mode.
    pub(super) fn bind(path: &Path, mode: u32) -> Result<Self, SocketError> {
        let (temporary, address, _folder) = names(path)?;
        // That of a process that ended before it renamed its own. The caller has the lock.
        if exists(&temporary)? {
            fs::remove_file(&temporary).map_err(io_error("remove", &temporary))?;
        }
        let failed = io_error("create", &temporary);
        let create = || {
            let fd = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
            fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
            // The file gets the mode of the socket where the system has one for it, as Linux does, less
            // the umask. So it is never more open than it will be.
            let _ = fchmod(&fd, Mode::from_raw_mode(mode));
            rustix::net::bind(&fd, &SocketAddrUnix::new(&address)?)?;
            Ok(fd)
        };
        let fd = create().map_err(|error: rustix::io::Errno| failed(error.into()))?;
        let file = TemporaryFile(temporary);
        let found = fs::symlink_metadata(&file.0).map_err(&failed)?;
        if found.mode() & 0o777 != mode {
            fs::set_permissions(&file.0, Permissions::from_mode(mode)).map_err(&failed)?;
        }
        let id = file_id(&file.0).map_err(&failed)?;
        Ok(Self { fd, id, file })
    }

    pub(super) fn id(&self) -> FileId {
        self.id
    }

    /// Listens, and gives the socket its name, in place of the one that has it.
    pub(super) fn rename(self, path: &Path) -> Result<UnixListener, SocketError> {
        let failed = io_error("listen on", path);
        rustix::net::listen(&self.fd, BACKLOG).map_err(|error| failed(error.into()))?;
        let listener = std::os::unix::net::UnixListener::from(self.fd);
        listener.set_nonblocking(true).map_err(&failed)?;
        let listener = UnixListener::from_std(listener).map_err(&failed)?;
        fs::rename(&self.file.0, path).map_err(&failed)?;
        std::mem::forget(self.file);
        Ok(listener)
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // If it stays, the next process removes it.
        let _ = fs::remove_file(&self.0);
    }
}

/// Returns the path of the temporary file, and the address to bind, which leads to the same file but
/// may have to be shorter. It is valid as long as the folder is open.
fn names(path: &Path) -> Result<(PathBuf, PathBuf, Option<File>), SocketError> {
    let temporary = with_ending(path, ".new");
    if temporary.as_os_str().len() <= MAX_PATH_LEN {
        return Ok((temporary.clone(), temporary, None));
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let name = format!(".{}.new", std::process::id());
    let open = File::open(folder).map_err(io_error("open", folder))?;
    let short = PathBuf::from(format!("/proc/self/fd/{}/{name}", open.as_raw_fd()));
    Ok((folder.join(name), short, Some(open)))
}
