//! The errors of a schema.

use crate::digest::Digest;
use crate::document::FORMAT;

/// Why a file is no schema that this crate can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// It is neither TOML nor JSON, or a field is missing, unknown or of another type.
    #[error("{fault}")]
    #[non_exhaustive]
    Syntax {
        /// The place and the fault.
        fault: String,
    },
    /// It is of a format that this crate does not know.
    #[error("{}", format(.found))]
    #[non_exhaustive]
    Format {
        /// The format of the file.
        found: u64,
    },
    /// Its parts do not fit each other.
    #[error("{what}: {why}")]
    #[non_exhaustive]
    Invalid {
        /// The part, such as `prefix 2 ("a:")`.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// It names a file of entries, which was not given.
    #[error(
        "the schema names the file of entries `{name}`, which is missing: give its path with `--entries`"
    )]
    #[non_exhaustive]
    EntriesMissing {
        /// The name of the file.
        name: String,
    },
    /// It names no file of entries, but one was given.
    #[error(
        "the schema names no file of entries: add `entries = {{ file = …, sha256 = … }}` to it"
    )]
    EntriesUnknown,
    /// The file of entries has another digest than the schema says.
    #[error("the file of entries `{name}` has the sha256 {found}, but the schema says {expected}")]
    #[non_exhaustive]
    EntriesDigest {
        /// The name of the file.
        name: String,
        /// The digest in the schema.
        expected: Digest,
        /// The digest of the file.
        found: Digest,
    },
    /// The file of entries is neither TOML nor JSON, or has other fields than entries.
    #[error("the file of entries: {fault}")]
    #[non_exhaustive]
    EntriesSyntax {
        /// The place and the fault.
        fault: String,
    },
}

impl SchemaError {
    pub(crate) fn invalid(what: impl Into<String>, why: impl Into<String>) -> Self {
        let (what, why) = (what.into(), why.into());
        Self::Invalid { what, why }
    }
}

fn format(found: &u64) -> String {
    match *found > FORMAT {
        true => format!(
            "it has the format {found}, which is newer than this program, which knows format \
             {FORMAT}: use a newer localmap"
        ),
        false => format!("it has the format {found}, but formats begin with 1"),
    }
}
