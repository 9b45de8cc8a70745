//! A change of the source.

/// What has become of a key at a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The key, without the prefix.
    pub key: &'a [u8],
    /// Its value; `None` if it was deleted.
    pub value: Option<&'a [u8]>,
    /// The revision of the change.
    pub revision: u64,
}
