//! What buckets and keys may be called, and where they lie in the map.

use alloc::format;
use alloc::string::String;

/// The most bytes of a bucket's name, and of a key.
const MAX_LEN: usize = 255;

/// What the keys of a bucket begin with in the map: the length of its name as a character,
/// so that no bucket's begins with another's, and the name.
///
/// A character, and not a byte, since that makes every key of the map UTF-8, which its
/// host may ask for.
pub(crate) fn prefix(bucket: &str) -> Result<String, String> {
    let Ok(len) = u8::try_from(bucket.len()) else {
        return Err(format!(
            "the name of the bucket has {} bytes: shorten it to {MAX_LEN}",
            bucket.len()
        ));
    };
    let mut prefix = String::with_capacity(2 + bucket.len());
    prefix.push(char::from(len));
    prefix.push_str(bucket);
    Ok(prefix)
}

/// Refuses what is no key here, in reads too: the drafts know no other answer that would
/// tell.
pub(crate) fn check(key: &str) -> Result<(), String> {
    match key.len() {
        1..=MAX_LEN => Ok(()),
        0 => Err(format!("the key is empty: give it 1 to {MAX_LEN} bytes")),
        len => Err(format!(
            "the key has {len} bytes: shorten it to {MAX_LEN}, or use a hash of it and keep \
             the whole of it in the value"
        )),
    }
}

/// The key of the map for a key of a bucket.
pub(crate) fn map_key(prefix: &str, key: &str) -> Result<String, String> {
    check(key)?;
    let mut whole = String::with_capacity(prefix.len() + key.len());
    whole.push_str(prefix);
    whole.push_str(key);
    Ok(whole)
}
