//! Templates of keys: `{map}/{key}`, `user/{header:x-user}`, or a text alone for one lock.

use super::path::Segment;
use super::pattern::{Pattern, Place};
use crate::key::{self, MAX_KEY_LEN};
use http::header::{HeaderMap, HeaderName, HeaderValue};

/// A template of keys, for the paths of one pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Path(Place),
    Header(HeaderName),
}

/// The reason why a request has no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyFault {
    #[error("missing header `{0}`, which names what to lock")]
    Missing(HeaderName),
    #[error("repeated header `{0}`, which names what to lock")]
    Repeated(HeaderName),
    #[error("empty header `{0}`, which names what to lock")]
    Empty(HeaderName),
    #[error("the key of the lock would be longer than {MAX_KEY_LEN} bytes")]
    TooLong,
}

impl Template {
    /// Parses a template.
    pub(super) fn parse(text: &str, pattern: &Pattern) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                parts.push(Part::Text(literal(before)?));
            }
            let Some((name, after)) = after.split_once('}') else {
                return Err("a `{` has no `}`".to_owned());
            };
            parts.push(value(name, pattern)?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(literal(rest)?));
        }
        if parts.is_empty() {
            return Err(
                "the key is empty: name a part of the request, such as `{header:x-map-key}`, or \
                 write a text for one lock"
                    .to_owned(),
            );
        }
        let template = Self { parts };
        template.check_separators()?;
        Ok(template)
    }

    /// Makes sure that values which differ make keys which differ: between two values is a text that no
    /// value can contain.
    fn check_separators(&self) -> Result<(), String> {
        let mut before = None;
        let mut separated = false;
        for part in &self.parts {
            match part {
                Part::Text(text) => {
                    let in_tail = matches!(before, Some(Part::Path(Place::Tail(_))));
                    separated = text
                        .bytes()
                        .any(|byte| !(key::is_unreserved(byte) || in_tail && byte == b'/'));
                }
                value => {
                    if before.is_some() && !separated {
                        return Err(
                            "between two values must be a character that none of them can contain, \
                             such as `/` in `{a}/{b}`, or `:` after a name with `*`"
                                .to_owned(),
                        );
                    }
                    before = Some(value.clone());
                    separated = false;
                }
            }
        }
        Ok(())
    }

    /// Returns the key of a request.
    pub(super) fn key(
        &self,
        segments: &[Segment<'_>],
        headers: &HeaderMap,
    ) -> Result<String, KeyFault> {
        let mut to = String::with_capacity(32);
        for part in &self.parts {
            match part {
                Part::Text(text) => to.push_str(text),
                Part::Path(Place::Segment(at)) => {
                    if let Some(segment) = segments.get(*at) {
                        key::push_value(&mut to, segment);
                    }
                }
                Part::Path(Place::Tail(from)) => {
                    let tail = segments.get(*from..).unwrap_or_default();
                    for (at, segment) in tail.iter().enumerate() {
                        if at > 0 {
                            to.push('/');
                        }
                        key::push_value(&mut to, segment);
                    }
                }
                Part::Header(name) => key::push_value(&mut to, only_value(headers, name)?),
            }
            if to.len() > MAX_KEY_LEN {
                return Err(KeyFault::TooLong);
            }
        }
        Ok(to)
    }
}

/// Returns the value of a header that occurs once, without spaces around it, which HTTP/2 keeps.
fn only_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a [u8], KeyFault> {
    let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    match (values.next().map(<[u8]>::trim_ascii), values.next()) {
        (None, _) => Err(KeyFault::Missing(name.clone())),
        (Some(_), Some(_)) => Err(KeyFault::Repeated(name.clone())),
        (Some(b""), None) => Err(KeyFault::Empty(name.clone())),
        (Some(value), None) => Ok(value),
    }
}

fn literal(text: &str) -> Result<String, String> {
    if text.contains('}') {
        return Err("a `}` has no `{`".to_owned());
    }
    let valid = |byte: u8| byte.is_ascii_graphic() && byte != b'%';
    match text.bytes().all(valid) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "`{text}`: use visible ASCII without spaces and `%`"
        )),
    }
}

