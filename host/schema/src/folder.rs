//! The folder that holds a preloaded file: the steps of a write, one by one, so that tests can fail
//! each of them.

use crate::files::{self, FileFault, Opened};
use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

/// What a write needs of a folder. Names are plain: they have no `/`.
pub(crate) trait Folder {
    /// A file that is being written.
    type Temporary;
    /// Keeps other writers out until it is dropped.
    type Lock;

    /// Waits until no other process writes into the folder.
    fn lock(&self) -> io::Result<Self::Lock>;
    /// Returns the names in the folder.
    fn names(&self) -> io::Result<Vec<String>>;
    /// Reads a file, without following a symbolic link.
    fn read(&self, name: &str) -> Result<Opened, FileFault>;
    /// Removes a name.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Creates a file that did not exist, which only its owner can read.
    fn create(&self, name: &str) -> io::Result<Self::Temporary>;
    /// Writes all of a file.
    fn write(&self, file: &mut Self::Temporary, bytes: &[u8]) -> io::Result<()>;
    /// Sets the mode of a file.
    fn set_mode(&self, file: &Self::Temporary, mode: u32) -> io::Result<()>;
    /// Waits until a file is on the disk.
    fn sync_file(&self, file: &Self::Temporary) -> io::Result<()>;
    /// Gives a file another name, in place of what has it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Waits until the names are on the disk.
    fn sync(&self) -> io::Result<()>;
}

/// Why a folder cannot be used.
#[derive(Debug)]
pub(crate) enum FolderFault {
    Missing,
    /// Its path has a `..`.
    ParentDir,
    Symlink,
    NotAFolder,
    Io(io::Error),
}

/// A folder of the operating system.
pub(crate) struct DirFolder {
    dir: Dir,
    /// The folder as a file, to lock and to sync it. `dir` may be a handle that can do neither.
    file: File,
}

impl DirFolder {
    /// Opens a folder. Its path may lead through symbolic links, but the folder itself must not be
    /// one: who could replace it could lead the write elsewhere.
    pub(crate) fn open(path: &Path) -> Result<Self, FolderFault> {
        let of_folder = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => FolderFault::Missing,
            io::ErrorKind::NotADirectory => FolderFault::NotAFolder,
            _ => FolderFault::Io(error),
        };
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(FolderFault::ParentDir);
        }
        // Without a slash at the end, which would follow a link.
        let path: PathBuf = path.components().collect();
        let open = |path: &Path| Dir::open_ambient_dir(path, ambient_authority());
        let dir = match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => {
                let parent = if parent == Path::new("") {
                    Path::new(".")
                } else {
                    parent
                };
                let parent = open(parent).map_err(of_folder)?;
                let found = parent.symlink_metadata(name).map_err(of_folder)?;
                if found.is_symlink() {
                    return Err(FolderFault::Symlink);
                }
                if !found.is_dir() {
                    return Err(FolderFault::NotAFolder);
                }
                parent.open_dir_nofollow(name).map_err(of_folder)?
            }
            _ => open(&path).map_err(of_folder)?,
        };
        let file = dir.open(".").map_err(of_folder)?.into_std();
        Ok(Self { dir, file })
    }
}

impl Folder for DirFolder {
    type Temporary = cap_std::fs::File;
    type Lock = File;

    fn lock(&self) -> io::Result<File> {
        // A handle of its own: closing it ends the lock.
        let lock = self.dir.open(".")?.into_std();
        lock.lock()?;
        Ok(lock)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let names = self.dir.entries()?.map(|entry| {
            // The names that this crate gives are UTF-8.
            Ok(entry?.file_name().into_string().unwrap_or_default())
        });
        names.collect()
    }

    fn read(&self, name: &str) -> Result<Opened, FileFault> {
        files::read(
            &self.dir,
            Path::new(name),
            crate::layout::MAX_FILE,
            FollowSymlinks::No,
        )
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.dir.remove_file(name)
    }

    fn create(&self, name: &str) -> io::Result<cap_std::fs::File> {
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create_new(true)
            .follow(FollowSymlinks::No);
        #[cfg(unix)]
        cap_std::fs::OpenOptionsExt::mode(&mut options, 0o600);
        self.dir.open_with(name, &options)
    }

    fn write(&self, file: &mut cap_std::fs::File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    #[cfg(unix)]
    fn set_mode(&self, file: &cap_std::fs::File, mode: u32) -> io::Result<()> {
        use cap_std::fs::{Permissions, PermissionsExt};
        file.set_permissions(Permissions::from_mode(mode))
    }

    /// There are no modes here.
    #[cfg(not(unix))]
    fn set_mode(&self, _: &cap_std::fs::File, _: u32) -> io::Result<()> {
        Ok(())
    }

    fn sync_file(&self, file: &cap_std::fs::File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.dir.rename(from, &self.dir, to)
    }

    #[cfg(unix)]
    fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Folders cannot be synced here.
    #[cfg(not(unix))]
    fn sync(&self) -> io::Result<()> {
        let _ = &self.file;
        Ok(())
    }
}
