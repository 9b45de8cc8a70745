//! Reads TOML and JSON, and says where the fault is if it cannot.

use serde::de::DeserializeOwned;
use std::fmt;

/// The maximum length of a message of a parser that is passed on.
const MOST: usize = 200;

/// Why a text could not be read, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The line and the column, counted from 1.
    place: Option<(usize, usize)>,
    message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl Fault {
    fn new(message: &str) -> Self {
        Self {
            place: None,
            message: message.to_owned(),
        }
    }
}

/// Reads a document: JSON if its first character is `{`, with which no TOML begins, and otherwise
/// TOML. A byte order mark is skipped.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = str::from_utf8(bytes).map_err(|error| Fault {
        place: Some(place(bytes, error.valid_up_to())),
        message: "not UTF-8".to_owned(),
    })?;
    match text.trim_ascii_start().chars().next() {
        None => Err(Fault::new("the file is empty")),
        Some('{') => serde_json::from_str(text).map_err(|error| of_json(&error)),
        Some(_) => toml::from_str(text).map_err(|error| of_toml(text, &error)),
    }
}

fn of_json(error: &serde_json::Error) -> Fault {
    let place = (error.line(), error.column());
    // The message ends with the place.
    let message = error.to_string();
    let end = format!(" at line {} column {}", place.0, place.1);
    let message = message.strip_suffix(&end).unwrap_or(&message);
    Fault {
        place: (place.0 > 0).then_some(place),
        message: cut(message),
    }
}

/// Does not show the line, as the error itself would: it can be a megabyte long, or a secret.
fn of_toml(text: &str, error: &toml::de::Error) -> Fault {
    Fault {
        place: error.span().map(|span| place(text.as_bytes(), span.start)),
        message: cut(error.message()),
    }
}

/// Returns the line and the column of a byte, counted from 1.
fn place(bytes: &[u8], at: usize) -> (usize, usize) {
    let before = bytes.get(..at).unwrap_or(bytes);
    let lines = before.split(|byte| *byte == b'\n');
    let (count, last) = lines.fold((0, &b""[..]), |(count, _), line| (count + 1, line));
    (count, String::from_utf8_lossy(last).chars().count() + 1)
}

/// Puts a message on one line, and cuts it.
fn cut(message: &str) -> String {
    let message = message.trim().replace(['\r', '\n'], " ");
    match message.char_indices().nth(MOST) {
        None => message,
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Head;

    fn head(bytes: &[u8]) -> Result<Option<u64>, String> {
        read::<Head>(bytes)
            .map(|head| head.format)
            .map_err(|fault| fault.to_string())
    }

    #[test]
    fn both_notations_are_read_with_any_line_ends_and_a_byte_order_mark() {
        for text in [
            "format = 1",
            "\r\n# a comment\r\nformat = 1\r\n",
            "\u{feff}format = 1\n",
            "{\"format\": 1}",
            "\u{feff}\r\n {\"format\":\r\n1}\r\n",
        ] {
            assert_eq!(head(text.as_bytes()), Ok(Some(1)), "{text:?}");
        }
    }

    #[test]
    fn faults_have_a_place_and_show_nothing_of_the_file() {
        let error = head("format = 1\nkey = é\"secret".as_bytes()).expect_err("no TOML");
        assert!(error.starts_with("line 2, column 7: "), "{error}");
        let error = head(b"{\"format\": 1,\n \"secret\"}").expect_err("no JSON");
        assert!(error.starts_with("line 2, column 10: "), "{error}");
        let error = head(b"a = 1\nb = \"\xff\"").expect_err("not UTF-8");
        assert_eq!(error, "line 2, column 6: not UTF-8");
        for empty in ["", " \r\n", "\u{feff}"] {
            assert_eq!(head(empty.as_bytes()), Err("the file is empty".to_owned()));
        }
    }

    /// The parsers print the whole line, and the names that it has.
    #[test]
    fn messages_are_short_whatever_the_file() {
        let long = "x".repeat(1 << 20);
        for text in [
            long.clone(),
            format!("{long} = {long}"),
            format!("\"{long}"),
            format!("{{\"{long}\": {long}}}"),
            format!("{{\"format\": \"{long}\"}}"),
            format!("format = \"{long}\""),
            format!("{{\"format\": {}}}", "9".repeat(1 << 20)),
        ] {
            let error = head(text.as_bytes()).expect_err("a fault");
            assert!(error.len() < 400, "{}", error.len());
        }
    }

    #[test]
    fn deep_documents_are_faults_and_no_overflow_of_the_stack() {
        let deep = 1 << 20;
        let tables: String = (0..deep / 8).map(|_| "a.").collect();
        for text in [
            format!("{{\"a\": {}", "[".repeat(deep)),
            "{\"a\":".repeat(deep),
            format!("a = {}", "[".repeat(deep)),
            format!("a = {}", "{a = ".repeat(deep)),
            format!("{tables}a = 1"),
            format!("[{tables}a]"),
        ] {
            // Deep tables alone are allowed in TOML.
            let _ = head(text.as_bytes());
        }
    }
}
