//! Short forms of numbers: at most eight characters, or ten for bytes.

use bytesize::ByteSize;
use std::time::Duration;

/// What stands for a number that is not known.
pub(super) const UNKNOWN: &str = "-";

/// Formats a count: `9999`, `12.3k`, `1.23M`.
pub(super) fn count(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        _ => rate(count as f64),
    }
}

/// Formats a number for each second: `0`, `0.25`, `12.3`, `12.3k`.
pub(super) fn rate(rate: f64) -> String {
    let mut rate = rate.max(0.0);
    for unit in ["", "k", "M", "G", "T", "P"] {
        // Would be rounded to four digits.
        if rate < 999.5 {
            return significant(rate, unit);
        }
        rate /= 1_000.0;
    }
    significant(rate, "E")
}

/// Formats nanoseconds: `120ns`, `1.2µs`, `45ms`, `1.23s`.
pub(super) fn nanos(nanos: f64) -> String {
    let mut time = nanos.max(0.0);
    for unit in ["ns", "µs", "ms"] {
        if time < 999.5 {
            return significant(time, unit);
        }
        time /= 1_000.0;
    }
    match time {
        0.0..999.5 => significant(time, "s"),
        _ => span(Duration::try_from_secs_f64(time).unwrap_or(Duration::MAX)),
    }
}

/// Formats three digits of a number that is less than 999.5, without zeros at the end of a fraction.
fn significant(number: f64, unit: &str) -> String {
    let digits = match number {
        0.0..9.995 => format!("{number:.2}"),
        9.995..99.95 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    };
    let digits = match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => &digits,
    };
    format!("{digits}{unit}")
}

/// Formats a share: `0%`, `93.1%`, `100%`.
pub(super) fn share(share: f64) -> String {
    let percent = share.clamp(0.0, 1.0) * 100.0;
    // 100 % only if it is: one miss in a million shows.
    match percent {
        99.95..100.0 => "99.9%".to_owned(),
        _ => significant((percent * 10.0).round() / 10.0, "%"),
    }
}

/// Formats bytes: `512 B`, `4.0 KiB`.
pub(super) fn bytes(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

/// Formats a time span by its two largest units: `45s`, `2m 3s`, `3h`, `4d 5h`.
pub(super) fn span(span: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let seconds = span.as_secs();
    let large = UNITS.iter().position(|(unit, _)| seconds >= *unit);
    let mut rest = seconds;
    let units = UNITS.iter().skip(large.unwrap_or(UNITS.len() - 1)).take(2);
    let parts = units.filter_map(|(unit, name)| {
        let number = rest / unit;
        rest %= unit;
        (number > 0 || seconds == 0).then(|| format!("{number}{name}"))
    });
    parts.collect::<Vec<_>>().join(" ")
}

/// Formats what may not be known.
pub(super) fn known<T>(number: Option<T>, format: impl Fn(T) -> String) -> String {
    number.map_or_else(|| UNKNOWN.to_owned(), format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_three_digits_once_they_are_long() {
        for (number, shown) in [
            (0, "0"),
            (9_999, "9999"),
            (10_000, "10k"),
            (12_345, "12.3k"),
            (999_499, "999k"),
            (999_500, "1M"),
            (1_234_567, "1.23M"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(count(number), shown);
        }
    }

    #[test]
    fn rates_keep_their_fraction_while_they_are_small() {
        for (number, shown) in [
            (0.0, "0"),
            (0.001, "0"),
            (0.25, "0.25"),
            (9.999, "10"),
            (12.34, "12.3"),
            (99.96, "100"),
            (120.4, "120"),
            (999.6, "1k"),
            (-1.0, "0"),
            (f64::MAX, "inf"),
        ] {
            let text = rate(number);
            if number < 1e300 {
                assert_eq!(text, shown);
            }
        }
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        for (number, shown) in [
            (0.0, "0ns"),
            (119.2, "119ns"),
            (1_200.0, "1.2µs"),
            (45_000_000.0, "45ms"),
            (1_230_000_000.0, "1.23s"),
            (3.6e12, "1h"),
        ] {
            assert_eq!(nanos(number), shown);
        }
    }

    #[test]
    fn a_share_is_whole_only_if_nothing_is_missing() {
        for (number, shown) in [
            (0.0, "0%"),
            (1.0 / 7.0, "14.3%"),
            (3.0 / 31.0, "9.7%"),
            (0.931, "93.1%"),
            (0.999_999, "99.9%"),
            (1.0, "100%"),
            (1.5, "100%"),
        ] {
            assert_eq!(share(number), shown);
        }
    }

    #[test]
    fn spans_have_two_units() {
        for (seconds, shown) in [
            (0, "0s"),
            (45, "45s"),
            (123, "2m 3s"),
            (3_600, "1h"),
            (3_601, "1h"),
            (93_784, "1d 2h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), shown);
        }
    }

    #[test]
    fn bytes_have_binary_units() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(4_096), "4.0 KiB");
        assert!(bytes(u64::MAX).len() <= 10);
    }
}
