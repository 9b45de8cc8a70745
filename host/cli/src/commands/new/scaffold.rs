//! Creates the files of a crate, or none of them.

use anyhow::{Context, bail};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The files and folders created so far. Dropping it deletes exactly these, unless they are
/// [kept](Self::keep).
pub(super) struct Scaffold {
    folder: PathBuf,
    /// The files in order of creation.
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Scaffold {
    /// Creates the folder, which must be empty if it exists.
    pub(super) fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        if folder.is_dir() {
            let mut entries = fs::read_dir(folder).context("cannot read the folder")?;
            if entries.next().is_some() {
                bail!("the folder is not empty: choose another one, or remove its contents");
            }
        } else if folder.symlink_metadata().is_ok() {
            bail!("it exists and is not a folder: choose another path");
        }
        let mut scaffold = Self {
            folder: folder.to_owned(),
            files: Vec::new(),
            folders: Vec::new(),
        };
        scaffold.add_folder(folder)?;
        Ok(scaffold)
    }

    /// Creates a file, and its folder if necessary.
    pub(super) fn add(&mut self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        if let Some(folder) = path.parent() {
            self.add_folder(folder)?;
        }
        self.write(&path, text)
            .with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// Overwrites a file created by `add`.
    pub(super) fn replace(&mut self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))
    }

    fn write(&mut self, path: &Path, text: &str) -> std::io::Result<()> {
        let mut file = File::create_new(path)?;
        self.files.push(path.to_owned());
        file.write_all(text.as_bytes())
    }

    fn add_folder(&mut self, folder: &Path) -> anyhow::Result<()> {
        let missing: Vec<&Path> = folder
            .ancestors()
            .take_while(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
            .collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder)
                .with_context(|| format!("cannot create the folder `{}`", folder.display()))?;
            self.folders.push(folder.to_owned());
        }
        Ok(())
    }

    /// Keeps the files and folders.
    pub(super) fn keep(mut self) {
        self.files.clear();
        self.folders.clear();
    }
}

impl Drop for Scaffold {
    fn drop(&mut self) {
        // Errors are ignored, since the first error is the one to report.
        for file in self.files.drain(..).rev() {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.drain(..).rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}
