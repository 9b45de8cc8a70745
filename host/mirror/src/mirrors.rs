//! The mirrors that a guest can read, by their names.

use crate::reader::MirrorReader;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The mirrors that guests can read, by their names: see [`add_to_linker`](crate::add_to_linker).
///
/// Clones are cheap.
#[derive(Debug, Clone, Default)]
pub struct Mirrors {
    readers: Arc<BTreeMap<String, MirrorReader>>,
}

impl Mirrors {
    /// Creates an empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a mirror. If a name is added twice, the last one is used.
    #[must_use]
    pub fn mirror(mut self, name: impl Into<String>, reader: MirrorReader) -> Self {
        Arc::make_mut(&mut self.readers).insert(name.into(), reader);
        self
    }

    /// Returns the mirror with this name; `None` if there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&MirrorReader> {
        self.readers.get(name)
    }

    /// Returns `true` if there is no mirror.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.readers.is_empty()
    }

    /// Returns all mirrors, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &MirrorReader)> {
        self.readers
            .iter()
            .map(|(name, reader)| (name.as_str(), reader))
    }
}
