//! The versions of schemas, and ranges of them.

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A range of versions, both ends included: those that a schema serves, or those that a program
/// accepts.
///
/// ```
/// use localmap_schema::VersionRange;
/// use std::cmp::Ordering;
///
/// let served: VersionRange = "5..7".parse()?;
/// assert_eq!(served.compare(&"7..".parse()?), Ordering::Equal);
/// assert_eq!(served.compare(&"8".parse()?), Ordering::Less);
/// assert_eq!(served.compare(&"..4".parse()?), Ordering::Greater);
/// # Ok::<(), localmap_schema::InvalidVersionRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionRange {
    min: u32,
    max: u32,
}

impl VersionRange {
    /// Creates a range; `None` if `min` is greater than `max`.
    pub fn new(min: u32, max: u32) -> Option<Self> {
        (min <= max).then_some(Self { min, max })
    }

    /// Returns the lowest version.
    pub fn min(&self) -> u32 {
        self.min
    }

    /// Returns the highest version.
    pub fn max(&self) -> u32 {
        self.max
    }

    /// Compares with the versions that a program accepts: [`Equal`](Ordering::Equal) if one is in
    /// both ranges, [`Less`](Ordering::Less) if all of these are older than those accepted, and
    /// [`Greater`](Ordering::Greater) if all are newer.
    pub fn compare(&self, accepted: &Self) -> Ordering {
        if self.max < accepted.min {
            Ordering::Less
        } else if self.min > accepted.max {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (min, max) if min == max => write!(f, "{min}"),
            (min, u32::MAX) => write!(f, "{min}.."),
            (0, max) => write!(f, "..{max}"),
            (min, max) => write!(f, "{min}..{max}"),
        }
    }
}

impl FromStr for VersionRange {
    type Err = InvalidVersionRange;

    /// Parses one version, such as `7`, or a range, such as `5..7`, `5..` or `..7`.
    fn from_str(text: &str) -> Result<Self, InvalidVersionRange> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        let ends = match text.split_once("..") {
            None => number(text).map(|version| (version, version)),
            Some(("", "")) => None,
            Some((min, "")) => number(min).map(|min| (min, u32::MAX)),
            Some(("", max)) => number(max).map(|max| (0, max)),
            Some((min, max)) => number(min).zip(number(max)),
        };
        ends.and_then(|(min, max)| Self::new(min, max))
            .ok_or(InvalidVersionRange)
    }
}

/// The error of a text that is no range of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a version such as 7, or a range such as 5..7, 5.. or ..7, both ends included")]
pub struct InvalidVersionRange;

/// A range in a file: a number, or a table with `min` and `max`.
impl<'de> Deserialize<'de> for VersionRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RangeVisitor)
    }
}

/// The fields of a range.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ends {
    min: u32,
    max: u32,
}

struct RangeVisitor;

impl<'de> Visitor<'de> for RangeVisitor {
    type Value = VersionRange;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a version from 0 to 4294967295, or a table with `min` and `max`")
    }

    fn visit_i64<E: Error>(self, version: i64) -> Result<VersionRange, E> {
        let version = u32::try_from(version).map_err(|_| out_of_range(version))?;
        Ok(VersionRange {
            min: version,
            max: version,
        })
    }

    fn visit_u64<E: Error>(self, version: u64) -> Result<VersionRange, E> {
        let version = u32::try_from(version).map_err(|_| out_of_range(version))?;
        Ok(VersionRange {
            min: version,
            max: version,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<VersionRange, A::Error> {
        let Ends { min, max } =
            Ends::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        VersionRange::new(min, max).ok_or_else(|| Error::custom("`min` is greater than `max`"))
    }
}

fn out_of_range<E: Error>(version: impl fmt::Display) -> E {
    E::custom(format_args!(
        "the version {version} is not between 0 and 4294967295"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_read_what_they_print() {
        for text in ["0", "7", "5..7", "5..", "..7"] {
            let range: VersionRange = text.parse().expect("a range");
            assert_eq!(range.to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_no_ranges() {
        for bad in [
            "",
            "..",
            "-1",
            "+1",
            "7..5",
            "1...2",
            "1..2..3",
            " 1",
            "v7",
            "1.2.3",
            "4294967296",
        ] {
            assert_eq!(
                bad.parse::<VersionRange>(),
                Err(InvalidVersionRange),
                "{bad}"
            );
        }
    }

    #[test]
    fn ranges_that_overlap_in_one_version_fit() {
        let range = |text: &str| text.parse::<VersionRange>().expect("a range");
        for (served, accepted, order) in [
            ("7", "7", Ordering::Equal),
            ("5..7", "7..9", Ordering::Equal),
            ("5..7", "3..5", Ordering::Equal),
            ("5..7", "6", Ordering::Equal),
            ("5..7", "8", Ordering::Less),
            ("5..7", "4", Ordering::Greater),
            ("5..", "4294967295", Ordering::Equal),
        ] {
            let found = range(served).compare(&range(accepted));
            assert_eq!(found, order, "{served} {accepted}");
        }
    }
}
