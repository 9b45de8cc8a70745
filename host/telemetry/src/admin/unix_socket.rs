//! The Unix socket of an admin address: only its user may connect, from its first moment.

use super::error::AdminError;
use std::fs::{self, DirBuilder, Permissions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The hint for paths that the operating system does not take. A socket is created in a folder next to its
/// path, so its name may be a little longer at first.
const TOO_LONG: &str = "the path is too long for a socket: choose one of at most 96 bytes";

/// A socket file. Dropping it removes it, if it is still the same one.
#[derive(Debug)]
pub(super) struct SocketFile {
    /// The absolute path, so that it does not depend on the current folder.
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// Listens on a socket of mode 0600. A socket on which nobody listens is replaced.
pub(super) fn bind(path: &Path) -> Result<(UnixListener, SocketFile), AdminError> {
    let failed = |source: io::Error| AdminError::Listen {
        address: format!("unix:{}", path.display()),
        source: match source.kind() {
            ErrorKind::InvalidInput => io::Error::new(ErrorKind::InvalidInput, TOO_LONG),
            _ => source,
        },
    };
    let in_place = fs::symlink_metadata(path);
    if in_place.is_ok_and(|found| !found.file_type().is_socket()) {
        let path = path.to_owned();
        return Err(AdminError::NotASocket { path });
    }
    match UnixStream::connect(path) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused
            ) => {}
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::InvalidInput
            ) =>
        {
            return Err(failed(error));
        }
        // Also if its queue is full.
        Ok(_) | Err(_) => {
            let path = path.to_owned();
            return Err(AdminError::InUse { path });
        }
    }
    create(path).map_err(failed)
}

/// Creates the socket in a folder that others cannot enter, until it has its mode.
fn create(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let path = std::path::absolute(path)?;
    let folder = PrivateFolder::new(path.parent().unwrap_or(Path::new("/")))?;
    let temporary = folder.0.join("s");
    let listener = UnixListener::bind(&temporary)?;
    fs::set_permissions(&temporary, Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    let found = fs::symlink_metadata(&temporary)?;
    fs::rename(&temporary, &path)?;
    let file = SocketFile {
        path,
        device: found.dev(),
        inode: found.ino(),
    };
    Ok((listener, file))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path);
        if found.is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode)) {
            // If it stays, the next process replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A folder of mode 0700. Dropping it removes it with its socket.
struct PrivateFolder(PathBuf);

impl PrivateFolder {
    fn new(parent: &Path) -> io::Result<Self> {
        // Others may be able to write to the parent, so nobody can know the name before it is created.
        let random = RandomState::new().build_hasher().finish();
        let folder = parent.join(format!(".{:08x}", random >> 32));
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.0.join("s"));
        let _ = fs::remove_dir(&self.0);
    }
}
