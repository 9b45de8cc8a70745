//! Patterns of paths: `/maps/{map}/{key}`, `/files/{*rest}`, and methods of gRPC.

use super::path::{self, Segment, Separators};

/// A pattern of paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    parts: Vec<Part>,
    /// The name of a tail of one or more segments.
    tail: Option<String>,
}

/// What a segment must be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Vec<u8>),
    /// Anything, under this name; `None` for one that keys cannot use.
    Any(Option<String>),
}

/// Where a name of a pattern stands in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The segment with this index.
    Segment(usize),
    /// All segments from this index.
    Tail(usize),
}

impl Pattern {
    /// Parses the pattern of a path.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err("a path begins with `/`".to_owned());
        };
        let mut pattern = Self {
            parts: Vec::new(),
            tail: None,
        };
        if rest.is_empty() {
            return Ok(pattern);
        }
        // A slash at the end means nothing, as in requests.
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        for segment in rest.split('/') {
            pattern.push(segment)?;
        }
        if pattern.parts.len() > path::MAX_SEGMENTS {
            return Err(format!("it has more than {} segments", path::MAX_SEGMENTS));
        }
        Ok(pattern)
    }

    /// Parses `package.Service/Method`, or `package.Service/*` for all methods.
    pub(super) fn parse_grpc(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix('/').unwrap_or(text);
        let is_name = |name: &str| {
            let mut bytes = name.bytes();
            bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'))
                && !name.is_empty()
        };
        let parts = match name.split_once('/') {
            Some((service, "*")) if is_name(service) => (service, Part::Any(None)),
            Some((service, method)) if is_name(service) && is_name(method) => {
                (service, Part::Literal(method.into()))
            }
            _ => {
                return Err(
                    "a method of gRPC is package.Service/Method, or package.Service/* for all of a \
                     service"
                        .to_owned(),
                );
            }
        };
        Ok(Self {
            parts: vec![Part::Literal(parts.0.into()), parts.1],
            tail: None,
        })
    }

    fn push(&mut self, segment: &str) -> Result<(), String> {
        if let Some(tail) = &self.tail {
            return Err(format!("nothing can follow `{{*{tail}}}`"));
        }
        let inner = segment
            .strip_prefix('{')
            .and_then(|inner| inner.strip_suffix('}'));
        if let Some(tail) = inner.and_then(|inner| inner.strip_prefix('*')) {
            self.tail = Some(self.name(tail)?);
            return Ok(());
        }
        let part = match inner {
            Some(name) => Part::Any(Some(self.name(name)?)),
            None if segment.contains(['{', '}']) => {
                return Err(format!(
                    "`{segment}`: a name in braces takes a whole segment, as in `/maps/{{map}}`"
                ));
            }
            None if segment.contains('*') => {
                return Err(format!(
                    "`{segment}`: write `{{name}}` for any segment, or `{{*name}}` for any end"
                ));
            }
            None => Part::Literal(literal(segment)?),
        };
        self.parts.push(part);
        Ok(())
    }

    /// Checks a new name.
    fn name(&self, name: &str) -> Result<String, String> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if name.is_empty() || !name.bytes().all(valid) {
            return Err(format!(
                "`{name}` is no name: use letters, digits, `-` and `_`"
            ));
        }
        match self.place(name) {
            Some(_) => Err(format!("the name `{name}` occurs twice")),
            None => Ok(name.to_owned()),
        }
    }

    /// Returns where a name stands.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        let is = |part: &Part| matches!(part, Part::Any(Some(own)) if own == name);
        match self.parts.iter().position(is) {
            Some(at) => Some(Place::Segment(at)),
            None if self.tail.as_deref() == Some(name) => Some(Place::Tail(self.parts.len())),
            None => None,
        }
    }

    /// Returns the names, for messages.
    pub(super) fn names(&self) -> Vec<&str> {
        let parts = self.parts.iter().filter_map(|part| match part {
            Part::Any(name) => name.as_deref(),
            Part::Literal(_) => None,
        });
        parts.chain(self.tail.as_deref()).collect()
    }

    /// Returns `true` if the pattern matches a path.
    pub(super) fn matches(&self, segments: &[Segment<'_>]) -> bool {
        let enough = match self.tail {
            Some(_) => segments.len() > self.parts.len(),
            None => segments.len() == self.parts.len(),
        };
        enough
            && self
                .parts
                .iter()
                .zip(segments)
                .all(|(part, segment)| match part {
                    Part::Literal(text) => text[..] == segment[..],
                    Part::Any(_) => true,
                })
    }

    /// Returns `true` if each path that `other` matches is one that this pattern matches.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let enough = match (&self.tail, &other.tail) {
            (None, None) => self.parts.len() == other.parts.len(),
            (None, Some(_)) => false,
            (Some(_), None) => other.parts.len() > self.parts.len(),
            (Some(_), Some(_)) => other.parts.len() >= self.parts.len(),
        };
        enough
            && self
                .parts
                .iter()
                .zip(&other.parts)
                .all(|parts| match parts {
                    (Part::Any(_), _) => true,
                    (Part::Literal(own), Part::Literal(other)) => own == other,
                    (Part::Literal(_), Part::Any(_)) => false,
                })
    }
}

