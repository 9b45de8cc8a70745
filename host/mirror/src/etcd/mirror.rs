//! A mirror of a prefix of etcd.

use super::options::EtcdOptions;
use crate::error::OpenError;
use crate::feed::Feed;
use crate::options::MirrorOptions;
use crate::reader::MirrorReader;
use localmap::Host;
use std::ops::Deref;

/// A mirror of a prefix of etcd. Reads are those of [`MirrorReader`].
///
/// A thread of its own follows etcd. Dropping the mirror ends it, and its readers return
/// [`ReadError::Ended`].
#[derive(Debug)]
pub struct Mirror {
    reader: MirrorReader,
}

impl Mirror {
    /// Begins to mirror a prefix, and returns at once. See [`ready`](Self::ready).
    ///
    /// # Errors
    ///
    /// Returns [`OpenError`] if an option is out of its range or the thread cannot be started. A server that
    /// cannot be reached is no error: the mirror tries again.
    pub fn open(host: &Host, etcd: EtcdOptions, options: MirrorOptions) -> Result<Self, OpenError> {
        let _ = etcd;
        let feed = Feed::new(host, options)?;
        Ok(Self {
            reader: feed.reader(),
        })
    }

    /// Returns a reader, which can be cloned.
    #[must_use]
    pub fn reader(&self) -> MirrorReader {
        self.reader.clone()
    }
}

impl Deref for Mirror {
    type Target = MirrorReader;

    fn deref(&self) -> &MirrorReader {
        &self.reader
    }
}
