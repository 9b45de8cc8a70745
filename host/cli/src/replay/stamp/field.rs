//! A field of a line of JSON.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::str::FromStr;

/// The path of a field: names with full stops between them, such as `request.time`. A name may
/// contain full stops itself. Lists have no place in a path: each element of one is searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldPath(String);

impl FromStr for FieldPath {
    type Err = &'static str;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        if path.split('.').any(str::is_empty) {
            return Err("expected the name of a JSON field, or names with full stops between them");
        }
        Ok(Self(path.to_owned()))
    }
}

impl FieldPath {
    /// Returns the text or number of the first field with this path, or `None` if there is none.
    ///
    /// The JSON begins with the first brace of the line. It may be cut after the field.
    pub(super) fn find(&self, line: &[u8]) -> Option<String> {
        let start = line.iter().position(|&byte| byte == b'{')?;
        let mut json = serde_json::Deserializer::from_slice(line.get(start..)?);
        let mut found = None;
        let level = Level {
            path: &self.0,
            found: &mut found,
        };
        // It ends with an error as soon as the field has been found.
        let _ = level.deserialize(&mut json);
        found
    }
}

/// Reads a text or a number; other values as `None`.
struct Scalar;

impl<'de> DeserializeSeed<'de> for Scalar {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scalar {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// A value in which the field is searched.
struct Level<'a> {
    /// The rest of the path.
    path: &'a str,
    found: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if self.path == name {
                *self.found = map.next_value_seed(Scalar)?;
                if self.found.is_some() {
                    return Err(A::Error::custom("the field is found"));
                }
                continue;
            }
            let rest = self.path.strip_prefix(name.as_str());
            match rest.and_then(|rest| rest.strip_prefix('.')) {
                Some(path) => map.next_value_seed(Level {
                    path,
                    found: self.found,
                })?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        loop {
            let element = list.next_element_seed(Level {
                path: self.path,
                found: self.found,
            })?;
            if element.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(path: &str, line: &str) -> Option<String> {
        let path: FieldPath = path.parse().expect("a path");
        path.find(line.as_bytes())
    }

    #[test]
    fn a_field_is_found_by_its_path() {
        for (path, line, expected) in [
            ("t", r#"{"a":{"t":1},"t":2,"t":3}"#, "2"),
            ("a.t", r#"{"t":0,"a":{"b":[{}],"t":1.50},"t":2}"#, "1.5"),
            ("a.t", r#"{"a.t":"dotted"}"#, "dotted"),
            ("a.b.t", r#"{"a":7,"a.b":{"t":"1"}}"#, "1"),
            ("a.t", r#"{"a":[1,[],{"x":1},{"t":"5"},{"t":"6"}]}"#, "5"),
            (
                "t",
                r#"{"t":null,"t":[1],"t":{"t":1},"t":true,"t":"text"}"#,
                "text",
            ),
            ("t", r#"{"t":1431857103.1234567}"#, "1431857103.1234567"),
            ("t", r#"{"t":1.43185710325E9}"#, "1431857103.25"),
            ("t", r#"{"t":"17\/May\u0020"}"#, "17/May "),
            ("@t", r#"<34>host: {"@t":"x"} rest"#, "x"),
            ("é", r#"{"é":"x"}"#, "x"),
            ("t", r#"{"t":1431857103,"rest":"is c"#, "1431857103"),
        ] {
            assert_eq!(find(path, line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for line in [
            "",
            "t=1",
            "{",
            r#"{"t":"cut"#,
            r#"{"x":{"t":1}}"#,
            r#"["t"]"#,
            r#"{"a":1,}{"t":1}"#,
            "{\"t\":\"\u{fffd}",
            "{\"x\":\"\n\",\"t\":1}",
        ] {
            assert_eq!(find("t", line), None, "{line}");
        }
        assert_eq!(find("t", &"{\"a\":".repeat(100_000)), None);
    }

    #[test]
    fn an_empty_name_is_no_path() {
        for path in ["", ".", "a.", ".a", "a..b"] {
            assert!(path.parse::<FieldPath>().is_err(), "{path}");
        }
    }
}
