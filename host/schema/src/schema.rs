//! A schema: the rules for the keys and values of a map, its limits and its first entries.

use crate::digest::Digest;
use crate::limits::SchemaLimits;
use crate::prefix::{Prefix, Prefixes};
use crate::ttl::Ttl;
use crate::version::VersionRange;

/// The rules for the keys and values of a map, its limits and its first entries.
///
/// ```
/// use localmap_schema::{Kind, Schema};
///
/// let schema = Schema::parse(br#"
///     format = 1
///     version = 7
///
///     [[prefix]]
///     prefix = "hits:"
///     type = "counter"
///     max-ttl = "1h"
///
///     [[entry]]
///     key = "hits:total"
///     value = 5
/// "#)?;
/// let prefix = schema.prefix_of(b"hits:total").expect("it has a prefix");
/// assert_eq!(prefix.kind(), Kind::Counter);
/// assert_eq!(schema.entries()[0].value(), 5_i64.to_le_bytes());
/// # Ok::<(), localmap_schema::SchemaError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    pub(crate) version: VersionRange,
    pub(crate) limits: SchemaLimits,
    pub(crate) prefixes: Prefixes,
    pub(crate) entries: Vec<Entry>,
    pub(crate) entries_file: Option<EntriesFile>,
}

/// The file with more entries that a schema names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntriesFile {
    pub(crate) name: String,
    pub(crate) digest: Digest,
}

impl EntriesFile {
    /// Returns its name, which is that of a file next to the schema: it has no `/`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the digest that it must have.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// A first entry of each map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) ttl: Ttl,
}

impl Entry {
    /// Returns the key.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Returns the value.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// Returns the TTL. It is that of its prefix if the entry has none.
    pub fn ttl(&self) -> Ttl {
        self.ttl
    }
}

impl Schema {
    /// Returns the versions that the schema serves.
    pub fn version(&self) -> VersionRange {
        self.version
    }

    /// Returns the limits that the schema sets.
    pub fn limits(&self) -> &SchemaLimits {
        &self.limits
    }

    /// Returns the prefixes, in the order of their bytes.
    pub fn prefixes(&self) -> &[Prefix] {
        self.prefixes.all()
    }

    /// Returns the longest prefix of `key` in the schema, whose rules apply to it.
    pub fn prefix_of(&self, key: &[u8]) -> Option<&Prefix> {
        self.prefixes.of(key)
    }

    /// Returns the first entries of each map: those of the schema, then those of its file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the file with more entries, if the schema names one.
    pub fn entries_file(&self) -> Option<&EntriesFile> {
        self.entries_file.as_ref()
    }
}
