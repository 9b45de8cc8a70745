//! Reads files that must be regular, up to a maximum size.

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) bytes: Vec<u8>,
    /// Its mode, without the type; 0 where there are no modes.
    pub(crate) mode: u32,
}

/// Why a file cannot be read.
#[derive(Debug)]
pub(crate) enum FileFault {
    Missing,
    /// What it is instead of a regular file.
    NotAFile(&'static str),
    /// A symbolic link leads out of its folder, to a pipe, or to itself.
    LeadsElsewhere,
    TooLarge {
        max: u64,
    },
    Io(io::Error),
}

impl From<io::Error> for FileFault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            _ => Self::Io(error),
        }
    }
}

/// Opens a folder, wherever its path leads.
pub(crate) fn open_folder(path: &Path) -> io::Result<Dir> {
    let path = if path == Path::new("") {
        Path::new(".")
    } else {
        path
    };
    Dir::open_ambient_dir(path, ambient_authority())
}

/// Reads a file of a folder. With [`FollowSymlinks::Yes`] its name may be a symbolic link, if it
/// leads to a file in the folder.
pub(crate) fn read(
    dir: &Dir,
    name: &Path,
    max: u64,
    follow: FollowSymlinks,
) -> Result<Opened, FileFault> {
    let own = dir.symlink_metadata(name)?;
    let linked = own.is_symlink() && matches!(follow, FollowSymlinks::Yes);
    let elsewhere = |error: io::Error| match linked && error.kind() != io::ErrorKind::NotFound {
        true => FileFault::LeadsElsewhere,
        false => error.into(),
    };
    let found = if linked {
        dir.metadata(name).map_err(elsewhere)?
    } else {
        own
    };
    if !found.is_file() {
        return Err(FileFault::NotAFile(kind(found.file_type())));
    }
    let mut options = OpenOptions::new();
    // What was a file a moment ago may be a pipe now, whose other end nobody opens.
    options.read(true).follow(follow).nonblock(true);
    let file = dir.open_with(name, &options).map_err(elsewhere)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(FileFault::NotAFile(kind(found.file_type())));
    }
    // Before a byte of it is read.
    if found.len() > max {
        return Err(FileFault::TooLarge { max });
    }
    let bytes = read_all(file, max)?;
    let mode = mode(&found);
    Ok(Opened { bytes, mode })
}

/// Reads all that comes, if it is not more than `max` bytes.
pub(crate) fn read_all(from: impl Read, max: u64) -> Result<Vec<u8>, FileFault> {
    let mut bytes = Vec::new();
    from.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > max {
        true => Err(FileFault::TooLarge { max }),
        false => Ok(bytes),
    }
}

fn kind(kind: FileType) -> &'static str {
    if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_dir() {
        "a folder"
    } else {
        "a device, a pipe or a socket"
    }
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    use cap_std::fs::MetadataExt;
    metadata.mode() & 0o7777
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0
}
