//! Counters, stored as decimal text as in other hosts of `wasi:keyvalue`, so that `set` can
//! start a counter and `get` can read it.

use crate::bindings::localmap::core::local_map::{self as map, Condition, Error, Ttl};
use crate::bucket::Bucket;
use crate::error_text::error_text;
use alloc::format;
use alloc::string::{String, ToString};
use core::str::FromStr;

/// The maximum number of attempts of an increment. An attempt fails if another change of the
/// counter succeeds between the two calls of the map.
const ATTEMPTS: u32 = 1_000;

/// The numbers of a draft: a counter is the decimal text of one of them.
pub(crate) trait Number: Copy + FromStr + ToString {
    /// The smallest and the largest number.
    const RANGE: (Self, Self);

    /// Returns the sum, or `None` if it is outside of the range.
    fn checked_add(self, delta: Self) -> Option<Self>;
}

impl Number for u64 {
    const RANGE: (Self, Self) = (Self::MIN, Self::MAX);

    fn checked_add(self, delta: Self) -> Option<Self> {
        self.checked_add(delta)
    }
}

impl Number for i64 {
    const RANGE: (Self, Self) = (Self::MIN, Self::MAX);

    fn checked_add(self, delta: Self) -> Option<Self> {
        self.checked_add(delta)
    }
}

/// Adds `delta` to a counter and returns the sum. An existing counter keeps its deadline; an absent
/// counter starts from 0 with the TTL of the bucket.
pub(crate) fn increment<N: Number>(bucket: &Bucket, key: &str, delta: N) -> Result<N, String> {
    let key = bucket.key(key)?;
    for _ in 0..ATTEMPTS {
        let (sum, ttl, condition) = match map::get_entry(key.as_bytes()) {
            None => (Some(delta), bucket.ttl(), Condition::Absent),
            Some(entry) => (
                parse::<N>(&entry.value)?.checked_add(delta),
                entry.expires_in.map_or(Ttl::Never, Ttl::After),
                Condition::Version(entry.version),
            ),
        };
        let Some(sum) = sum else {
            return Err(out_of_range::<N>());
        };
        match map::set_if(key.as_bytes(), sum.to_string().as_bytes(), ttl, condition) {
            Ok(_) => return Ok(sum),
            Err(Error::Conflict(_)) => {}
            Err(error) => return Err(error_text(error)),
        }
    }
    Err("the counter keeps changing meanwhile: try again".into())
}

/// Parses a number as other hosts do: decimal digits after an optional sign, `+`, or `-` where the
/// draft has negative numbers.
fn parse<N: Number>(value: &[u8]) -> Result<N, String> {
    let text = core::str::from_utf8(value).ok();
    text.and_then(|text| text.parse().ok()).ok_or_else(|| {
        let (min, max) = N::RANGE;
        format!(
            "the value is not a counter, which is a whole number from {} to {} in decimal digits: \
             use another key, or set this one to a number",
            min.to_string(),
            max.to_string()
        )
    })
}

fn out_of_range<N: Number>() -> String {
    let (min, max) = N::RANGE;
    format!(
        "the counter would leave the range of {} to {}: set it to a new value",
        min.to_string(),
        max.to_string()
    )
}
