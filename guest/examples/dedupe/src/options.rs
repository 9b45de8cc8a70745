//! The command-line options.

use std::{error::Error, ffi::OsStr, time::Duration};

use lexopt::Arg::{Long, Short};

pub(crate) const HELP: &str = "\
Copies a web server's log and drops repeated requests.

Usage: dedupe [--window SPAN] < access.log

A line is dropped if a line with the same client and the same request was kept
within the window before it. The client is the first field. The request is the
text between the first and the second double quote; in a line without two quotes
it is everything after the client.

Options:
  --window SPAN  length of the window, such as 90s or 1h30m  [default: 1h]
  -h, --help     print this help and exit

Writes the kept lines to standard output, unchanged, and a summary to standard
error at the end:
  lines=N kept=N dropped=N
";

#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) window: Duration,
}

impl Options {
    /// Parses the options. Returns `None` if help is requested.
    pub(crate) fn parse(mut args: lexopt::Parser) -> Result<Option<Self>, Box<dyn Error>> {
        let mut window = Duration::from_secs(60 * 60);
        while let Some(arg) = args.next()? {
            match arg {
                Long("window") => window = span("--window", &args.value()?)?,
                Short('h') | Long("help") => return Ok(None),
                other => return Err(format!("{} (see --help)", other.unexpected()).into()),
            }
        }
        Ok(Some(Self { window }))
    }
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
    fn spans_are_read_with_their_units() {
        let cases: [(&[&str], Duration); 5] = [
            (&[], Duration::from_secs(3600)),
            (&["--window", "30m"], Duration::from_secs(1800)),
            (&["--window=60s"], Duration::from_secs(60)),
            (&["--window", "500ms"], Duration::from_millis(500)),
            (&["--window", "1h30m"], Duration::from_secs(5400)),
        ];
        for (args, window) in cases {
            assert_eq!(parse(args), Ok(Some(Options { window })), "{args:?}");
        }
    }

    #[test]
    fn a_wrong_option_or_value_is_an_error_that_names_it() {
        let cases: [(&[&str], &str); 8] = [
            (&["--window", "0s"], "--window 0s"),
            (&["--window", "30"], "--window \"30\""),
            (&["--window", "soon"], "--window \"soon\""),
            (&["--window", "-5m"], "--window \"-5m\""),
            (&["--window", ""], "--window \"\""),
            (&["--window"], "--window"),
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
        assert_eq!(parse(&["--window", "1h", "-h"]), Ok(None));
    }
}
