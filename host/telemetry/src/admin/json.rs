//! JSON of ASCII alone, since it may be shown in a terminal, which obeys what names of tenants can have.

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;
use std::io::{self, Write};

/// Writes all that is not printable ASCII as `\u` and four digits.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // The serializer itself escapes what is below a space.
        let is_plain = |character: char| matches!(character, ' '..='~');
        let mut rest = fragment;
        while let Some(at) = rest.find(|character| !is_plain(character)) {
            let (plain, others) = rest.split_at(at);
            let end = others.find(is_plain).unwrap_or(others.len());
            let (others, after) = others.split_at(end);
            out.write_all(plain.as_bytes())?;
            for unit in others.encode_utf16() {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = after;
        }
        out.write_all(rest.as_bytes())
    }
}

/// Returns a value as JSON.
pub(super) fn to_vec(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut json = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut json, Ascii))?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_ascii_and_comes_back() {
        for text in [
            "",
            "plain",
            "\"\\/\n\0",
            "\u{7f}\u{9b}31m",
            "a\u{202e}b\u{2028}c\u{200b}",
            "Größe \u{1f600}!",
        ] {
            let json = to_vec(&text).expect("JSON");
            assert!(
                json.iter().all(|byte| matches!(byte, b' '..=b'~')),
                "{text:?}"
            );
            let back: String = serde_json::from_slice(&json).expect("JSON");
            assert_eq!(back, text);
        }
    }
}
