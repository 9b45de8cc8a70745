//! The files of a socket: what is there, and how errors name it.

use super::error::SocketError;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Identifies a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

/// Returns `true` if there is a socket, and an error if there is anything else.
pub(super) fn exists(path: &Path) -> Result<bool, SocketError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => Ok(true),
        Ok(_) => Err(SocketError::NotASocket {
            path: path.to_owned(),
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io_error("look at", path)(error)),
    }
}

pub(super) fn file_id(path: &Path) -> io::Result<FileId> {
    let found = fs::symlink_metadata(path)?;
    Ok(FileId {
        device: found.dev(),
        inode: found.ino(),
    })
}

pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

pub(super) fn io_error(
    doing: &'static str,
    path: &Path,
) -> impl Fn(io::Error) -> SocketError + use<> {
    let path = path.to_owned();
    move |source| SocketError::Io {
        doing,
        path: path.clone(),
        source,
    }
}
