//! Unix times, which are told apart by their number of digits.

use regex::bytes::{Captures, Regex};

/// Finds the first Unix time in a line.
#[derive(Debug)]
pub(super) struct UnixFinder {
    /// A run of characters of which a number may be the whole.
    run: Regex,
}

impl UnixFinder {
    pub(super) fn new() -> Result<Self, regex::Error> {
        // The adjacent characters determine whether the number stands alone; see `unix`.
        let run = Regex::new(r"(?-u)[A-Za-z0-9_.+\x80-\xff-]+")?;
        Ok(Self { run })
    }

    pub(super) fn find(&self, line: &[u8], goes_on: bool) -> Option<u64> {
        let stamp = |found: Captures<'_>| {
            let run = found.get(0)?;
            if goes_on && run.end() == line.len() {
                return None;
            }
            unix(std::str::from_utf8(run.as_bytes()).ok()?)
        };
        self.run.captures_iter(line).find_map(stamp)
    }
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
        (13, Some(fraction)) => Some(value * 1_000_000 + nanos_of(fraction)? / 1_000),
        (16, None) => Some(value * 1_000),
        (19, None) => Some(value),
        _ => None,
    }
}

/// Parses the digits after a decimal point as billionths. Further digits are ignored.
fn nanos_of(fraction: &str) -> Option<u64> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{fraction:0<9}").get(..9)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 17 May 2015, 10:05:03 UTC.
    const SECONDS: u64 = 1_431_857_103;

    fn find(line: &str) -> Option<u64> {
        UnixFinder::new().unwrap().find(line.as_bytes(), false)
    }

    #[test]
    fn unix_times_are_told_apart_by_their_length() {
        let base = SECONDS * 1_000_000_000;
        for (line, expected) in [
            ("1431857103 GET", base),
            ("t=1431857103.25,", base + 250_000_000),
            ("[1431857103.1234567891]", base + 123_456_789),
            ("\"1431857103250\"", base + 250_000_000),
            ("\"ts\":1431857103250.125}", base + 250_125_000),
            ("1431857103250001", base + 250_001_000),
            ("1431857103250000001", base + 250_000_001),
            ("audit(1431857103.250:77)", base + 250_000_000),
            ("it was 1431857103.", base),
            // The comma separates values.
            ("1431857103,25", base),
            ("it was 1431857103...", base),
        ] {
            assert_eq!(find(line), Some(expected), "{line}");
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
            "1431857103250001.5",
        ] {
            assert_eq!(find(line), None, "{line}");
        }
        let line = "user-1431857199 id1431857188 1431857103";
        assert_eq!(find(line), Some(SECONDS * 1_000_000_000));
    }

    #[test]
    fn what_may_go_on_is_no_stamp_yet() {
        let finder = UnixFinder::new().unwrap();
        assert_eq!(finder.find(b"a 1431857103", true), None);
        let found = finder.find(b"a 1431857103 ", true);
        assert_eq!(found, Some(SECONDS * 1_000_000_000));
    }
}
