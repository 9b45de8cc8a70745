//! The header `traceparent` of [W3C Trace Context](https://www.w3.org/TR/trace-context-1/), level 1.

use std::fmt;
use std::str::FromStr;

/// The length of a header of version 00, and the least length of one of a higher version.
const LEN: usize = 55;

/// The flag of a trace that is sampled.
pub(crate) const SAMPLED: u8 = 1;

/// The trace and the span to which a request belongs.
///
/// It is parsed from a header of version 00, or of a higher version as far as version 00 defines it, and
/// written as one of version 00. A request with several such headers has no parent.
///
/// ```
/// use localmap_telemetry::TraceParent;
///
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let parent: TraceParent = header.parse()?;
/// assert_eq!(parent.span, 0x00f067aa0ba902b7);
/// assert_eq!(parent.to_string(), header);
/// # Ok::<(), localmap_telemetry::ParseTraceParentError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// The trace. Never 0.
    pub trace: u128,
    /// The span. Never 0.
    pub span: u64,
    /// The flags. The lowest bit means that the trace is sampled.
    pub flags: u8,
}

impl TraceParent {
    /// Returns `true` if the trace is sampled.
    ///
    /// ```
    /// let parent: localmap_telemetry::TraceParent =
    ///     "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00".parse()?;
    /// assert!(!parent.is_sampled());
    /// # Ok::<(), localmap_telemetry::ParseTraceParentError>(())
    /// ```
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }
}

/// The error of a header that is none. Its request has no parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent")]
#[non_exhaustive]
pub struct ParseTraceParentError;

impl FromStr for TraceParent {
    type Err = ParseTraceParentError;

    /// Parses the value of a header, from which HTTP has removed the spaces around it.
    ///
    /// # Errors
    ///
    /// Returns [`ParseTraceParentError`] if the text is too short or, in version 00, too long; if it has
    /// a digit that is not one of `0` to `9` and `a` to `f`; if its version is ff; or if its trace or
    /// its span is 0.
    fn from_str(text: &str) -> Result<Self, ParseTraceParentError> {
        parse(text.as_bytes()).ok_or(ParseTraceParentError)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace, span, flags } = self;
        write!(f, "00-{trace:032x}-{span:016x}-{flags:02x}")
    }
}

fn parse(text: &[u8]) -> Option<TraceParent> {
    let (head, rest) = text.split_at_checked(LEN)?;
    if [2, 35, 52].iter().any(|&dash| head[dash] != b'-') {
        return None;
    }
    let version = hex(&head[..2])?;
    let flags = u8::try_from(hex(&head[53..])?).ok()?;
    let flags = match version {
        0 if rest.is_empty() => flags,
        0 | 0xff => return None,
        // Only this flag is sure to mean the same in a later version.
        _ if rest.first().is_none_or(|&byte| byte == b'-') => flags & SAMPLED,
        _ => return None,
    };
    let trace = hex(&head[3..35])?;
    let span = u64::try_from(hex(&head[36..52])?).ok()?;
    (trace != 0 && span != 0).then_some(TraceParent { trace, span, flags })
}

/// Reads up to 32 digits, of which letters are small.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number: u128, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "12345678901234567890123456789012";

    #[test]
    fn a_header_of_version_00_is_read_and_written() {
        for flags in [0, 1, 2, 0x80, 0xff] {
            let header = format!("00-{TRACE}-1234567890123456-{flags:02x}");
            let parent: TraceParent = header.parse().expect("it is valid");
            assert_eq!(parent.trace, 0x12345678901234567890123456789012);
            assert_eq!(parent.span, 0x1234567890123456);
            assert_eq!(parent.flags, flags);
            assert_eq!(parent.is_sampled(), flags & 1 == 1);
            assert_eq!(parent.to_string(), header);
        }
        let letters = "00-abcdefabcdefabcdefabcdefabcdefab-abcdefabcdefabcd-ef";
        assert_eq!(
            letters
                .parse::<TraceParent>()
                .map(|parent| parent.to_string()),
            Ok(letters.to_owned())
        );
    }

    /// The cases are those of the test suite of the specification.
    #[test]
    fn a_header_that_is_not_exact_is_invalid() {
        let invalid = [
            // Versions.
            format!("ff-{TRACE}-1234567890123456-01"),
            format!(".0-{TRACE}-1234567890123456-01"),
            format!("0.-{TRACE}-1234567890123456-01"),
            format!("FE-{TRACE}-1234567890123456-01"),
            format!("000-{TRACE}-1234567890123456-01"),
            format!("0-{TRACE}-1234567890123456-01"),
            format!("-{TRACE}-1234567890123456-01"),
            // Traces.
            "00-00000000000000000000000000000000-1234567890123456-01".to_owned(),
            "00-.2345678901234567890123456789012-1234567890123456-01".to_owned(),
            "00-1234567890123456789012345678901.-1234567890123456-01".to_owned(),
            "00-ABCDEFABCDEFABCDEFABCDEFABCDEFAB-1234567890123456-01".to_owned(),
            "00-123456789012345678901234567890123-1234567890123456-01".to_owned(),
            "00-1234567890123456789012345678901-1234567890123456-01".to_owned(),
            // Spans.
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}-.234567890123456-01"),
            format!("00-{TRACE}-123456789012345.-01"),
            format!("00-{TRACE}-ABCDEFABCDEFABCD-01"),
            format!("00-{TRACE}-12345678901234567-01"),
            format!("00-{TRACE}-123456789012345-01"),
            // Flags.
            format!("00-{TRACE}-1234567890123456-.0"),
            format!("00-{TRACE}-1234567890123456-0."),
            format!("00-{TRACE}-1234567890123456-0A"),
            format!("00-{TRACE}-1234567890123456-001"),
            format!("00-{TRACE}-1234567890123456-1"),
            format!("00-{TRACE}-1234567890123456"),
            // Dashes, spaces, signs, and what follows.
            format!("00 {TRACE}-1234567890123456-01"),
            format!("00-{TRACE}_1234567890123456-01"),
            format!(" 00-{TRACE}-1234567890123456-01"),
            format!("00-{TRACE}-1234567890123456-01 "),
            format!("00-{TRACE}-1234567890123456-01-what-the-future-will-be-like"),
            format!("+0-{TRACE}-1234567890123456-01"),
            format!("00-{TRACE}-123456789012345é-01"),
            String::new(),
        ];
        for header in invalid {
            assert_eq!(
                header.parse::<TraceParent>(),
                Err(ParseTraceParentError),
                "{header}"
            );
        }
    }

    #[test]
    fn a_higher_version_is_read_as_far_as_it_is_known() {
        for (version, rest) in [("cc", ""), ("cc", "-what"), ("01", "-"), ("fe", "--.Z é")] {
            let header = format!("{version}-{TRACE}-1234567890123456-ff{rest}");
            let parent: TraceParent = header.parse().expect("it is valid");
            assert_eq!(
                parent.to_string(),
                format!("00-{TRACE}-1234567890123456-01"),
                "{header}"
            );
        }
        for rest in [".", "0", "what"] {
            let header = format!("cc-{TRACE}-1234567890123456-01{rest}");
            assert_eq!(
                header.parse::<TraceParent>(),
                Err(ParseTraceParentError),
                "{header}"
            );
        }
        let short = format!("cc-{TRACE}-1234567890123456-0");
        assert_eq!(short.parse::<TraceParent>(), Err(ParseTraceParentError));
    }
}
