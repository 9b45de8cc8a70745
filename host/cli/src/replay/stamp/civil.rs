//! Stamps that are dates and times.

use super::notation::Notation;
use super::offset::offset;
use super::year::{YearSource, Years};
use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use regex::bytes::{Captures, Match, Regex};

/// The longest part of a stamp that may follow a shorter stamp. A line that is cut there may have
/// lost it.
const LONGEST_REST: usize = " GMT+00:00 2015 GMT +00:00".len();

/// Finds the first stamp of a notation.
#[derive(Debug, Clone)]
pub(super) struct CivilFinder {
    patterns: Vec<Regex>,
    /// The zone of stamps without an offset.
    zone: Option<TimeZone>,
    years: Option<Years>,
}

impl CivilFinder {
    pub(super) fn new(
        notation: Notation,
        zone: Option<TimeZone>,
        year: Option<YearSource>,
    ) -> Result<Self, regex::Error> {
        let patterns = notation.patterns.iter();
        let patterns = patterns.map(|parts| Regex::new(&format!("(?-u){}", parts.concat())));
        // A sender that leaves out the year leaves out the offset too.
        let zone = zone.or_else(|| (!notation.has_years).then_some(TimeZone::UTC));
        let years = year.map(|year| Years::new(year, zone.clone().unwrap_or(TimeZone::UTC)));
        Ok(Self {
            patterns: patterns.collect::<Result<_, _>>()?,
            zone,
            years,
        })
    }

    pub(super) fn find(&mut self, line: &[u8], goes_on: bool) -> Option<u64> {
        let first = |pattern: &Regex| {
            let mut found = pattern.captures_iter(line);
            found.find_map(|found| self.read(line, &found, goes_on))
        };
        let found = self.patterns.iter().filter_map(first);
        let (_, stamp) = found.min_by_key(|(start, _)| *start)?;
        if let Some(years) = &mut self.years {
            years.found(stamp);
        }
        u64::try_from(stamp.as_nanosecond()).ok()
    }

    /// Returns the start of a match and its time, if it is one.
    fn read(&self, line: &[u8], found: &Captures<'_>, goes_on: bool) -> Option<(usize, Timestamp)> {
        let whole = found.get(0)?;
        let cut = goes_on && whole.end() + LONGEST_REST > line.len();
        if cut || !stands_alone(line, whole) {
            return None;
        }
        let year = match text(found, "year") {
            Some(year) => Some(year.parse().ok()?),
            None => None,
        };
        let stamp = match year {
            Some(year) => self.stamp(line, found, year),
            None => {
                let years = self.years.as_ref()?;
                years.find(|year| self.stamp(line, found, year))
            }
        };
        // A time before 1970 stands for none, such as 0001-01-01T00:00:00Z.
        let stamp = stamp.filter(|stamp| u64::try_from(stamp.as_nanosecond()).is_ok())?;
        Some((whole.start(), stamp))
    }

    /// Returns the time of a match in this year.
    fn stamp(&self, line: &[u8], found: &Captures<'_>, year: i16) -> Option<Timestamp> {
        let (month, day) = (text(found, "month")?, text(found, "day")?);
        let time = text(found, "time")?;
        let fraction = text(found, "fraction").unwrap_or("0");
        // Digits beyond nanoseconds are left out.
        let fraction = fraction.get(..9).unwrap_or(fraction);
        let month_format = match month.parse::<u8>() {
            Ok(_) => "%m",
            Err(_) => "%b",
        };
        let (hour_format, half) = match text(found, "half") {
            Some(half) => ("%p %I", format!("{half} ")),
            None => ("%H", String::new()),
        };
        let colon = if time.contains(':') { ":" } else { "" };
        let parsed = BrokenDownTime::parse(
            format!("%Y-{month_format}-%d {hour_format}{colon}%M{colon}%S.%f"),
            format!("{year:04}-{month}-{day} {half}{time}.{fraction}"),
        );
        let datetime = parsed.ok()?.to_datetime().ok()?;
        let zone = self.zone(line, found)?;
        Some(datetime.to_zoned(zone).ok()?.timestamp())
    }

