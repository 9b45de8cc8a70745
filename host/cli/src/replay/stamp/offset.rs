//! The time zone of stamps without an offset.

use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::{Offset, TimeZone};

/// Parses an offset such as `+02:00`, `-0530`, `+01`, `Z`, `UTC`, `GMT`, `UTC+2` or `GMT+02:00`.
pub(super) fn offset(text: &str) -> Option<Offset> {
    let text = text.to_ascii_lowercase();
    if ["z", "utc", "gmt"].contains(&text.as_str()) {
        return Some(Offset::UTC);
    }
    let named = ["utc", "gmt"]
        .iter()
        .find_map(|name| text.strip_prefix(name));
    let mut digits = named.map_or(&*text, str::trim_start).replace(':', "");
    // After a name, the hours may have one digit.
    if named.is_some() && digits.len().is_multiple_of(2) && digits.is_char_boundary(1) {
        digits.insert(1, '0');
    }
    let minutes = match digits.len() {
        3 => "00",
        5 => "",
        _ => return None,
    };
    let parsed = BrokenDownTime::parse("%z", format!("{digits}{minutes}")).ok()?;
    parsed.offset()
}

/// Parses the value of `--clock-offset`: an offset, or `local`.
pub(crate) fn parse_offset(text: &str) -> Result<TimeZone, String> {
    if text == "local" {
        return local();
    }
    match offset(text).filter(|_| !text.contains(char::is_whitespace)) {
        Some(offset) => Ok(TimeZone::fixed(offset)),
        None => Err("expected an offset such as +02:00 or -0530, UTC, or local".to_owned()),
    }
}

/// Returns the time zone of this machine. It is UTC if none is set, as in many containers.
fn local() -> Result<TimeZone, String> {
    match TimeZone::try_system() {
        Err(error) if std::env::var_os("TZ").is_some_and(|zone| !zone.is_empty()) => {
            Err(format!("cannot read the time zone of TZ: {error}"))
        }
        system => Ok(system.unwrap_or(TimeZone::UTC)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_in_their_spellings() {
        for (text, seconds) in [
            ("Z", 0),
            ("z", 0),
            ("UTC", 0),
            ("GMT", 0),
            ("+00:00", 0),
            ("-0000", 0),
            ("+02:00", 7_200),
            ("+0200", 7_200),
            ("+02", 7_200),
            ("-05:30", -19_800),
            ("-0530", -19_800),
            ("UTC+2", 7_200),
            ("utc-5:30", -19_800),
            ("GMT+02", 7_200),
        ] {
            assert_eq!(offset(text).map(Offset::seconds), Some(seconds), "{text}");
            assert!(parse_offset(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "2",
            "02:00",
            "+2",
            "+02:0",
            "+99:00",
            "CEST",
            "+02:00:00",
            " +02",
            "UTC2",
            "GMT+",
            "GMT\u{e9}",
        ] {
            assert!(parse_offset(text).is_err(), "{text}");
        }
    }
}
