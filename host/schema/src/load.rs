//! Reads what `preload` has written, for those that start with it.

use crate::digest::Digest;
use crate::error::SchemaError;
use crate::files::FileFault;
use crate::folder::{DirFolder, Folder, FolderFault};
use crate::layout::{self, Contents, LayoutFault};
use crate::schema::Schema;
use crate::store::FILE_NAME;
use crate::version::VersionRange;
use std::cmp::Ordering;
use std::io;
use std::path::{Path, PathBuf};

/// A schema, with the bytes that it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preloaded {
    schema: Schema,
    contents: Contents,
    digest: Digest,
}

impl Preloaded {
    pub(crate) fn new(schema: Schema, contents: Contents) -> Self {
        let digest = Digest::of(&contents.schema);
        Self {
            schema,
            contents,
            digest,
        }
    }

    pub(crate) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Returns the schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Returns the schema, without what it was read from.
    pub fn into_schema(self) -> Schema {
        self.schema
    }

    /// Returns the digest of the schema's file, without its file of entries, whose digest is in the
    /// schema.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the bytes of the schema's file.
    pub fn source(&self) -> &[u8] {
        &self.contents.schema
    }

    /// Returns the bytes of its file of entries, if it names one.
    pub fn entries_source(&self) -> Option<&[u8]> {
        self.contents.entries.as_deref()
    }
}

/// Why a folder has no schema to start with.
///
/// Each variant says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// There is no schema.
    #[error(
        "the schema is missing: {why}. Run `localmap schema preload SRC {}` first, for example in an \
         init container that mounts the same volume",
        .folder.display()
    )]
    #[non_exhaustive]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// What is missing.
        why: String,
    },
    /// It is newer than what is accepted, or than this program.
    #[error("the schema in {} is newer: {why}", .folder.display())]
    #[non_exhaustive]
    Newer {
        /// The folder.
        folder: PathBuf,
        /// What is newer than what, and what to do.
        why: String,
    },
    /// It is older than what is accepted.
    #[error("the schema in {} is older: {why}", .folder.display())]
    #[non_exhaustive]
    Older {
        /// The folder.
        folder: PathBuf,
        /// What is older than what, and what to do.
        why: String,
    },
    /// It is not what `preload` has written, or no schema.
    #[error("the schema in {} is damaged: {why}. Run `localmap schema preload` again", .folder.display())]
    #[non_exhaustive]
    Damaged {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It cannot be read.
    #[error("the schema in {} is unreadable: {why}", .folder.display())]
    #[non_exhaustive]
    Unreadable {
        /// The folder.
        folder: PathBuf,
        /// Why, and what to do.
        why: String,
    },
}

/// Reads the schema that [`preload`](crate::preload()) has written into a folder, and checks it: its
/// digests, its fields, and, if `accepted` is given, that it serves one of these versions.
///
/// See [`preload`](crate::preload()) for an example.
///
/// # Errors
///
/// - Returns [`LoadError::Missing`] if there is no folder, or no schema in it.
/// - Returns [`LoadError::Newer`] or [`LoadError::Older`] if it serves none of the accepted versions,
///   and [`LoadError::Newer`] if this crate does not know its format.
/// - Returns [`LoadError::Damaged`] if it is not what was written, to the byte, or no schema.
/// - Returns [`LoadError::Unreadable`] if it cannot be read, or is no regular file in a real folder.
pub fn load(folder: &Path, accepted: Option<&VersionRange>) -> Result<Preloaded, LoadError> {
    let unreadable = |why: String| LoadError::Unreadable {
        folder: folder.to_owned(),
        why,
    };
    let missing = |why: String| LoadError::Missing {
        folder: folder.to_owned(),
        why,
    };
    let open = DirFolder::open(folder).map_err(|fault| match fault {
        FolderFault::Missing => missing(format!("there is no folder {}", folder.display())),
        FolderFault::ParentDir => unreadable("the path has a `..`: write it without".to_owned()),
        FolderFault::Symlink => unreadable(
            "the folder is a symbolic link: name the folder to which it leads".to_owned(),
        ),
        FolderFault::NotAFolder => unreadable("this is not a folder".to_owned()),
        FolderFault::Io(error) => unreadable(with_hint(&error)),
    })?;
    let bytes = open.read(FILE_NAME).map_err(|fault| match fault {
        FileFault::Missing => missing(format!("there is no `{FILE_NAME}` in {}", folder.display())),
        FileFault::NotAFile(kind) => unreadable(format!(
            "`{FILE_NAME}` is {kind}: remove it, and preload again"
        )),
        FileFault::LeadsElsewhere => {
            unreadable(format!("`{FILE_NAME}` leads to no file in the folder"))
        }
        FileFault::TooLarge { max } => LoadError::Damaged {
            folder: folder.to_owned(),
            why: format!("it is larger than {}", crate::amount::size(max)),
        },
        FileFault::Io(error) => unreadable(with_hint(&error)),
    })?;
    let contents = layout::decode(&bytes.bytes).map_err(|fault| match fault {
        LayoutFault::Layout(layout) => LoadError::Newer {
            folder: folder.to_owned(),
            why: format!(
                "it was written with layout {layout}, which this program does not know: use a newer \
                 localmap, or preload it again with this one"
            ),
        },
        LayoutFault::Damaged(why) => LoadError::Damaged {
            folder: folder.to_owned(),
            why: why.to_owned(),
        },
    })?;
    let schema = Schema::parse_with(&contents.schema, contents.entries.as_deref());
    let schema = schema.map_err(|error| match error {
        // Only a newer version of this program has taken it for a schema.
        SchemaError::Format { .. } => LoadError::Newer {
            folder: folder.to_owned(),
            why: error.to_string(),
        },
        error => LoadError::Damaged {
            folder: folder.to_owned(),
            why: error.to_string(),
        },
    })?;
    let served = schema.version();
    let order = accepted.map(|accepted| (served.compare(accepted), accepted));
    let folder = folder.to_owned();
    match order {
        Some((Ordering::Greater, accepted)) => Err(LoadError::Newer {
            folder,
            why: format!(
                "it serves version {served}, but {accepted} is required: deploy the app that knows \
                 it, or preload an older schema"
            ),
        }),
        Some((Ordering::Less, accepted)) => Err(LoadError::Older {
            folder,
            why: format!(
                "it serves version {served}, but {accepted} is required: preload a newer schema"
            ),
        }),
        _ => Ok(Preloaded::new(schema, contents)),
    }
}

fn with_hint(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "{error}: give this user access with `fsGroup` of the pod, or with `--mode` of `localmap \
             schema preload`"
        ),
        _ => error.to_string(),
    }
}