fn value(name: &str, pattern: &Pattern) -> Result<Part, String> {
    if let Some(header) = name.strip_prefix("header:") {
        let name = HeaderName::try_from(header)
            .map_err(|_| format!("`{header}` is no name of a header"))?;
        if name.as_str().ends_with("-bin") {
            return Err(format!(
                "`{header}` is binary metadata of gRPC, whose values have several forms: use one \
                 without `-bin`"
            ));
        }
        return match name.as_str() {
            "localmap-fence" => Err(format!(
                "no client can set `{header}`, in which the guest finds its token: use another header"
            )),
            "host" => Err(
                "`host` has several spellings, and clients of HTTP/2 do not send it: use another header"
                    .to_owned(),
            ),
            _ => Ok(Part::Header(name)),
        };
    }
    match pattern.place(name) {
        Some(place) => Ok(Part::Path(place)),
        None => Err(match pattern.names()[..] {
            [] => format!("the path has no name `{name}`: it has none"),
            ref names => format!(
                "the path has no name `{name}`, only `{}`",
                names.join("`, `")
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::path;

    fn template(path: &str, key: &str) -> Result<Template, String> {
        Template::parse(key, &Pattern::parse(path).expect("a pattern"))
    }

    fn key(pattern: &str, key: &str, path: &str, headers: &[(&str, &str)]) -> String {
        let template = template(pattern, key).expect("a template");
        let segments = path::segments(path, path::Separators::Keep)
            .expect("valid")
            .expect("a path");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).expect("a name");
            map.append(name, HeaderValue::try_from(*value).expect("a value"));
        }
        match template.key(&segments, &map) {
            Ok(key) => key,
            Err(fault) => format!("{fault}"),
        }
    }

    #[test]
    fn a_key_is_made_of_parts_of_the_request() {
        let pattern = "/maps/{map}/{*key}";
        for (template, expected) in [
            ("{map}", "a%2Fb"),
            ("{map}/{key}", "a%2Fb/c/d%25"),
            ("{key}:{map}", "c/d%25:a%2Fb"),
            ("all", "all"),
            ("user/{header:X-User}", "user/b%20b"),
            ("{map}@{header:x-user}", "a%2Fb@b%20b"),
        ] {
            let headers = [("x-user", " b b\t")];
            let found = key(pattern, template, "/maps/a%2fb/c//d%25", &headers);
            assert_eq!(found, expected, "{template}");
        }
    }

    #[test]
    fn a_header_must_occur_once_and_have_a_value() {
        let of = |headers: &[(&str, &str)]| key("/", "{header:x-a}", "/", headers);
        assert_eq!(of(&[("X-A", "1"), ("x-b", "2")]), "1");
        assert!(of(&[]).starts_with("missing header `x-a`"));
        assert!(of(&[("x-a", "1"), ("x-a", "1")]).starts_with("repeated header `x-a`"));
        for empty in ["", " ", "\t "] {
            assert!(of(&[("x-a", empty)]).starts_with("empty header `x-a`"));
        }
        let long = "a".repeat(MAX_KEY_LEN);
        assert_eq!(of(&[("x-a", &long)]), long);
        assert!(of(&[("x-a", &format!("{long}a"))]).contains("longer than 1024 bytes"));
        let encoded = "%".repeat(MAX_KEY_LEN / 3 + 1);
        assert!(of(&[("x-a", &encoded)]).contains("longer than 1024 bytes"));
    }

    #[test]
    fn a_template_that_is_wrong_says_why() {
        for (path, key, why) in [
            ("/{a}", "", "the key is empty"),
            ("/{a}", "{a", "a `{` has no `}`"),
            ("/{a}", "a}", "a `}` has no `{`"),
            ("/{a}", "{b}", "no name `b`, only `a`"),
            ("/a", "{b}", "it has none"),
            ("/{a}/{*b}", "{c}", "only `a`, `b`"),
            ("/{a}", "{}", "no name ``"),
            ("/{a}", "{header:}", "no name of a header"),
            ("/{a}", "{header:a b}", "no name of a header"),
            ("/{a}", "{header:key-bin}", "binary metadata"),
            ("/{a}", "{header:Localmap-Fence}", "no client can set"),
            ("/{a}", "{header:HOST}", "clients of HTTP/2"),
            ("/{a}", "a b", "visible ASCII"),
            ("/{a}", "100%", "visible ASCII"),
            ("/{a}", "ä", "visible ASCII"),
            ("/{a}/{b}", "{a}{b}", "between two values"),
            ("/{a}/{b}", "{a}-{b}", "between two values"),
            ("/{a}/{*b}", "{b}/{a}", "between two values"),
            ("/{a}", "x-{a}-{header:x-b}", "between two values"),
        ] {
            let error = template(path, key).expect_err(key);
            assert!(error.contains(why), "{path} {key}: {error}");
        }
        for good in [
            "{a}/{b}",
            "{a}.:.{b}",
            "{b}:{a}",
            "{b}/:{a}",
            "-{a}",
            "{a}-",
        ] {
            assert!(template("/{a}/{*b}", good).is_ok(), "{good}");
        }
    }

    /// Two requests that differ in a value have different keys, whatever the values are.
    #[test]
    fn no_value_can_pass_for_two() {
        let values = ["a", "b", "/", "%2F", "a/b", "a%2Fb", "-", "a-b", "%", ":"];
        let template = template("/{a}/{b}", "{a}/{b}").expect("a template");
        let mut keys = Vec::new();
        for a in values {
            for b in values {
                let segments = [a.as_bytes().into(), b.as_bytes().into()];
                keys.push(template.key(&segments, &HeaderMap::new()).expect("a key"));
            }
        }
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all);
    }
}
