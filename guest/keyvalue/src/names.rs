//! The names of buckets and keys, and their translation to keys of the map.

use alloc::format;
use alloc::string::String;

/// The maximum length of a bucket's name and of a key, in bytes.
const MAX_LEN: usize = 255;

/// Returns the prefix of a bucket's keys in the map: the length of the bucket's name, followed by
/// the name. Because of the length, no prefix begins with another prefix.
///
/// The length is a character and not a byte, so that every key in the map is UTF-8, which the
/// host may require.
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

/// Checks the length of a key. Reads check it too, as the drafts cannot report it in another way.
pub(crate) fn check(key: &str) -> Result<(), String> {
    match key.len() {
        1..=MAX_LEN => Ok(()),
        0 => Err(format!("the key is empty: give it 1 to {MAX_LEN} bytes")),
        len => Err(format!(
            "the key has {len} bytes: shorten it to {MAX_LEN}, or use a hash of it and keep \
             the whole key in the value"
        )),
    }
}

/// Returns the key in the map for a key of a bucket.
pub(crate) fn map_key(prefix: &str, key: &str) -> Result<String, String> {
    check(key)?;
    let mut whole = String::with_capacity(prefix.len() + key.len());
    whole.push_str(prefix);
    whole.push_str(key);
    Ok(whole)
}
