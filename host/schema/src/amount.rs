//! Sizes and times as they are written in a schema: `4096`, `"64KiB"`, `"1h 30m"`.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::time::Duration;

/// The units of sizes, in bytes.
const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

/// The units of times, in nanoseconds.
const TIMES: [(&str, u64); 8] = [
    ("w", 7 * 24 * 3_600_000_000_000),
    ("d", 24 * 3_600_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Returns the sum of numbers with units, such as `1h 30m`; `None` if the text is anything else, or
/// the sum does not fit. There may be a space before each number and each unit.
fn sum(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let mut sum: u64 = 0;
    let mut rest = text;
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at_checked(digits)?;
        let after = after.strip_prefix(' ').unwrap_or(after);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at_checked(letters)?;
        let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(*factor)?)?;
        if after.is_empty() {
            return Some(sum);
        }
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
}

/// Parses a size with a unit, such as `64KiB` or `1 MB`, without fractions.
fn parse_size(text: &str) -> Option<u64> {
    let numbers = text.split(|byte: char| !byte.is_ascii_digit());
    let one = numbers.filter(|number| !number.is_empty()).count() == 1;
    one.then(|| sum(text, &SIZES)).flatten()
}

/// Parses a time greater than zero, such as `500ms` or `1h 30m`, of at most 584 years.
pub(crate) fn parse_time(text: &str) -> Option<Duration> {
    sum(text, &TIMES)
        .filter(|nanos| *nanos > 0)
        .map(Duration::from_nanos)
}

/// Writes a size with the largest unit of 1,024 that loses nothing.
pub(crate) fn size(bytes: u64) -> String {
    let fits = |(_, factor): &&(&str, u64)| bytes >= *factor && bytes.is_multiple_of(*factor);
    match SIZES.iter().take(3).find(fits) {
        Some((unit, factor)) => format!("{}{unit}", bytes / factor),
        None => format!("{bytes}B"),
    }
}

/// Writes a time with the largest units, such as `1h 30m`.
pub(crate) fn time(time: Duration) -> String {
    let mut nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let mut parts = Vec::new();
    for (unit, factor) in TIMES {
        if nanos >= factor {
            parts.push(format!("{}{unit}", nanos / factor));
            nanos %= factor;
        }
    }
    parts.join(" ")
}

/// A size in a file: a number of bytes, or a text with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of bytes, or a text such as \"64KiB\" or \"1MB\"")
    }

    fn visit_i64<E: Error>(self, bytes: i64) -> Result<Size, E> {
        let bytes = u64::try_from(bytes).map_err(|_| E::custom("a size cannot be negative"))?;
        Ok(Size(bytes))
    }

    fn visit_u64<E: Error>(self, bytes: u64) -> Result<Size, E> {
        Ok(Size(bytes))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
        parse_size(text).map(Size).ok_or_else(|| {
            E::custom(format_args!(
                "`{}` is no size: use a number of bytes, or a text such as \"64KiB\" or \"1MB\"",
                shortened(text)
            ))
        })
    }
}

/// A time in a file, such as `"30s"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeVisitor).map(Self)
    }
}

struct TimeVisitor;

impl Visitor<'_> for TimeVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time such as \"500ms\", \"30s\" or \"1h 30m\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        parse_time(text).ok_or_else(|| {
            E::custom(format_args!(
                "`{}` is no time: use a text such as \"500ms\", \"30s\" or \"1h 30m\", more than \
                 zero and at most 584 years",
                shortened(text)
            ))
        })
    }
}

/// Returns the beginning of a text, for a message.
pub(crate) fn shortened(text: &str) -> String {
    const MOST: usize = 64;
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_read_what_they_print() {
        for bytes in [0, 1, 1000, 1024, 1025, 65_536, 1 << 20, 3 << 30, u64::MAX] {
            assert_eq!(parse_size(&size(bytes)), Some(bytes), "{}", size(bytes));
        }
        for nanos in [1, 1_000, 999_999_999, 5_400_000_000_000, u64::MAX] {
            let span = Duration::from_nanos(nanos);
            assert_eq!(parse_time(&time(span)), Some(span), "{}", time(span));
        }
        assert_eq!(time(Duration::from_secs(5400)), "1h 30m");
        assert_eq!(size(65_536), "64KiB");
    }

    #[test]
    fn other_texts_are_neither() {
        for bad in [
            "",
            " ",
            "B",
            "-1B",
            "1",
            "1.5KiB",
            "1KiB1B",
            "1kib",
            "1 parsec",
            "1  KiB",
            "1KiB ",
            "99999999999999999999B",
            "99999999999GiB",
            "１KiB",
        ] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
        for bad in [
            "",
            "0s",
            "0s 0m",
            "1",
            "s",
            "-1s",
            "1.5s",
            "1s  2m",
            "1M",
            "1 year",
            "99999999999w",
        ] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
    }
}
