//! Writes the files that the user names.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;

/// The name that stands for standard output.
const STDOUT: &str = "-";

/// Returns `true` if the name stands for standard output.
pub(crate) fn is_stdout(name: &Path) -> bool {
    name == Path::new(STDOUT)
}

/// The mode of a new file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Readable by everybody, unless the user's umask says otherwise.
    Default,
    /// Readable by the user alone.
    Private,
}

/// Makes a write beyond the maximum size of a file (`ulimit -f`) fail with an error. Without this,
/// the signal SIGXFSZ ends the program between two writes, before it has removed or shortened the
/// file. Programs that it starts are not affected.
#[cfg(unix)]
pub(crate) fn report_oversized_files() {
    use tokio::signal::unix::{SignalKind, signal};
    /// The number of the signal on Linux, macOS and the BSDs, except for Linux on MIPS.
    const SIGXFSZ: i32 = 25;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build();
    // The handler stays when the runtime ends. Without it, only this error is lost.
    if let Ok(runtime) = runtime {
        let _ = runtime.block_on(async { signal(SignalKind::from_raw(SIGXFSZ)) });
    }
}

/// Replaces the content of the file `name`, or creates it. `-` is standard output.
///
/// Symbolic links are followed, and one that leads nowhere gets its file. An existing file is
/// overwritten in place, so that it keeps its mode, its owner and its hard links. If that needs
/// more room than there is, it keeps its content too: the part beyond its present end is written
/// first. A file that could not be created in full is removed. What is no file, such as a pipe or
/// a device, is written to.
///
/// A program that reads the file at the same time can see a part of the new content, and so can
/// every program after a crash in the middle.
pub(crate) fn write(name: &Path, bytes: &[u8], mode: Mode) -> io::Result<()> {
    if is_stdout(name) {
        return write_stream(io::stdout().lock(), bytes);
    }
    let existing = fs::metadata(name);
    match &existing {
        Ok(existing) if existing.is_dir() => {
            return Err(io::Error::new(
                ErrorKind::IsADirectory,
                "it is a folder; expected the name of a file",
            ));
        }
        // Opening the file again would lose the position of a redirected stream.
        Ok(existing) if is_same(existing, &io::stdout()) => {
            return write_stream(io::stdout().lock(), bytes);
        }
        Ok(existing) if is_same(existing, &io::stderr()) => {
            return write_stream(io::stderr().lock(), bytes);
        }
        _ => {}
    }
    let mut file = open(name, mode)?;
    match existing {
        Ok(existing) if existing.is_file() => overwrite(&mut file, existing.len(), bytes),
        Ok(_) => file.write_all(bytes),
        Err(_) => file
            .write_all(bytes)
            .and_then(|()| file.sync_data())
            .inspect_err(|_| {
                // Only the first error is reported.
                let _ = fs::canonicalize(name).and_then(fs::remove_file);
            }),
    }
}

/// Opens the file to write to, and creates it if there is none.
fn open(name: &Path, mode: Mode) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    if mode == Mode::Private {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = mode;
    options.open(name)
}

/// Overwrites a file that has `len` bytes. If there is no room for more, leaves it unchanged.
fn overwrite(file: &mut File, len: u64, bytes: &[u8]) -> io::Result<()> {
    let kept = usize::try_from(len).unwrap_or(usize::MAX).min(bytes.len());
    let (start, beyond) = bytes.split_at(kept);
    if !beyond.is_empty() {
        let extended = file
            .seek(SeekFrom::Start(len))
            .and_then(|_| file.write_all(beyond))
            // Some file systems only find out now that there is no room.
            .and_then(|()| file.sync_data());
        if let Err(error) = extended {
            let _ = file.set_len(len);
            return Err(error);
        }
    }
    file.rewind()?;
    file.write_all(start)?;
    if beyond.is_empty() {
        file.set_len(start.len() as u64)?;
    }
    Ok(())
}

fn write_stream(mut stream: impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// Returns `true` if a standard stream is open on this file, device or pipe.
#[cfg(unix)]
fn is_same(file: &fs::Metadata, stream: &impl std::os::fd::AsFd) -> bool {
    use std::os::unix::fs::MetadataExt;
    let stream = stream.as_fd().try_clone_to_owned().map(File::from);
    let stream = stream.and_then(|stream| stream.metadata());
    stream.is_ok_and(|stream| (stream.dev(), stream.ino()) == (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn is_same<S>(_: &fs::Metadata, _: &S) -> bool {
    false
}
