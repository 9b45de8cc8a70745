//! The file of `--trace`, which is replaced as a whole.

use crate::terminal::files::is_stdout;
use anyhow::{anyhow, bail};
use localmap::lock;
use localmap_telemetry::Telemetry;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Where a trace is written.
pub(in crate::commands) struct TraceFile {
    telemetry: Telemetry,
    /// The name that the user knows.
    name: PathBuf,
    /// Where it is, without symbolic links.
    path: PathBuf,
    /// Where its content is written first.
    part: PathBuf,
    /// Locked while it is written.
    writing: Mutex<()>,
}

/// Says what to do about a folder in which no file can be created.
fn explain(error: io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::NotFound => anyhow!("its folder does not exist: create it"),
        _ => error.into(),
    }
}

impl TraceFile {
    /// Checks that the file can be written.
    pub(super) fn new(name: &Path, telemetry: &Telemetry) -> anyhow::Result<Self> {
        if is_stdout(name) {
            bail!("a trace needs the name of a file");
        }
        let path = match fs::metadata(name) {
            Ok(found) if found.is_file() => fs::canonicalize(name)?,
            Ok(found) if found.is_dir() => bail!("it is a folder; expected the name of a file"),
            // What is written there cannot be replaced as a whole, and may have no reader.
            Ok(_) => bail!("it is no regular file, and cannot be replaced by one"),
            Err(_) if name.is_symlink() => bail!("it is a link that leads nowhere"),
            Err(_) => name.to_owned(),
        };
        let file_name = path.file_name().ok_or_else(|| anyhow!("it has no name"))?;
        // Of a long name a part, so that there is room for the rest.
        let part: String = file_name.to_string_lossy().chars().take(50).collect();
        let part = format!("{part}.{}.part", std::process::id());
        let file = Self {
            telemetry: telemetry.clone(),
            name: name.to_owned(),
            part: path.with_file_name(part),
            path,
            writing: Mutex::default(),
        };
        file.create_part().map_err(explain)?;
        fs::remove_file(&file.part)?;
        Ok(file)
    }

    /// Returns the name that the user knows.
    pub(super) fn name(&self) -> &Path {
        &self.name
    }

    /// Writes the trace up to now. If that fails, the file stays as it was.
    ///
    /// # Errors
    ///
    /// Returns the line that says so.
    pub(in crate::commands) fn write(&self) -> Result<(), String> {
        self.replace().map_err(|error| {
            let name = self.name.display();
            format!("Warning: cannot write --trace {name}: {error}")
        })
    }

    fn replace(&self) -> io::Result<()> {
        let _writing = lock(&self.writing);
        let written = self.create_part().and_then(|mut file| {
            self.telemetry.write_trace(&mut file)?;
            file.sync_data()
        });
        let replaced = written.and_then(|()| fs::rename(&self.part, &self.path));
        replaced.inspect_err(|_| {
            // Only the first error is reported.
            let _ = fs::remove_file(&self.part);
        })
    }

    /// Creates the file that becomes the trace. It names tenants, so that only its owner can read it.
    fn create_part(&self) -> io::Result<File> {
        // That of a process that was killed, and had the same number.
        let _ = fs::remove_file(&self.part);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.part)
    }
}
