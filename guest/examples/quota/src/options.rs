//! The options, which the sidecar sets with `--env`.

use std::time::Duration;

/// The size of a bucket, and the time within which it is refilled.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) limit: u32,
    pub(crate) window: Duration,
}

impl Options {
    /// Reads the variables `QUOTA_LIMIT`, 10 by default, and `QUOTA_WINDOW`, 60s by default.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let limit = match variable("QUOTA_LIMIT") {
            None => 10,
            Some(text) => match text.parse() {
                Ok(limit @ 1..) => limit,
                _ => return Err(format!("QUOTA_LIMIT {text:?}: expected a number from 1 on")),
            },
        };
        let window = match variable("QUOTA_WINDOW") {
            None => Duration::from_secs(60),
            Some(text) => match humantime::parse_duration(&text) {
                Ok(window) if window > Duration::ZERO => window,
                _ => {
                    return Err(format!(
                        "QUOTA_WINDOW {text:?}: expected a time such as 60s"
                    ));
                }
            },
        };
        Ok(Self { limit, window })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_replace_the_defaults() {
        let read = |limit: Option<&str>, window: Option<&str>| {
            Options::read(|name| match name {
                "QUOTA_LIMIT" => limit.map(str::to_owned),
                "QUOTA_WINDOW" => window.map(str::to_owned),
                _ => None,
            })
        };
        let options = |limit, seconds| {
            Ok(Options {
                limit,
                window: Duration::from_secs(seconds),
            })
        };
        assert_eq!(read(None, None), options(10, 60));
        assert_eq!(read(Some("3"), Some("1h")), options(3, 3_600));
        for bad in ["0", "-1", "x", ""] {
            assert!(read(Some(bad), None).is_err_and(|text| text.contains("QUOTA_LIMIT")));
        }
        for bad in ["0s", "60", "x", ""] {
            assert!(read(None, Some(bad)).is_err_and(|text| text.contains("QUOTA_WINDOW")));
        }
    }
}
