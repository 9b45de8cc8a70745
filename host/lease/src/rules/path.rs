//! The path of a request in its one form: decoded segments, without those that mean nothing.

use std::borrow::Cow;

/// The maximum number of segments of a path.
pub(super) const MAX_SEGMENTS: usize = 256;

/// The reason why a path has no such form. The guard refuses it, whatever the rules say: some programs
/// would take it for another path, which a rule may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathFault {
    /// A `%` without two hexadecimal digits.
    #[error("a `%` of the path is not followed by two hexadecimal digits")]
    Percent,
    /// A segment `.` or `..`, encoded or not.
    #[error("the path has a segment `.` or `..`")]
    Dots,
    /// A segment with a character that some programs take for the end of one: NUL, and `/` and `\` unless
    /// they are to be kept.
    #[error("a segment of the path has an encoded `/`, a `\\` or a NUL")]
    Separator,
    /// Too many segments.
    #[error("the path has more than {MAX_SEGMENTS} segments")]
    TooLong,
}

/// A decoded segment.
pub(crate) type Segment<'a> = Cow<'a, [u8]>;

/// Whether a segment can have an encoded `/`, or a `\`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separators {
    /// A program may decode a path before it divides it.
    Refuse,
    /// They are parts of names.
    Keep,
}

/// Returns the segments of a path, decoded once. Empty ones are left out, so `/a//b/` is `/a/b`. A target
/// that is no path, such as `*`, is `None`.
pub(super) fn segments(
    path: &str,
    separators: Separators,
) -> Result<Option<Vec<Segment<'_>>>, PathFault> {
    let Some(path) = path.strip_prefix('/') else {
        return Ok(None);
    };
    let mut segments = Vec::with_capacity(8);
    for raw in path.split('/').filter(|raw| !raw.is_empty()) {
        let segment = decode(raw)?;
        if matches!(&*segment, b"." | b"..") {
            return Err(PathFault::Dots);
        }
        let divides = |byte: &u8| match byte {
            0 => true,
            b'/' | b'\\' => separators == Separators::Refuse,
            _ => false,
        };
        if segment.iter().any(divides) {
            return Err(PathFault::Separator);
        }
        if segments.len() == MAX_SEGMENTS {
            return Err(PathFault::TooLong);
        }
        segments.push(segment);
    }
    Ok(Some(segments))
}

fn decode(raw: &str) -> Result<Segment<'_>, PathFault> {
    if !raw.contains('%') {
        return Ok(Cow::Borrowed(raw.as_bytes()));
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => match (digit(bytes.next()), digit(bytes.next())) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(PathFault::Percent),
            },
            byte => byte,
        });
    }
    Ok(Cow::Owned(decoded))
}

fn digit(byte: Option<u8>) -> Option<u8> {
    let digit = char::from(byte?).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(path: &str) -> Result<Option<Vec<Segment<'_>>>, PathFault> {
        super::segments(path, Separators::Keep)
    }

    fn of(path: &str) -> Vec<String> {
        let segments = segments(path).expect("it is valid").expect("it is a path");
        let text = |segment: Segment<'_>| String::from_utf8_lossy(&segment).into_owned();
        segments.into_iter().map(text).collect()
    }

    #[test]
    fn each_spelling_of_a_path_has_the_same_segments() {
        for same in ["/a/b", "/a/%62", "/%61/b", "//a///b", "/a/b/", "/a//%62//"] {
            assert_eq!(of(same), ["a", "b"], "{same}");
        }
        assert_eq!(of("/"), [""; 0]);
        assert_eq!(of("/%C3%A4"), of("/ä"));
        assert_eq!(of("/%c3%A4"), of("/ä"));
    }

    #[test]
    fn a_path_is_decoded_once_and_an_encoded_slash_is_no_slash() {
        assert_eq!(of("/a%2Fb"), ["a/b"]);
        assert_eq!(of("/%2562"), ["%62"]);
        assert_eq!(of("/a+b;c=d"), ["a+b;c=d"]);
        assert_eq!(of("/a.b/...."), ["a.b", "...."]);
    }

    #[test]
    fn a_path_that_others_may_read_differently_is_refused() {
        for bad in ["/%", "/a%6", "/%6g", "/%%61", "/a/%+1", "/%é"] {
            assert_eq!(segments(bad), Err(PathFault::Percent), "{bad}");
        }
        for bad in ["/.", "/a/../b", "/a/%2e%2E", "/a/%2e/b", "/..", "/a/.%2e/"] {
            assert_eq!(segments(bad), Err(PathFault::Dots), "{bad}");
        }
        assert_eq!(of(&"/a".repeat(MAX_SEGMENTS)).len(), MAX_SEGMENTS);
        let long = "/a".repeat(MAX_SEGMENTS + 1);
        assert_eq!(segments(&long), Err(PathFault::TooLong));
    }

    #[test]
    fn what_may_divide_a_segment_is_refused_unless_it_is_kept() {
        for bad in ["/a%2Fb", "/a%2f", "/%5c", "/a%5Cb", "/a\\b"] {
            let refused = super::segments(bad, Separators::Refuse);
            assert_eq!(refused, Err(PathFault::Separator), "{bad}");
            assert!(segments(bad).is_ok(), "{bad}");
        }
        assert_eq!(segments("/a%00"), Err(PathFault::Separator));
        for good in ["/a%252Fb", "/a;b", "/a:b"] {
            assert!(super::segments(good, Separators::Refuse).is_ok(), "{good}");
        }
    }

    #[test]
    fn what_is_no_path_has_no_segments() {
        for other in ["*", "", "localhost:80"] {
            assert_eq!(segments(other), Ok(None), "{other}");
        }
    }
}
