//! The command-line options.

use std::{error::Error, ffi::OsStr, time::Duration};

use lexopt::Arg::{Long, Short};

pub(crate) const HELP: &str = "\
Reports which lines of a web server's log a rate limiter would have rejected.

Usage: limiter [--limit N] [--window SPAN] < access.log

The first field of a line is the client. Its first request starts a window in
which it may make N requests; the first request after that window starts the
next.

Options:
  --limit N      requests of one client in one window       [default: 10]
  --window SPAN  length of a window, such as 60s or 1h30m   [default: 60s]
  -h, --help     print this help and exit

Prints the number of each rejected line, counted from 1, and a summary at the
end:
  lines=N allowed=N limited=N
";

#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) limit: u32,
    pub(crate) window: Duration,
}

impl Options {
    /// Parses the options. Returns `None` if help is requested.
    pub(crate) fn parse(mut args: lexopt::Parser) -> Result<Option<Self>, Box<dyn Error>> {
        let mut limit = 10;
        let mut window = Duration::from_secs(60);
        while let Some(arg) = args.next()? {
            match arg {
                Long("limit") => limit = number("--limit", &args.value()?)?,
                Long("window") => window = span("--window", &args.value()?)?,
                Short('h') | Long("help") => return Ok(None),
                other => return Err(format!("{} (see --help)", other.unexpected()).into()),
            }
        }
        Ok(Some(Self { limit, window }))
    }
}

/// Parses a whole number.
fn number(option: &str, text: &OsStr) -> Result<u32, String> {
    let text = text.to_string_lossy();
    text.parse().map_err(|error| {
        format!(
            "{option} {text:?}: {error}; expected a whole number, 0 to {}",
            u32::MAX
        )
    })
}

/// Parses a time span that is not zero.
fn span(option: &str, text: &OsStr) -> Result<Duration, String> {
    let text = text.to_string_lossy();
    match humantime::parse_duration(&text) {
        Ok(Duration::ZERO) => Err(format!(
            "{option} {text}: use a time span of more than zero"
        )),
        Ok(span) => Ok(span),
        Err(error) => Err(format!(
            "{option} {text:?}: {error}; expected a time span such as 30m, 90s or 1h30m"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Option<Options>, String> {
        Options::parse(lexopt::Parser::from_args(args)).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_and_spans_are_read() {
        let cases: [(&[&str], u32, Duration); 4] = [
            (&[], 10, Duration::from_secs(60)),
            (&["--limit", "0"], 0, Duration::from_secs(60)),
            (&["--window=500ms"], 10, Duration::from_millis(500)),
            (
                &["--window", "1h30m", "--limit", "4294967295"],
                u32::MAX,
                Duration::from_secs(5400),
            ),
        ];
        for (args, limit, window) in cases {
            assert_eq!(parse(args), Ok(Some(Options { limit, window })), "{args:?}");
        }
    }

    #[test]
    fn a_wrong_option_or_value_is_an_error_that_names_it() {
        let cases: [(&[&str], &str); 9] = [
            (&["--limit", "-1"], "--limit \"-1\""),
            (&["--limit", "4294967296"], "--limit \"4294967296\""),
            (&["--limit", "ten"], "--limit \"ten\""),
            (&["--limit"], "--limit"),
            (&["--window", "0s"], "--window 0s"),
            (&["--window", "60"], "--window \"60\""),
            (&["--window", "a while"], "--window \"a while\""),
            (&["--idle", "30m"], "--idle"),
            (&["access.log"], "access.log"),
        ];
        for (args, name) in cases {
            let error = parse(args).unwrap_err();
            assert!(error.contains(name), "{args:?}: {error}");
        }
    }

    #[test]
    fn help_wins() {
        assert_eq!(parse(&["--help"]), Ok(None));
        assert_eq!(parse(&["--limit", "1", "-h"]), Ok(None));
    }
}
