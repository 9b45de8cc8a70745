//! The command-line options.

use std::{error::Error, ffi::OsStr, time::Duration};

use lexopt::Arg::{Long, Short};

pub(crate) const HELP: &str = "\
Reports when the visitors of a web server's log fall silent.

Usage: watchdog [--silence SPAN] < access.log

The first field of a line is the visitor. Prints a visitor when the given time
has passed since the visitor's last line. Ends when all visitors are silent.

Options:
  --silence SPAN  time without a line, such as 30m, 90s or 1h30m  [default: 30m]
  -h, --help      print this help and exit

Prints a summary at the end:
  lines=N visitors=N silences=N
";

#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) silence: Duration,
}

impl Options {
    /// Parses the options. Returns `None` if help is requested.
    pub(crate) fn parse(mut args: lexopt::Parser) -> Result<Option<Self>, Box<dyn Error>> {
        let mut silence = Duration::from_secs(30 * 60);
        while let Some(arg) = args.next()? {
            match arg {
                Long("silence") => silence = span("--silence", &args.value()?)?,
                Short('h') | Long("help") => return Ok(None),
                other => return Err(format!("{} (see --help)", other.unexpected()).into()),
            }
        }
        Ok(Some(Self { silence }))
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
            (&[], Duration::from_secs(1800)),
            (&["--silence", "1h"], Duration::from_secs(3600)),
            (&["--silence=60s"], Duration::from_secs(60)),
            (&["--silence", "500ms"], Duration::from_millis(500)),
            (&["--silence", "1h30m"], Duration::from_secs(5400)),
        ];
        for (args, silence) in cases {
            assert_eq!(parse(args), Ok(Some(Options { silence })), "{args:?}");
        }
    }

    #[test]
    fn a_wrong_option_or_value_is_an_error_that_names_it() {
        let cases: [(&[&str], &str); 8] = [
            (&["--silence", "0s"], "--silence 0s"),
            (&["--silence", "30"], "--silence \"30\""),
            (&["--silence", "soon"], "--silence \"soon\""),
            (&["--silence", "-5m"], "--silence \"-5m\""),
            (&["--silence", ""], "--silence \"\""),
            (&["--silence"], "--silence"),
            (&["--silnce", "30m"], "--silnce"),
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
        assert_eq!(parse(&["--silence", "1h", "-h"]), Ok(None));
    }
}
