//! The errors of the map as text.

use crate::bindings::localmap::core::local_map::{Error, KeyFault};
use alloc::format;
use alloc::string::String;

/// Returns the text for the drafts' error `other`, the only suitable one.
pub(crate) fn error_text(error: Error) -> String {
    match error {
        Error::InvalidKey(KeyFault::TooLong(len)) => format!(
            "the bucket's name and the key have {len} bytes in total, more than this map \
             accepts: shorten one of them, or set `max-key` to 512"
        ),
        Error::InvalidKey(KeyFault::Empty) => "the key is empty: give it 1 to 255 bytes".into(),
        Error::InvalidKey(KeyFault::NotUtf8) => "the key is not UTF-8".into(),
        Error::ValueTooLarge(max) => format!(
            "the value is longer than the {max} bytes that this map accepts: split it, or raise \
             `max-value`"
        ),
        Error::InvalidTtl => "the TTL of the bucket is zero: use at least one nanosecond".into(),
        Error::Full => "the map is full: delete keys, give buckets shorter TTLs, or raise its \
                        limits"
            .into(),
        Error::Conflict(_) => "the key has changed meanwhile: read it again".into(),
        // Only `increment` of the map returns these, and the adapter does not call it.
        Error::NotACounter | Error::Overflow => "the value is not a counter of this map".into(),
    }
}
