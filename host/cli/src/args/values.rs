//! Parsers of option values.

use bytesize::ByteSize;
use localmap::Ttl;
use std::time::Duration;

/// Parses a time span greater than zero, such as `30s`, `5m`, `1h 30m` or `500ms`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be greater than zero, for example 500ms, 30s or 5m".into()),
        Ok(duration) => Ok(duration),
        Err(_) => Err("use a time span with a unit, such as 500ms, 30s or 5m".into()),
    }
}

/// Parses a time span, `never` or `default`.
pub(crate) fn parse_ttl(text: &str) -> Result<Ttl, String> {
    match text {
        "default" => Ok(Ttl::Default),
        "never" => Ok(Ttl::Never),
        _ => parse_duration(text).map(Ttl::After),
    }
}

/// Parses a number of bytes: `4096`, `64KiB`, `1MB`.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    text.parse::<ByteSize>()
        .map(|size| size.as_u64())
        .map_err(|_| "expected a number of bytes such as 4096, 64KiB or 1MB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_and_are_not_zero() {
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("1h 30m"), Ok(Duration::from_secs(5400)));
        for bad in [
            "",
            "0s",
            "30",
            "-1s",
            "s",
            "1 fortnight",
            "99999999999999999999s",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ttls_may_be_words() {
        assert_eq!(parse_ttl("never"), Ok(Ttl::Never));
        assert_eq!(parse_ttl("default"), Ok(Ttl::Default));
        assert_eq!(parse_ttl("5m"), Ok(Ttl::After(Duration::from_secs(300))));
        assert!(parse_ttl("0s").is_err());
    }

    #[test]
    fn sizes_may_have_a_unit() {
        assert_eq!(parse_size("4096"), Ok(4096));
        assert_eq!(parse_size("64KiB"), Ok(65_536));
        assert_eq!(parse_size("1MB"), Ok(1_000_000));
        for bad in ["", "-1", "1 parsec", "KiB"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}
