//! Counters, stored as decimal text as in other hosts of `wasi:keyvalue`, so that `set` can
//! start a counter and `get` can read it.

use crate::bindings::localmap::core::local_map::{self as map, Condition, Error, Ttl};
use crate::bucket::Bucket;
use crate::error_text::error_text;
use alloc::format;
use alloc::string::{String, ToString};
use core::ops::RangeInclusive;

/// The maximum number of attempts of an increment. An attempt fails if another change of the
/// counter succeeds between the two calls of the map.
const ATTEMPTS: u32 = 1_000;

/// The maximum length of a text that is parsed as a number.
const MAX_LEN: usize = 32;

/// Adds `delta` to a counter and returns the sum, which must be in `range`. An existing counter
/// keeps its deadline; an absent counter starts from 0 with the TTL of the bucket.
pub(crate) fn increment(
    bucket: &Bucket,
    key: &str,
    delta: i128,
    range: RangeInclusive<i128>,
) -> Result<i128, String> {
    let key = bucket.key(key)?;
    for _ in 0..ATTEMPTS {
        let (before, ttl, condition) = match map::get_entry(key.as_bytes()) {
            None => (0, bucket.ttl(), Condition::Absent),
            Some(entry) => (
                parse(&entry.value)?,
                entry.expires_in.map_or(Ttl::Never, Ttl::After),
                Condition::Version(entry.version),
            ),
        };
        // Both have at most 65 bits, so this cannot overflow.
        let sum = before + delta;
        if !range.contains(&sum) {
            return Err(format!(
                "the counter would leave the range of {} to {}: set it to a new value",
                range.start(),
                range.end()
            ));
        }
        match map::set_if(key.as_bytes(), sum.to_string().as_bytes(), ttl, condition) {
            Ok(_) => return Ok(sum),
            Err(Error::Conflict(_)) => {}
            Err(error) => return Err(error_text(error)),
        }
    }
    Err("the counter keeps changing meanwhile: try again".into())
}

/// Parses a number of at most 65 bits.
fn parse(value: &[u8]) -> Result<i128, String> {
    let text = Some(value).filter(|value| value.len() <= MAX_LEN);
    text.and_then(|text| core::str::from_utf8(text).ok()?.parse().ok())
        .filter(|number| (i64::MIN.into()..=u64::MAX.into()).contains(number))
        .ok_or_else(|| {
            "the value is not a counter, which is a whole number in decimal digits: use another \
             key, or set this one to a number"
                .into()
        })
}
