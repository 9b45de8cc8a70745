//! `preload`: checks a schema and writes it into a folder.

#[cfg(all(test, unix))]
mod tests;

use crate::digest::Digest;
use crate::error::SchemaError;
use crate::files::{self, FileFault};
use crate::folder::{DirFolder, FolderFault};
use crate::layout::{self, Contents, MAX_SIZE};
use crate::load::Preloaded;
use crate::parse::Draft;
use crate::store::{FILE_NAME, StoreFault, store};
use crate::version::VersionRange;
use cap_fs_ext::FollowSymlinks;
use std::cmp::Ordering;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The mode of a preloaded file, unless another is set: the owner may write it, and the group may
/// read it.
pub const DEFAULT_MODE: u32 = 0o640;

/// The maximum size of a schema and of its file of entries, each, unless another is set: 1 MiB.
pub const DEFAULT_MAX_SIZE: u64 = 1 << 20;

/// Where a schema comes from.
pub enum Source<'a> {
    /// A regular file. It may be a symbolic link to a file in the same folder, as those of a
    /// ConfigMap are.
    File(&'a Path),
    /// A stream, such as the standard input.
    Reader(&'a mut dyn Read),
}

/// How [`preload`] checks a schema and writes it.
///
/// ```
/// use localmap_schema::PreloadOptions;
///
/// let options = PreloadOptions::new().version("5..7".parse()?).mode(0o444);
/// # Ok::<(), localmap_schema::InvalidVersionRange>(())
/// ```
#[derive(Debug, Clone)]
pub struct PreloadOptions {
    max_size: u64,
    sha256: Option<Digest>,
    version: Option<VersionRange>,
    mode: u32,
    entries: Option<PathBuf>,
}

impl Default for PreloadOptions {
    fn default() -> Self {
        Self {
            max_size: DEFAULT_MAX_SIZE,
            sha256: None,
            version: None,
            mode: DEFAULT_MODE,
            entries: None,
        }
    }
}

impl PreloadOptions {
    /// Creates the default options. See [`PreloadOptions`] for an example.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the maximum size of the schema and of its file of entries, each, in bytes. Default
    /// [`DEFAULT_MAX_SIZE`], at most [`MAX_SIZE`].
    #[must_use]
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = bytes.min(MAX_SIZE);
        self
    }

    /// Sets the digest that the schema must have. Default: any.
    #[must_use]
    pub fn sha256(mut self, digest: Digest) -> Self {
        self.sha256 = Some(digest);
        self
    }

    /// Sets the versions that are accepted. Default: all.
    #[must_use]
    pub fn version(mut self, accepted: VersionRange) -> Self {
        self.version = Some(accepted);
        self
    }

    /// Sets the mode of the file. Default [`DEFAULT_MODE`]. Has no effect where there are no modes.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode & 0o777;
        self
    }

    /// Sets the path of the file of entries. Default: the file next to the schema with the name that
    /// is in the schema.
    #[must_use]
    pub fn entries(mut self, path: &Path) -> Self {
        self.entries = Some(path.to_owned());
        self
    }
}

/// What [`preload`] did.
#[derive(Debug, Clone)]
pub struct PreloadOutcome {
    /// `false` if the folder had the same file, with the same mode, already.
    pub written: bool,
    /// What is in the folder now.
    pub preloaded: Preloaded,
}

