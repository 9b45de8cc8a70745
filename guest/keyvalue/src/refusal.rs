//! What an app is told where the map refuses.

use crate::bindings::localmap::core::local_map::{Error, KeyFault};
use alloc::format;
use alloc::string::String;

/// The text of `other`, which is all that the drafts have for it.
pub(crate) fn text(error: Error) -> String {
    match error {
        Error::InvalidKey(KeyFault::TooLong(len)) => format!(
            "the bucket's name and the key have {len} bytes together, which is more than this \
             map takes: shorten one of them, or set the map's max-key to 512"
        ),
        Error::InvalidKey(KeyFault::Empty) => "the key is empty: give it 1 to 255 bytes".into(),
        Error::InvalidKey(KeyFault::NotUtf8) => "the key is not UTF-8".into(),
        Error::ValueTooLarge(max) => format!(
            "the value is longer than the {max} bytes that this map takes: split it, or raise \
             the map's max-value"
        ),
        Error::InvalidTtl => "the bucket has a TTL of zero: give it at least a nanosecond".into(),
        Error::Full => "the map is full: delete keys, give buckets shorter TTLs, or raise the \
                        map's limits"
            .into(),
        Error::Conflict(_) => "the key was changed meanwhile: read it again".into(),
        // Of `increment` of the map, which is not called.
        Error::NotACounter | Error::Overflow => "the value is not a counter of this map".into(),
    }
}
