//! The messages to the threads that write output.

use bytes::Bytes;
use std::sync::mpsc::SyncSender;

/// A message to a thread that writes output.
pub(super) enum Message {
    /// Writes these bytes.
    Bytes(Bytes),
    /// Replies when everything sent before has been written.
    Flush(SyncSender<()>),
}
