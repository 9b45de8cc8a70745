//! Time stamps in lines of bytes.

use jiff::Timestamp;
use jiff::fmt::strtime;
use regex::bytes::{Captures, Regex};

/// The format of stamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StampFormat {
    /// `[17/May/2015:10:05:03 +0000]`, as in the common and combined log formats.
    Clf,
    /// `2015-05-17T10:05:03.25Z`, also with another offset.
    Rfc3339,
    /// `1431857103`: a stand-alone number of 10 digits for seconds, with an optional fraction, or
    /// of 13, 16 or 19 digits for milliseconds, microseconds or nanoseconds.
    Unix,
}

impl StampFormat {
    /// Creates a finder for stamps in this format.
    pub(crate) fn finder(self) -> Result<StampFinder, regex::Error> {
        let pattern = match self {
            Self::Clf => r"(?-u)\[(\d{2}/[A-Za-z]{3}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\]",
            Self::Rfc3339 => {
                // Digits beyond nanoseconds are left out.
                r"(?-u)(?:^|[^0-9])(\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2})(?:(\.\d{1,9})\d*)?([Zz]|[+-]\d{2}:\d{2})"
            }
            // The adjacent characters determine whether the number stands alone; see `unix`.
            Self::Unix => r"(?-u)([A-Za-z0-9_.+\x80-\xff-]+)",
        };
        Ok(StampFinder {
            pattern: Regex::new(pattern)?,
            read: match self {
                Self::Clf => clf,
                Self::Rfc3339 => rfc3339,
                Self::Unix => unix,
            },
        })
    }
}

/// Finds the first stamp in a line.
#[derive(Debug)]
pub(crate) struct StampFinder {
    pattern: Regex,
    read: fn(&str) -> Option<u64>,
}

impl StampFinder {
    /// Returns the first stamp in `line`, in nanoseconds since 1970. Earlier stamps count as
    /// 1970. If the line `goes_on`, a match that touches the end of this part is not a stamp,
    /// since it may continue.
    pub(crate) fn find(&self, line: &[u8], goes_on: bool) -> Option<u64> {
        let stamp = |found: Captures<'_>| {
            if goes_on && found.get(0)?.end() == line.len() {
                return None;
            }
            let groups = found.iter().skip(1).flatten();
            let text: Vec<u8> = groups.flat_map(|group| group.as_bytes().to_vec()).collect();
            (self.read)(std::str::from_utf8(&text).ok()?)
        };
        self.pattern.captures_iter(line).find_map(stamp)
    }
}

fn clf(text: &str) -> Option<u64> {
    let parsed = strtime::parse("%d/%b/%Y:%H:%M:%S %z", text).ok()?;
    nanos(parsed.to_timestamp().ok()?)
}

fn rfc3339(text: &str) -> Option<u64> {
    nanos(text.parse().ok()?)
}

/// Parses a run of letters, digits, `_`, `.`, `+` and `-` if the whole run is a number. Full stops
/// at its end count as punctuation.
fn unix(text: &str) -> Option<u64> {
    let number = text.trim_end_matches('.');
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: u64 = whole.parse().ok()?;
    match (whole.len(), fraction) {
        (10, None) => Some(value * 1_000_000_000),
        (10, Some(fraction)) => Some(value * 1_000_000_000 + nanos_of(fraction)?),
        (13, None) => Some(value * 1_000_000),
        (16, None) => Some(value * 1_000),
        (19, None) => Some(value),
        _ => None,
    }
}

/// Parses the digits after the decimal point of seconds. Digits beyond nanoseconds are ignored.
fn nanos_of(fraction: &str) -> Option<u64> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{fraction:0<9}").get(..9)?.parse().ok()
}

