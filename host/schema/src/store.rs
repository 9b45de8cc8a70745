//! Replaces a file so that a crash at any point leaves the old one or the new one.

#[cfg(test)]
mod disk;
#[cfg(test)]
mod tests;

use crate::files::FileFault;
use crate::folder::Folder;
use std::io;

/// The name of a preloaded file in its folder.
pub const FILE_NAME: &str = "localmap-schema";

/// The name of the file while it is written.
const TEMPORARY: &str = ".localmap-schema.new";

/// Why a file could not be replaced. The old one is as it was.
#[derive(Debug)]
pub(crate) enum StoreFault {
    /// Something else has the name of the file.
    InTheWay(&'static str),
    /// A step failed.
    Step {
        step: &'static str,
        source: io::Error,
    },
}

/// The step that failed.
fn at<T>(step: &'static str, result: io::Result<T>) -> Result<T, StoreFault> {
    result.map_err(|source| StoreFault::Step { step, source })
}

/// Replaces the file with `bytes` and `mode`. Returns `false` if it has both already.
///
/// The steps are those of every careful program: write a temporary file, wait until it is on the
/// disk, rename it, and wait until the name is on the disk. Without the first wait, the new name
/// could lead to an empty file after a power failure; without the second, the old name could come
/// back after this function has returned.
pub(crate) fn store<F: Folder>(folder: &F, bytes: &[u8], mode: u32) -> Result<bool, StoreFault> {
    // Two writers would take each other's temporary files for stale ones.
    let _lock = at("lock the folder", folder.lock())?;
    let stale = at("list the folder", folder.names())?;
    if stale.iter().any(|name| name == TEMPORARY) {
        at(
            "remove the file that an earlier run left",
            folder.remove(TEMPORARY),
        )?;
    }
    match folder.read(FILE_NAME) {
        Ok(old) if old.bytes == bytes && (old.mode == mode || cfg!(not(unix))) => {
            // The run that wrote it may have ended before this.
            at("sync the folder", folder.sync())?;
            return Ok(false);
        }
        // A file that cannot be read can still be replaced.
        Ok(_) | Err(FileFault::Missing | FileFault::TooLarge { .. } | FileFault::Io(_)) => {}
        Err(FileFault::NotAFile(kind)) => return Err(StoreFault::InTheWay(kind)),
        Err(FileFault::LeadsElsewhere) => return Err(StoreFault::InTheWay("a symbolic link")),
    }
    let mut file = at("create a temporary file", folder.create(TEMPORARY))?;
    let written = at("write the file", folder.write(&mut file, bytes))
        .and_then(|()| at("set the mode of the file", folder.set_mode(&file, mode)))
        .and_then(|()| at("sync the file", folder.sync_file(&file)))
        .and_then(|()| at("rename the file", folder.rename(TEMPORARY, FILE_NAME)));
    if let Err(fault) = written {
        // If this fails too, the next run does it.
        let _ = folder.remove(TEMPORARY);
        return Err(fault);
    }
    at("sync the folder", folder.sync())?;
    Ok(true)
}
