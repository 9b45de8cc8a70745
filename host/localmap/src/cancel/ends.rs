//! What a node of the tree can end.

/// Something that a node can end.
pub(crate) trait Ends: Send + Sync {
    /// Ends it at once if it is idle. False: it is busy, and will see for itself soon.
    fn end(&self) -> bool;
}