fn nanos(stamp: Timestamp) -> Option<u64> {
    u64::try_from(stamp.as_nanosecond().max(0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 17 May 2015, 10:05:03 UTC.
    const SECONDS: u64 = 1_431_857_103;

    fn find(format: StampFormat, line: &str) -> Option<u64> {
        format.finder().unwrap().find(line.as_bytes(), false)
    }

    #[test]
    fn clf_is_found_in_a_combined_line() {
        let line = r#"::1 - - [17/May/2015:10:05:03 +0000] "GET /[18/May/2015:10:05:03 +0000] HTTP/1.1" 200 7 "-" "-""#;
        assert_eq!(find(StampFormat::Clf, line), Some(SECONDS * 1_000_000_000));
    }

    #[test]
    fn clf_has_an_offset() {
        let line = "[17/May/2015:12:35:03 +0230]";
        assert_eq!(find(StampFormat::Clf, line), Some(SECONDS * 1_000_000_000));
    }

    #[test]
    fn clf_that_is_no_date_is_passed_over() {
        let line = "[99/May/2015:10:05:03 +0000] [17/Foo/2015:10:05:03 +0000] [17/May/2015:10:05:03 +0000]";
        assert_eq!(find(StampFormat::Clf, line), Some(SECONDS * 1_000_000_000));
        assert_eq!(find(StampFormat::Clf, "17/May/2015:10:05:03 +0000"), None);
        assert_eq!(find(StampFormat::Clf, ""), None);
    }

    #[test]
    fn rfc3339_in_its_spellings() {
        for line in [
            "2015-05-17T10:05:03Z GET /",
            "at=2015-05-17t10:05:03.000z",
            "<2015-05-17 10:05:03+00:00>",
            "2015-05-17T07:35:03-02:30",
            "2015-13-17T10:05:03Z 2015-05-17T10:05:03Z",
        ] {
            assert_eq!(
                find(StampFormat::Rfc3339, line),
                Some(SECONDS * 1_000_000_000),
                "{line}"
            );
        }
        for line in [
            "2015-05-17T10:05:03.000000001Z",
            "2015-05-17T10:05:03.0000000019999Z",
        ] {
            let fine = find(StampFormat::Rfc3339, line);
            assert_eq!(fine, Some(SECONDS * 1_000_000_000 + 1), "{line}");
        }
    }

    #[test]
    fn a_leap_second_is_the_second_before_it() {
        let leap = find(StampFormat::Rfc3339, "2015-06-30T23:59:60Z");
        assert_eq!(leap, find(StampFormat::Rfc3339, "2015-06-30T23:59:59Z"));
        let leap = find(StampFormat::Clf, "[30/Jun/2015:23:59:60 +0000]");
        assert_eq!(leap, find(StampFormat::Clf, "[30/Jun/2015:23:59:59 +0000]"));
        assert!(leap.is_some());
    }

    #[test]
    fn what_does_not_fit_the_clock_is_not_seen() {
        assert!(find(StampFormat::Rfc3339, "2554-07-21T23:34:33Z").is_some());
        assert_eq!(find(StampFormat::Rfc3339, "2554-07-21T23:34:34Z"), None);
    }

    #[test]
    fn rfc3339_needs_an_offset() {
        assert_eq!(find(StampFormat::Rfc3339, "2015-05-17T10:05:03"), None);
        assert_eq!(find(StampFormat::Rfc3339, "12015-05-17T10:05:03Z"), None);
        assert_eq!(find(StampFormat::Rfc3339, "2015-05-17T10:05:031Z"), None);
        assert_eq!(find(StampFormat::Rfc3339, "2015-05-17T10:05:03.Z"), None);
    }

    #[test]
    fn unix_times_are_told_apart_by_their_length() {
        let base = SECONDS * 1_000_000_000;
        for (line, expected) in [
            ("1431857103 GET", base),
            ("t=1431857103.25,", base + 250_000_000),
            ("[1431857103.1234567891]", base + 123_456_789),
            ("\"1431857103250\"", base + 250_000_000),
            ("1431857103250001", base + 250_001_000),
            ("1431857103250000001", base + 250_000_001),
            ("it was 1431857103.", base),
            ("it was 1431857103...", base),
        ] {
            assert_eq!(find(StampFormat::Unix, line), Some(expected), "{line}");
        }
    }

    #[test]
    fn unix_times_stand_alone() {
        for line in [
            "id1431857103",
            "é1431857103",
            "1431857103s",
            "1.1431857103",
            "1431857103.5.3",
            "1431857103-2",
            "-1431857103",
            "143185710",
            "14318571031",
            "1431857103250.5",
        ] {
            assert_eq!(find(StampFormat::Unix, line), None, "{line}");
        }
        let line = "user-1431857199 id1431857188 1431857103";
        assert_eq!(find(StampFormat::Unix, line), Some(SECONDS * 1_000_000_000));
    }

    #[test]
    fn what_may_go_on_is_no_stamp_yet() {
        let finder = StampFormat::Unix.finder().unwrap();
        let base = SECONDS * 1_000_000_000;
        assert_eq!(finder.find(b"a 1431857103", true), None);
        assert_eq!(finder.find(b"a 1431857103 ", true), Some(base));
        let finder = StampFormat::Rfc3339.finder().unwrap();
        assert_eq!(finder.find(b"2015-05-17T10:05:03Z", true), None);
        assert_eq!(finder.find(b"2015-05-17T10:05:03Z", false), Some(base));
    }

    #[test]
    fn stamps_from_before_1970_are_taken_as_1970() {
        assert_eq!(find(StampFormat::Rfc3339, "1969-05-17T10:05:03Z"), Some(0));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for format in [StampFormat::Clf, StampFormat::Rfc3339, StampFormat::Unix] {
            let finder = format.finder().unwrap();
            assert_eq!(
                finder.find(b"\xff\x00[\xfe/\xfd/2015:10:05:03 +0000]", false),
                None
            );
            assert_eq!(finder.find(&[b'1'; 70_000], true), None);
        }
    }
}