/// Why [`preload`] failed. The folder has the file that it had, or, if the last
/// [`Write`](Self::Write) has failed, the new one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreloadError {
    /// A source cannot be read.
    #[error("cannot read {what}")]
    #[non_exhaustive]
    Read {
        /// The source.
        what: String,
        /// The error.
        source: io::Error,
    },
    /// A source is missing, no regular file, or a link that leads elsewhere.
    #[error("{what} {why}")]
    #[non_exhaustive]
    NotAFile {
        /// The source.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// A source is larger than allowed. Not more than that was read.
    #[error(
        "{what} is larger than {}: raise `--max-size`, or move entries out of it",
        crate::amount::size(*.max)
    )]
    #[non_exhaustive]
    TooLarge {
        /// The source.
        what: String,
        /// The limit, in bytes.
        max: u64,
    },
    /// The schema has another digest than it must have. It was not parsed.
    #[error(
        "{what} has the sha256 {found}, not {expected}: it is another version, or was changed or cut \
         on its way"
    )]
    #[non_exhaustive]
    Digest {
        /// The source.
        what: String,
        /// The digest that it must have.
        expected: Digest,
        /// The digest that it has.
        found: Digest,
    },
    /// The schema serves no version that is accepted.
    #[error("{what} serves version {served}, which is {} than {accepted}", age(.served, .accepted))]
    #[non_exhaustive]
    Version {
        /// The source.
        what: String,
        /// The versions of the schema.
        served: VersionRange,
        /// The versions that are accepted.
        accepted: VersionRange,
    },
    /// It is no schema that this crate can use.
    #[error("cannot use {what}")]
    #[non_exhaustive]
    Schema {
        /// The source.
        what: String,
        /// What is wrong with it.
        source: SchemaError,
    },
    /// The folder cannot be used.
    #[error("cannot write into {}: {why}", .folder.display())]
    #[non_exhaustive]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// A step of the write has failed.
    #[error("cannot {step} in {}{}", .folder.display(), hint(.source))]
    #[non_exhaustive]
    Write {
        /// The folder.
        folder: PathBuf,
        /// The step.
        step: &'static str,
        /// The error.
        source: io::Error,
    },
}

fn age(served: &VersionRange, accepted: &VersionRange) -> &'static str {
    match served.compare(accepted) {
        Ordering::Less => "older",
        _ => "newer",
    }
}

/// Says what to do about the error of a write.
fn hint(error: &io::Error) -> &'static str {
    use io::ErrorKind as E;
    match error.kind() {
        E::StorageFull | E::QuotaExceeded => {
            ": no space is left, and what was there is unchanged. Free some, or raise `sizeLimit` of \
             the emptyDir"
        }
        E::ReadOnlyFilesystem => {
            ": it is read-only. Mount it writable here; `readOnly: true` is for those that read it"
        }
        E::PermissionDenied => {
            ": this user may not. Set `fsGroup` of the pod, or `runAsUser` of this container, to the \
             owner of the folder"
        }
        E::FileTooLarge => ": the file is too large for the limits of this process (`ulimit -f`)",
        E::Unsupported => ": its file system cannot do this. Use a local one, such as an emptyDir",
        _ => "",
    }
}

/// Reads a schema and its file of entries, and checks both.
///
/// The checks are, in this order: the kind and the size of the source, before it is read; its digest,
/// before it is parsed; its format and its fields; the digest of its file of entries; its version.
/// A source is never fetched: pipe what `curl` prints into it.
///
/// ```
/// use localmap_schema::{PreloadOptions, Source, read};
///
/// let mut schema = &b"format = 1\nversion = 7\n"[..];
/// let read = read(Source::Reader(&mut schema), &PreloadOptions::new())?;
/// assert_eq!(read.schema().version().max(), 7);
/// # Ok::<(), localmap_schema::PreloadError>(())
/// ```
///
/// # Errors
///
/// Returns a [`PreloadError`] for each of these checks.
pub fn read(source: Source<'_>, options: &PreloadOptions) -> Result<Preloaded, PreloadError> {
    let max = options.max_size;
    let (what, beside, schema) = match source {
        Source::File(path) => {
            let what = format!("the schema `{}`", path.display());
            (what, path.parent(), read_file(path, max))
        }
        Source::Reader(reader) => {
            let what = "the schema from the standard input".to_owned();
            (what, None, files::read_all(reader, max))
        }
    };
    let schema = schema.map_err(|fault| unreadable(&what, fault))?;
    let found = Digest::of(&schema);
    if let Some(expected) = options.sha256.filter(|expected| *expected != found) {
        return Err(PreloadError::Digest {
            what,
            expected,
            found,
        });
    }
    let of_schema = |source| PreloadError::Schema {
        what: what.clone(),
        source,
    };
    let draft = Draft::read(&schema).map_err(of_schema)?;
    let path = match (&options.entries, beside, draft.entries_file()) {
        (Some(path), _, _) => Some(path.clone()),
        (None, Some(folder), Some(file)) => Some(folder.join(file.name())),
        // Without a folder, the schema says which file is missing.
        (None, _, _) => None,
    };
    let entries = path.map(|path| {
        let what = format!("the file of entries `{}`", path.display());
        read_file(&path, max).map_err(|fault| unreadable(&what, fault))
    });
    let contents = Contents {
        schema,
        entries: entries.transpose()?,
    };
    let schema = draft.complete(contents.entries.as_deref());
    let schema = schema.map_err(of_schema)?;
    let served = schema.version();
    if let Some(accepted) = options.version
        && served.compare(&accepted) != Ordering::Equal
    {
        return Err(PreloadError::Version {
            what,
            served,
            accepted,
        });
    }
    Ok(Preloaded::new(schema, contents))
}