    /// Returns the zone of a match, or `None` if it is unknown, so that the match is no stamp.
    fn zone(&self, line: &[u8], found: &Captures<'_>) -> Option<TimeZone> {
        let rest = line.get(found.get(0)?.end()..)?;
        let goes_on_with = |marks: &[u8]| match rest {
            [mark, digit, ..] => marks.contains(mark) && digit.is_ascii_digit(),
            _ => false,
        };
        let own = match text(found, "offset") {
            // A number of its own, such as ` -1000.5`.
            Some(own) if own.starts_with([' ']) && is_signed(own) && goes_on_with(b".:") => None,
            own => own.map(str::trim_start),
        };
        let is_else = match own {
            Some("Z" | "z") => false,
            Some(own) if own.contains(['+', '-']) => goes_on_with(b".:"),
            // An offset that does not exist, such as `+99:00` or `GMT+99`.
            _ => goes_on_with(b"+-"),
        };
        if is_else {
            return None;
        }
        if let Some(own) = own {
            return Some(TimeZone::fixed(offset(own)?));
        }
        // The names of other zones are ambiguous.
        match text(found, "zone").and_then(offset) {
            Some(offset) => Some(TimeZone::fixed(offset)),
            None => self.zone.clone(),
        }
    }
}

/// Returns `true` if an offset is a number alone.
fn is_signed(offset: &str) -> bool {
    offset.trim_start().starts_with(['+', '-'])
}

/// Returns `true` unless a digit directly before or after a match may belong to it.
fn stands_alone(line: &[u8], found: Match<'_>) -> bool {
    let starts_with_digit = found.as_bytes().first().is_some_and(u8::is_ascii_digit);
    let before = found.start().checked_sub(1).and_then(|at| line.get(at));
    let after = line.get(found.end());
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    !(starts_with_digit && is_digit(before) || is_digit(after))
}