/// Decodes a segment as that of a request.
fn literal(segment: &str) -> Result<Vec<u8>, String> {
    let visible = segment.bytes().all(|byte| byte.is_ascii_graphic());
    if !visible || segment.contains(['?', '#']) {
        return Err(format!(
            "`{segment}`: percent-encode all but visible ASCII, `?` and `#` too; a rule names a path \
             without its query"
        ));
    }
    let path = format!("/{segment}");
    match path::segments(&path, Separators::Keep) {
        Ok(Some(mut segments)) if segments.len() == 1 => {
            Ok(segments.pop().map(Segment::into_owned).unwrap_or_default())
        }
        Ok(_) => Err("it has an empty segment".to_owned()),
        Err(fault) => Err(fault.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        let pattern = Pattern::parse(pattern).expect("a pattern");
        let segments = path::segments(path, Separators::Keep)
            .expect("valid")
            .expect("a path");
        pattern.matches(&segments)
    }

    #[test]
    fn a_pattern_matches_whole_paths() {
        for (pattern, path, expected) in [
            ("/", "/", true),
            ("/", "/a", false),
            ("/a", "/a", true),
            ("/a", "/A", false),
            ("/a/", "/a", true),
            ("/a", "/a/", true),
            ("/a", "/a/b", false),
            ("/a/{x}", "/a/b", true),
            ("/a/{x}", "/a", false),
            ("/a/{x}", "/a/", false),
            ("/a/{x}", "/a/b/c", false),
            ("/a/{x}", "/a/b%2Fc", true),
            ("/{x}/b", "/a/b", true),
            ("/%61", "/a", true),
            ("/a%20b", "/a%20b", true),
            ("/{*rest}", "/a", true),
            ("/{*rest}", "/a/b/c", true),
            ("/{*rest}", "/", false),
            ("/a/{x}/{*rest}", "/a/b", false),
            ("/a/{x}/{*rest}", "/a/b/c/d", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_that_is_wrong_says_why() {
        for (pattern, why) in [
            ("", "begins with `/`"),
            ("a", "begins with `/`"),
            ("//", "empty segment"),
            ("/a//b", "empty segment"),
            ("/a{b}", "whole segment"),
            ("/{a", "whole segment"),
            ("/{}", "is no name"),
            ("/{*}", "is no name"),
            ("/{a b}", "is no name"),
            ("/{a}/{a}", "twice"),
            ("/{a}/{*a}", "twice"),
            ("/{*a}/b", "nothing can follow `{*a}`"),
            ("/*", "write `{name}`"),
            ("/../a", "`.` or `..`"),
            ("/%2e", "`.` or `..`"),
            ("/%6", "hexadecimal"),
            ("/a?b", "without its query"),
            ("/ä", "percent-encode"),
        ] {
            let error = Pattern::parse(pattern).expect_err(pattern);
            assert!(error.contains(why), "{pattern}: {error}");
        }
    }

    #[test]
    fn a_method_of_grpc_is_a_path() {
        let segments = |path| {
            path::segments(path, Separators::Keep)
                .expect("valid")
                .expect("a path")
        };
        let one = Pattern::parse_grpc("maps.v1.Maps/Set").expect("a method");
        assert!(one.matches(&segments("/maps.v1.Maps/Set")));
        assert!(!one.matches(&segments("/maps.v1.Maps/Get")));
        assert_eq!(Pattern::parse_grpc("/maps.v1.Maps/Set"), Ok(one));
        let all = Pattern::parse_grpc("maps.v1.Maps/*").expect("a service");
        assert!(all.matches(&segments("/maps.v1.Maps/Get")));
        assert!(!all.matches(&segments("/maps.v1.Other/Get")));
        for bad in [
            "", "Maps", "Maps/", "/Maps/", "a b/c", "a/b/c", "*/Set", "a/b*",
        ] {
            assert!(Pattern::parse_grpc(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pattern_covers_those_that_match_nothing_else() {
        for (pattern, other, expected) in [
            ("/a", "/a", true),
            ("/{x}", "/a", true),
            ("/a", "/{x}", false),
            ("/{*x}", "/a/b", true),
            ("/{*x}", "/", false),
            ("/{*x}", "/a/{*y}", true),
            ("/a/{*x}", "/{*y}", false),
            ("/a/{*x}", "/{y}/{*z}", false),
            ("/{x}/{y}", "/{*z}", false),
        ] {
            let pattern = Pattern::parse(pattern).expect("a pattern");
            let other = Pattern::parse(other).expect("a pattern");
            assert_eq!(pattern.covers(&other), expected, "{pattern:?} {other:?}");
        }
    }
}