/// [Reads](read) a schema, and writes it into a folder with its file of entries, so that a crash at
/// any point leaves the file that was there or the new one. Does nothing if the folder has the same
/// file already.
///
/// ```
/// use localmap_schema::{PreloadOptions, Source, load, preload};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let mut schema = &b"format = 1\nversion = 7\n"[..];
/// let done = preload(Source::Reader(&mut schema), folder, &PreloadOptions::new())?;
/// assert!(done.written);
/// assert_eq!(load(folder, None)?.digest(), done.preloaded.digest());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns the errors of [`read`], [`PreloadError::Folder`] if the folder cannot be used, and
/// [`PreloadError::Write`] if a step of the write fails. Then the folder has the file that it had, or
/// the new one if only the last step has failed; never a part of one.
pub fn preload(
    source: Source<'_>,
    folder: &Path,
    options: &PreloadOptions,
) -> Result<PreloadOutcome, PreloadError> {
    let preloaded = read(source, options)?;
    let open = DirFolder::open(folder).map_err(|fault| of_folder(folder, fault))?;
    let written = store(&open, &layout::encode(preloaded.contents()), options.mode);
    let folder = folder.to_owned();
    let written = written.map_err(|fault| match fault {
        StoreFault::InTheWay(kind) => PreloadError::Folder {
            folder,
            why: format!("its `{FILE_NAME}` is {kind}: remove it"),
        },
        StoreFault::Step { step, source } => PreloadError::Write {
            folder,
            step,
            source,
        },
    })?;
    Ok(PreloadOutcome { written, preloaded })
}

fn read_file(path: &Path, max: u64) -> Result<Vec<u8>, FileFault> {
    let Some(name) = path.file_name() else {
        return Err(FileFault::NotAFile("a folder"));
    };
    let folder = files::open_folder(path.parent().unwrap_or(Path::new("")))?;
    let opened = files::read(&folder, Path::new(name), max, FollowSymlinks::Yes)?;
    Ok(opened.bytes)
}

fn unreadable(what: &str, fault: FileFault) -> PreloadError {
    let what = what.to_owned();
    let why = match fault {
        FileFault::Io(source) => return PreloadError::Read { what, source },
        FileFault::TooLarge { max } => return PreloadError::TooLarge { what, max },
        FileFault::Missing => "does not exist".to_owned(),
        FileFault::LeadsElsewhere => {
            "is a symbolic link that does not lead to a file in its folder: name the file itself, or use \
             `-` and the standard input for a pipe"
                .to_owned()
        }
        FileFault::NotAFile(kind) => {
            format!("is {kind}, not a regular file: use `-` and the standard input for a pipe")
        }
    };
    PreloadError::NotAFile { what, why }
}

fn of_folder(folder: &Path, fault: FolderFault) -> PreloadError {
    let folder = folder.to_owned();
    let why = match fault {
        FolderFault::Missing => "it does not exist: create it, or mount a volume there",
        FolderFault::ParentDir => "its path has a `..`: write the path without it",
        FolderFault::Symlink => "it is a symbolic link: name the folder to which it leads",
        FolderFault::NotAFolder => "it is not a folder",
        FolderFault::Io(source) => {
            let step = "open the folder";
            return PreloadError::Write {
                folder,
                step,
                source,
            };
        }
    };
    PreloadError::Folder {
        folder,
        why: why.to_owned(),
    }
}