/// Returns the text of a group.
fn text<'a>(found: &Captures<'a>, group: &str) -> Option<&'a str> {
    std::str::from_utf8(found.name(group)?.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::super::notation::{CLF, RFC3164, RFC3339};
    use super::super::offset::parse_offset;
    use super::*;
    use std::sync::LazyLock;

    /// 17 May 2015, 10:05:03 UTC.
    const NANOS: u64 = 1_431_857_103_000_000_000;

    fn finder(notation: Notation, offset: Option<&str>, year: Option<i16>) -> CivilFinder {
        let zone = offset.map(|offset| parse_offset(offset).unwrap());
        CivilFinder::new(notation, zone, year.map(YearSource::First)).unwrap()
    }

    fn clf(line: &str) -> Option<u64> {
        finder(CLF, None, None).find(line.as_bytes(), false)
    }

    /// Patterns are compiled once, since without optimization this takes long.
    static RFC3339_FINDER: LazyLock<CivilFinder> = LazyLock::new(|| finder(RFC3339, None, None));

    fn rfc3339(line: &str) -> Option<u64> {
        RFC3339_FINDER.clone().find(line.as_bytes(), false)
    }

    fn rfc3339_or(zone: &str, line: &str) -> Option<u64> {
        let mut finder = RFC3339_FINDER.clone();
        finder.zone = Some(parse_offset(zone).unwrap());
        finder.find(line.as_bytes(), false)
    }

    fn rfc3164(line: &str) -> Option<u64> {
        static FINDER: LazyLock<CivilFinder> = LazyLock::new(|| finder(RFC3164, None, Some(2015)));
        FINDER.clone().find(line.as_bytes(), false)
    }

    #[test]
    fn clf_is_found_in_a_combined_line() {
        let line = r#"::1 - - [17/May/2015:10:05:03 +0000] "GET /[18/May/2015:10:05:03 +0000] HTTP/1.1" 200 7 "-" "-""#;
        assert_eq!(clf(line), Some(NANOS));
    }

    #[test]
    fn clf_has_an_offset_and_maybe_a_fraction() {
        for (line, nanos) in [
            ("[17/May/2015:12:35:03 +0230]", 0),
            ("[17/May/2015:10:05:03.250 +0000]", 250_000_000),
            ("[17/May/2015:10:05:03,250 +00:00]", 250_000_000),
            ("[17/may/2015:10:05:03.000000001 UTC]", 1),
        ] {
            assert_eq!(clf(line), Some(NANOS + nanos), "{line}");
        }
        let line = b"[17/May/2015:10:05:03.250]";
        assert_eq!(clf("[17/May/2015:10:05:03.250]"), None);
        let found = finder(CLF, Some("-01:00"), None).find(line, false);
        assert_eq!(found, Some(NANOS + 3_600_250_000_000));
    }

    #[test]
    fn clf_that_is_no_date_is_passed_over() {
        let line = "[99/May/2015:10:05:03 +0000] [17/Foo/2015:10:05:03 +0000] [17/May/2015:10:05:03 +0000]";
        assert_eq!(clf(line), Some(NANOS));
        assert_eq!(clf("17/May/2015:10:05:03 +0000"), None);
        assert_eq!(clf(""), None);
    }

    #[test]
    fn rfc3339_in_its_spellings() {
        for line in [
            "2015-05-17T10:05:03Z GET /",
            "at=2015-05-17t10:05:03.000z",
            "<2015-05-17 10:05:03+00:00>",
            "2015-05-17T07:35:03-02:30",
            "2015-05-17T12:05:03+0200 host",
            "2015-05-17 12:05:03 +0200",
            "2015-05-17 12:05:03+02",
            "2015-05-17T10:05:03,000Z",
            "2015-05-17 10:05:03.000 UTC [1]",
            "Sun 2015-05-17 10:05:03 UTC",
            "2015-05-17\t10:05:03\tGMT 2015-05-17 10:05:03 GMT",
            "2015/05/17 10:05:03Z",
            "Sun, 17 May 2015 10:05:03 +0000",
            "[17-May-2015 10:05:03 UTC]",
            "Sun May 17 10:05:03 UTC 2015",
            "Sun May 17 12:05:03 +0200 2015",
            "Date:   Sun May 17 12:05:03 2015 +0200",
            "May 17, 2015 10:05:03 AM UTC org.example.Tea",
            "=INFO REPORT==== 17-May-2015::10:05:03Z ===",
            "[17/May/2015 10:05:03 +0000] \"GET /\"",
            "2015-13-17T10:05:03Z 2015-05-17T10:05:03Z",
            "20150517T100503Z",
            "20150517T120503.000+0200",
            "2015 May 17 10:05:03 UTC host",
            "2015-May-17 10:05:03 UTC",
            "[17May2015 10:05:03.000 UTC] [main/INFO]",
            "May 17, 2015 @ 10:05:03.000 UTC",
            "notAfter=May 17 10:05:03 2015 GMT",
        ] {
            assert_eq!(rfc3339(line), Some(NANOS), "{line}");
        }
        for line in [
            "2015-05-17T10:05:03.000000001Z",
            "2015-05-17T10:05:03.0000000019999Z",
        ] {
            assert_eq!(rfc3339(line), Some(NANOS + 1), "{line}");
        }
    }

    #[test]
    fn an_offset_may_follow_the_name_of_utc() {
        for line in [
            "Sun May 17 2015 12:05:03 GMT+0200 (Central European Summer Time)",
            "2015-05-17 12:05:03 GMT+02:00 tea",
            "2015-05-17 12:05:03 UTC+2",
            "2015-05-17T05:05:03UTC-5",
            "2015-05-17 15:35:03 utc+5:30 tea",
            "2015-05-17 12:05:03 GMT +0200",
            "Sun May 17 12:05:03 GMT+02:00 2015",
            "2015-05-17 10:05:03 UTC -5 degrees",
        ] {
            assert_eq!(rfc3339(line), Some(NANOS), "{line}");
        }
    }

    /// A wrong offset would move the clock by hours, and it never comes back.
    #[test]
    fn a_number_after_the_time_is_no_offset() {
        for line in [
            "2015-05-17 12:05:03 -12.5 C",
            "2015-05-17 12:05:03 -05 C",
            "2015-05-17 12:05:03 +10 points",
            "2015-05-17 12:05:03 -67 dBm",
            "2015-05-17 12:05:03 -33.86 151.2",
            "2015-05-17 12:05:03 -1000.5 ms",
            "2015-05-17 12:05:03 +1234 tea",
            "2015-05-17 12:05:03 +10:07 tea",
            "2015-05-17 12:05:03 -9999",
            "2015-05-17 12:05:03 +0000123",
            "2015-05-17  12:05:03 140 [Note] tea",
        ] {
            assert_eq!(rfc3339(line), None, "{line}");
            assert_eq!(rfc3339_or("+02:00", line), Some(NANOS), "{line}");
        }
        // In lists, another value may follow.
        for line in ["2015-05-17 12:05:03 +0200,5", "2015-05-17 12:05:03+02,5"] {
            assert_eq!(rfc3339(line), Some(NANOS), "{line}");
        }
    }

    #[test]
    fn an_offset_that_does_not_exist_makes_it_no_stamp() {
        for line in [
            "2015-05-17T10:05:03+99:00",
            "2015-05-17T10:05:03+020000",
            "2015-05-17T10:05:03-12.5",
            "2015-05-17T10:05:03-05:20",
            "2015-05-17 10:05:03 GMT+99",
            "2015-05-17 10:05:03 GMT+5:20",
        ] {
            assert_eq!(rfc3339_or("UTC", line), None, "{line}");
        }
        for line in ["[17/May/2015:10:05:03 +9900]", "[17/May/2015:10:05:03 -05]"] {
            let found = finder(CLF, Some("UTC"), None).find(line.as_bytes(), false);
            assert_eq!(found, None, "{line}");
        }
    }

    #[test]
    fn the_first_stamp_of_a_line_counts_whatever_its_notation() {
        for line in [
            "2015-05-17T10:05:03Z 18 May 2015 10:05:03 UTC",
            "17 May 2015 10:05:03 UTC 2015-05-18T10:05:03Z",
        ] {
            assert_eq!(rfc3339(line), Some(NANOS), "{line}");
        }
    }

    #[test]
    fn a_time_without_an_offset_needs_the_option() {
        for line in [
            "2015-05-17T12:05:03",
            "2015-05-17 12:05:03,000 INFO",
            "2015-05-17\t12:05:03\tFRA6",
            "2015-05-17 12:05:03.000 CEST [7]",
            "2015-05-17 12:05:03 Zebra",
            "2015-05-17_12:05:03.00000",
            "2015/05/17 12:05:03 [error]",
            "I20150517 12:05:03.000000 7",
            "[Sun May 17 12:05:03.000000 2015]",
            "7:M 17 May 2015 12:05:03.000 *",
            "Sun May 17 12:05:03 CEST 2015",
            "May 17, 2015 12:05:03 PM org.example.Tea",
            "2015-05-17 12:05:03 pm",
        ] {
            assert_eq!(rfc3339(line), None, "{line}");
            assert_eq!(rfc3339_or("+02:00", line), Some(NANOS), "{line}");
        }
        // An offset of its own comes first.
        assert_eq!(rfc3339_or("+02:00", "2015-05-17T10:05:03Z"), Some(NANOS));
    }

    #[test]
    fn a_time_of_twelve_hours_is_before_or_after_noon() {
        for (line, hours) in [
            ("2015-05-17 10:05:03 PM Z", 12),
            ("2015-05-17 12:05:03 AM Z", -10),
            ("2015-05-17 9:05:03 pm +0000", 11),
            ("2015-05-17 9:05:03Z", -1),
            ("2015-05-17 10:05:03 UTC PMIX", 0),
        ] {
            let nanos = NANOS.checked_add_signed(hours * 3_600_000_000_000);
            assert_eq!(rfc3339(line), nanos, "{line}");
        }
        assert_eq!(rfc3339("2015-05-17 13:05:03 PM Z"), None);
    }

    #[test]
    fn what_touches_other_digits_is_no_stamp() {
        for line in [
            "12015-05-17T10:05:03Z",
            "2015-05-17T10:05:031Z",
            "2015-05-17T10:05:03.Z",
        ] {
            assert_eq!(rfc3339(line), None, "{line}");
        }
    }

    #[test]
    fn a_leap_second_is_the_second_before_it() {
        let leap = rfc3339("2015-06-30T23:59:60Z");
        assert_eq!(leap, rfc3339("2015-06-30T23:59:59Z"));
        let leap = clf("[30/Jun/2015:23:59:60 +0000]");
        assert_eq!(leap, clf("[30/Jun/2015:23:59:59 +0000]"));
        assert!(leap.is_some());
    }

    #[test]
    fn what_does_not_fit_the_clock_is_no_stamp() {
        assert!(rfc3339("2554-07-21T23:34:33Z").is_some());
        assert_eq!(rfc3339("2554-07-21T23:34:34Z"), None);
        assert_eq!(rfc3339("1970-01-01T00:00:00Z"), Some(0));
        for none in ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59.9Z"] {
            assert_eq!(rfc3339(none), None, "{none}");
            let line = format!("{{\"expires\":\"{none}\",\"time\":\"2015-05-17T10:05:03Z\"}}");
            assert_eq!(rfc3339(&line), Some(NANOS));
        }
    }

    #[test]
    fn rfc3164_has_no_year_and_counts_as_utc() {
        for line in [
            "May 17 10:05:03 host sshd[7]: ok",
            "<34>May 17 10:05:03 host",
            "<189>7: *May 17 10:05:03.000: %SYS-5",
            "may 17 10:05:03 host 2016",
            "May 17 12:05:03 +0200 host",
            "May 17 2015 10:05:03 host",
            "[Sun May 17 10:05:03.000000 2015] [core:error]",
            "I0517 10:05:03.000000       7 main.go:7]",
            "Foo 17 10:05:03 May 17 10:05:03",
            "7:M 17 May 10:05:03.000 * 1 changes",
            "May 17 10:05:03 -12.5 C",
        ] {
            assert_eq!(rfc3164(line), Some(NANOS), "{line}");
        }
        assert_eq!(
            rfc3164("May  7 10:05:03"),
            Some(NANOS - 864_000_000_000_000)
        );
        for line in ["May 32 10:05:03", "Feb 29 10:05:03", "XMay 17 10:05:03"] {
            assert_eq!(rfc3164(line), None, "{line}");
        }
        let found = finder(RFC3164, Some("+0200"), Some(2015)).find(b"May 17 12:05:03", false);
        assert_eq!(found, Some(NANOS));
    }

    #[test]
    fn rfc3164_keeps_a_year_that_is_there() {
        for line in [
            "2014 May 17 10:05:03 host",
            "2014-May-17 10:05:03 host",
            "May 17 2014 10:05:03 host",
            "May 17 10:05:03 2014 GMT",
            "Sat May 17 10:05:03 2014",
            "7:M 17 May 2014 10:05:03.000 * 1 changes",
        ] {
            assert_eq!(
                rfc3164(line),
                Some(NANOS - 365 * 86_400_000_000_000),
                "{line}"
            );
        }
        // This number may be anything.
        assert_eq!(rfc3164("May 17 10:05:03 2014 cups"), Some(NANOS));
    }

    #[test]
    fn what_may_go_on_is_no_stamp_yet() {
        let mut finder = finder(RFC3339, Some("UTC"), None);
        for end in ["", " ", " +0200", "Z GET"] {
            let line = format!("2015-05-17T10:05:03{end}");
            assert_eq!(finder.find(line.as_bytes(), true), None, "{line}");
        }
        let found = finder.find(b"2015-05-17T10:05:03 GET /a/long/path/to/the/tea", true);
        assert_eq!(found, Some(NANOS));
    }
}
