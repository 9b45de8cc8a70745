//! The limits that apply to connections, whatever they speak.

use std::time::Duration;

/// The maximum time for a client to send the headers of a request, and for a connection to stay
/// open without a request.
pub(crate) const HEADERS: Duration = Duration::from_secs(30);
/// The maximum time for which a client may read no data.
pub(crate) const STALLED: Duration = Duration::from_secs(30);
/// The maximum size of the headers of a request in bytes. With HTTP/1, up to twice as many may
/// arrive in one piece.
pub(crate) const MAX_HEADERS: u32 = 64 << 10;
