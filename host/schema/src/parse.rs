//! Reads schemas: their fields, then their files of entries, and then whether all of it fits.

use crate::check::check;
use crate::digest::Digest;
use crate::document::{Document, EntriesDocument, EntriesFields, FORMAT, Head};
use crate::error::SchemaError;
use crate::schema::{EntriesFile, Schema};
use crate::syntax;

/// # Reading
impl Schema {
    /// Reads a schema in TOML or JSON that names no file of entries. See [`Schema`] for an example.
    ///
    /// # Errors
    ///
    /// - Returns [`SchemaError::Syntax`] if it is neither TOML nor JSON, or if a field is missing,
    ///   unknown or of another type.
    /// - Returns [`SchemaError::Format`] if it is of a format that this crate does not know.
    /// - Returns [`SchemaError::Invalid`] if its parts do not fit each other: a value that is longer
    ///   than its prefix allows, a prefix that occurs twice.
    /// - Returns [`SchemaError::EntriesMissing`] if it names a file of entries.
    pub fn parse(schema: &[u8]) -> Result<Self, SchemaError> {
        Self::parse_with(schema, None)
    }

    /// Reads a schema in TOML or JSON, and the entries of the file that it names.
    ///
    /// ```
    /// use localmap_schema::{Digest, Schema};
    ///
    /// let entries = br#"{"entry": [{"key": "a", "value": "1"}]}"#;
    /// let schema = format!(
    ///     "format = 1\nversion = 7\nentries = {{ file = \"entries.json\", sha256 = \"{}\" }}",
    ///     Digest::of(entries),
    /// );
    /// let schema = Schema::parse_with(schema.as_bytes(), Some(entries))?;
    /// assert_eq!(schema.entries().len(), 1);
    /// # Ok::<(), localmap_schema::SchemaError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`parse`](Self::parse), and
    ///
    /// - [`SchemaError::EntriesSyntax`] if the entries are neither TOML nor JSON, or no entries.
    /// - [`SchemaError::EntriesDigest`] if their digest is not that in the schema.
    /// - [`SchemaError::EntriesUnknown`] if the schema names no file of entries.
    pub fn parse_with(schema: &[u8], entries: Option<&[u8]>) -> Result<Self, SchemaError> {
        Draft::read(schema)?.complete(entries)
    }
}

/// A schema whose fields were read, but not its file of entries.
pub(crate) struct Draft {
    document: Document,
    file: Option<EntriesFile>,
}

impl Draft {
    /// Reads the format of a schema, then its fields.
    pub(crate) fn read(schema: &[u8]) -> Result<Self, SchemaError> {
        let of_syntax = |fault: syntax::Fault| SchemaError::Syntax {
            fault: fault.to_string(),
        };
        let head: Head = syntax::read(schema).map_err(of_syntax)?;
        if let Some(found) = head.format.filter(|format| *format != FORMAT) {
            return Err(SchemaError::Format { found });
        }
        let document: Document = syntax::read(schema).map_err(of_syntax)?;
        let file = document.entries.as_ref().map(entries_file).transpose()?;
        Ok(Self { document, file })
    }

    /// Returns the file of entries that the schema names.
    pub(crate) fn entries_file(&self) -> Option<&EntriesFile> {
        self.file.as_ref()
    }

    /// Reads the file of entries, and checks the whole.
    pub(crate) fn complete(self, entries: Option<&[u8]>) -> Result<Schema, SchemaError> {
        let more = match (&self.file, entries) {
            (None, None) => Vec::new(),
            (Some(file), None) => {
                let name = file.name.clone();
                return Err(SchemaError::EntriesMissing { name });
            }
            (None, Some(_)) => return Err(SchemaError::EntriesUnknown),
            (Some(file), Some(bytes)) => {
                let (expected, found) = (file.digest, Digest::of(bytes));
                if found != expected {
                    let name = file.name.clone();
                    return Err(SchemaError::EntriesDigest {
                        name,
                        expected,
                        found,
                    });
                }
                let entries = syntax::read::<EntriesDocument>(bytes);
                let entries = entries.map_err(|fault| SchemaError::EntriesSyntax {
                    fault: fault.to_string(),
                });
                entries?.entry
            }
        };
        check(self.document, self.file, more)
    }
}

fn entries_file(fields: &EntriesFields) -> Result<EntriesFile, SchemaError> {
    let invalid = |why: String| SchemaError::invalid("entries", why);
    if !is_plain(&fields.file) {
        return Err(invalid(
            "`file` must be the name of a file next to the schema, without `/`".to_owned(),
        ));
    }
    let digest = fields.sha256.parse();
    let digest = digest.map_err(|error| invalid(format!("`sha256`: {error}")))?;
    Ok(EntriesFile {
        name: fields.file.clone(),
        digest,
    })
}

/// Returns `true` for a name that stays in its folder, on every system.
fn is_plain(name: &str) -> bool {
    let reserved = |letter: char| matches!(letter, '/' | '\\' | ':') || letter.is_control();
    !matches!(name, "" | "." | "..") && name.len() <= 255 && !name.contains(reserved)
}
