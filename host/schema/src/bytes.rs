//! Keys and values as they are written in a schema: text, hexadecimal digits, base64 or a number.

use crate::digest::from_hex;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A key or a prefix in a file: a text, which stands for its UTF-8, or a table with `hex` or
/// `base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

/// A value in a file: the same, or an integer, which stands for a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = BytesVisitor { counters: false };
        deserializer.deserialize_any(visitor).map(Self)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = BytesVisitor { counters: true };
        deserializer.deserialize_any(visitor).map(Self)
    }
}

/// The forms of bytes that are not text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Encoded {
    hex: Option<String>,
    base64: Option<String>,
}

struct BytesVisitor {
    /// Whether an integer is allowed, and stands for a counter.
    counters: bool,
}

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.counters {
            true => "a text, an integer (a counter), or a table with `hex` or `base64`",
            false => "a text, or a table with `hex` or `base64`",
        })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
        Ok(text.as_bytes().to_vec())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Vec<u8>, E> {
        match self.counters {
            true => Ok(number.to_le_bytes().to_vec()),
            false => Err(E::invalid_type(
                serde::de::Unexpected::Signed(number),
                &self,
            )),
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Vec<u8>, E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            Err(_) => Err(E::custom(
                "the counter does not fit into 64 bits with a sign",
            )),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<u8>, A::Error> {
        let encoded = Encoded::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        match (encoded.hex, encoded.base64) {
            (Some(digits), None) => from_hex(&digits)
                .ok_or_else(|| Error::custom("`hex` needs an even number of hexadecimal digits")),
            (None, Some(text)) => STANDARD.decode(text).map_err(|_| {
                Error::custom(
                    "`base64` needs the standard alphabet (RFC 4648, section 4) and padding",
                )
            }),
            _ => Err(Error::custom("expected either `hex` or `base64`")),
        }
    }
}

/// Writes bytes for a message: as text where they are printable, and otherwise as `\xNN`.
pub(crate) fn readable(bytes: &[u8]) -> String {
    const MOST: usize = 64;
    let mut text = String::new();
    for chunk in bytes.get(..MOST).unwrap_or(bytes).utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\\' => text.push_str("\\\\"),
                letter if letter.is_control() => text.extend(letter.escape_default()),
                letter => text.push(letter),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    if bytes.len() > MOST {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Result<Vec<u8>, String> {
        serde_json::from_str::<Value>(json)
            .map(|value| value.0)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn bytes_have_four_forms() {
        assert_eq!(value(r#""aé""#), Ok(b"a\xc3\xa9".to_vec()));
        assert_eq!(value(r#"{"hex":"00fF"}"#), Ok(vec![0, 255]));
        assert_eq!(value(r#"{"base64":"AP8="}"#), Ok(vec![0, 255]));
        assert_eq!(value("-2"), Ok((-2_i64).to_le_bytes().to_vec()));
        assert_eq!(value(r#""""#), Ok(Vec::new()));
        assert_eq!(value(r#"{"hex":""}"#), Ok(Vec::new()));
    }

    #[test]
    fn other_forms_are_errors() {
        for bad in [
            "1.5",
            "true",
            "null",
            "[1]",
            "{}",
            r#"{"hex":"0"}"#,
            r#"{"hex":"0g"}"#,
            r#"{"base64":"AP8"}"#,
            r#"{"base64":"A-8="}"#,
            r#"{"hex":"00","base64":"AP8="}"#,
            r#"{"hex":"00","hex":"01"}"#,
            r#"{"text":"a"}"#,
            "9223372036854775808",
        ] {
            assert!(value(bad).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Bytes>("1").is_err());
    }

    #[test]
    fn messages_show_all_bytes_on_one_line() {
        assert_eq!(readable(b"a:\xff\n\\"), "a:\\xff\\n\\\\");
        assert_eq!(readable(&[b'a'; 65]).chars().count(), 65);
    }
}
