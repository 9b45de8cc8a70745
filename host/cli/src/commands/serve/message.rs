//! What the threads that write are sent.

use bytes::Bytes;
use std::sync::mpsc::SyncSender;

/// Bytes to write, or a request for a sign that all before it is written.
pub(super) enum Message {
    /// Writes these bytes.
    Bytes(Bytes),
    /// Answers when everything sent before has been written.
    Flush(SyncSender<()>),
}
