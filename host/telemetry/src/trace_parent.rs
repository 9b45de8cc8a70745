//! The header `traceparent` of [W3C Trace Context](https://www.w3.org/TR/trace-context/), level 1.

use std::fmt;
use std::str::FromStr;

/// The trace and the span to which a request belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// The trace. Never 0.
    pub trace: u128,
    /// The span. Never 0.
    pub span: u64,
    /// The flags. The lowest bit means that the trace is sampled.
    pub flags: u8,
}

/// The error of a header that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent")]
#[non_exhaustive]
pub struct ParseTraceParentError;

impl FromStr for TraceParent {
    type Err = ParseTraceParentError;

    fn from_str(_text: &str) -> Result<Self, ParseTraceParentError> {
        Err(ParseTraceParentError)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace, span, flags } = self;
        write!(f, "00-{trace:032x}-{span:016x}-{flags:02x}")
    }
}
