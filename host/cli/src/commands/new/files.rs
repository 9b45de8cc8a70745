//! Files that are made together, or not at all.

use anyhow::{Context, bail};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What has been made. Dropped before it is [kept](Self::keep), it takes all of it away
/// again, and nothing else.
pub(super) struct Made {
    folder: PathBuf,
    /// In the order in which they were made.
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Made {
    /// A folder that holds nothing. It may be there already.
    pub(super) fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        if folder.is_dir() {
            let mut there = fs::read_dir(folder).context("cannot look into the folder")?;
            if there.next().is_some() {
                bail!("the folder is there and not empty: give another, or remove what is in it");
            }
        } else if folder.symlink_metadata().is_ok() {
            bail!("it is there and no folder: give another");
        }
        let mut made = Self {
            folder: folder.to_owned(),
            files: Vec::new(),
            folders: Vec::new(),
        };
        made.add_folder(folder)?;
        Ok(made)
    }

    /// Makes a file, and the folder that it is in.
    pub(super) fn add(&mut self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        if let Some(folder) = path.parent() {
            self.add_folder(folder)?;
        }
        self.write(&path, text)
            .with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// Writes a file anew that this has made.
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
                .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
            self.folders.push(folder.to_owned());
        }
        Ok(())
    }

    /// Leaves all of it there.
    pub(super) fn keep(mut self) {
        self.files.clear();
        self.folders.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // What cannot be taken away stays: there is an error to be told already.
        for file in self.files.drain(..).rev() {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.drain(..).rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}
