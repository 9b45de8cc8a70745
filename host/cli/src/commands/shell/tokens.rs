//! Tokens: parses a line into tokens, and formats bytes as tokens.
//!
//! A token is bare (`session:1`) or quoted (`"a b"`). Everything that [`Quoted`] or [`to_token`]
//! prints is read back by [`tokenize`] as the same bytes.

use std::fmt::{self, Write};

/// A token of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// The bytes that the token stands for, without quotes and escapes.
    pub(super) bytes: Vec<u8>,
    /// The index of its first byte in the line.
    pub(super) start: usize,
}

/// The first syntax error of a line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {problem}")]
pub(super) struct SyntaxError {
    /// The column of the error, counted in characters from 1.
    column: usize,
    problem: String,
}

impl SyntaxError {
    /// Creates an error at `index`, the index of a byte in `line`.
    pub(super) fn new(line: &[u8], index: usize, problem: impl Into<String>) -> Self {
        let starts_char = |byte: &&u8| **byte & 0b1100_0000 != 0b1000_0000;
        Self {
            column: 1 + line.iter().take(index).filter(starts_char).count(),
            problem: problem.into(),
        }
    }
}

/// Splits a line into tokens, up to its end or to a `#` between tokens.
pub(super) fn tokenize(line: &[u8]) -> Result<Vec<Token>, SyntaxError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(byte) = line.get(at) {
        if is_space(*byte) {
            at += 1;
            continue;
        }
        let (bytes, end, expected) = match byte {
            b'#' => break,
            b'"' => {
                let (bytes, end) = quoted(line, at)?;
                (bytes, end, "expected a space after the closing quote")
            }
            _ => {
                let (bytes, end) = bare(line, at);
                (bytes, end, NOT_BARE)
            }
        };
        if line.get(end).is_some_and(|byte| !is_space(*byte)) {
            return Err(SyntaxError::new(line, end, expected));
        }
        tokens.push(Token { bytes, start: at });
        at = end;
    }
    Ok(tokens)
}

const NOT_BARE: &str = "expected a space: put text with quotes, backslashes, `#` or control \
    characters in double quotes";

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_bare(byte: u8) -> bool {
    !byte.is_ascii() || byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b'#')
}

/// Reads the bare token at `start`. Returns its bytes and the index of its end.
fn bare(line: &[u8], start: usize) -> (Vec<u8>, usize) {
    let bytes: Vec<u8> = line
        .iter()
        .skip(start)
        .copied()
        .take_while(|byte| is_bare(*byte))
        .collect();
    let end = start + bytes.len();
    (bytes, end)
}

/// Reads the token whose opening quote is at `start`. Returns its bytes and the index
/// of its end.
fn quoted(line: &[u8], start: usize) -> Result<(Vec<u8>, usize), SyntaxError> {
    let mut bytes = Vec::new();
    let mut at = start + 1;
    loop {
        match line.get(at) {
            None => {
                let problem = "unclosed quote: add a closing `\"`";
                return Err(SyntaxError::new(line, start, problem));
            }
            Some(b'"') => return Ok((bytes, at + 1)),
            Some(b'\\') => {
                let (byte, len) = escape(line.get(at..).unwrap_or_default())
                    .map_err(|problem| SyntaxError::new(line, at, problem))?;
                bytes.push(byte);
                at += len;
            }
            Some(byte) => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
}

/// Parses the escape at the beginning of `text`. Returns its byte and its length.
fn escape(text: &[u8]) -> Result<(u8, usize), &'static str> {
    let byte = match text.get(1) {
        Some(b'\\') => b'\\',
        Some(b'"') => b'"',
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'0') => 0,
        Some(b'x') => {
            return text
                .get(2..4)
                .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
                .and_then(|digits| std::str::from_utf8(digits).ok())
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                .map(|byte| (byte, 4))
                .ok_or("expected two hexadecimal digits after `\\x`");
        }
        _ => return Err("unknown escape: expected \\\\ \\\" \\n \\r \\t \\0 or \\xNN"),
    };
    Ok((byte, 2))
}

/// Displays bytes as a quoted token.
pub(in crate::commands) struct Quoted<'a>(pub(in crate::commands) &'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for chunk in self.0.utf8_chunks() {
            for char in chunk.valid().chars() {
                match char {
                    '"' => f.write_str("\\\"")?,
                    '\\' => f.write_str("\\\\")?,
                    '\n' => f.write_str("\\n")?,
                    '\r' => f.write_str("\\r")?,
                    '\t' => f.write_str("\\t")?,
                    _ if is_visible(char) => f.write_char(char)?,
                    _ => write_hex(f, char.encode_utf8(&mut [0; 4]).as_bytes())?,
                }
            }
            write_hex(f, chunk.invalid())?;
        }
        f.write_char('"')
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))
}

/// Returns `true` if a terminal displays the character as itself. Any other character could make
/// two values look alike, or control the terminal.
fn is_visible(char: char) -> bool {
    if char.is_ascii() {
        char == ' ' || char.is_ascii_graphic()
    } else {
        char.escape_debug().len() == 1
    }
}

/// Returns the shortest token that stands for `bytes`.
pub(super) fn to_token(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text)
            if !text.is_empty() && text.bytes().all(is_bare) && text.chars().all(is_visible) =>
        {
            text.to_owned()
        }
        _ => Quoted(bytes).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(line: &[u8]) -> Result<Vec<Vec<u8>>, SyntaxError> {
        Ok(tokenize(line)?
            .into_iter()
            .map(|token| token.bytes)
            .collect())
    }

    /// Returns the column of the error.
    fn column(line: &[u8]) -> usize {
        tokenize(line).expect_err("a syntax error").column
    }

    #[test]
    fn spaces_separate_tokens() {
        assert_eq!(bytes(b""), Ok(vec![]));
        assert_eq!(bytes(b" \t \r\n"), Ok(vec![]));
        assert_eq!(
            bytes(b"  set\ta \"b c\"  30s\r\n"),
            Ok(vec![
                b"set".into(),
                b"a".into(),
                b"b c".into(),
                b"30s".into()
            ])
        );
        assert_eq!(tokenize(b"  a  b").unwrap()[1].start, 5);
    }

    #[test]
    fn a_comment_starts_at_a_number_sign_between_tokens() {
        assert_eq!(bytes(b"# set a b"), Ok(vec![]));
        assert_eq!(
            bytes(b"get a # not a token"),
            Ok(vec![b"get".into(), b"a".into()])
        );
        assert_eq!(bytes(b"get \"#\""), Ok(vec![b"get".into(), b"#".into()]));
    }

    #[test]
    fn every_escape_stands_for_its_byte() {
        assert_eq!(
            bytes(br#""\\\"\n\r\t\0\x00\xfF""#),
            Ok(vec![b"\\\"\n\r\t\0\0\xff".to_vec()])
        );
        assert_eq!(bytes(br#""""#), Ok(vec![vec![]]));
    }

    #[test]
    fn any_other_byte_in_quotes_stands_for_itself() {
        let plain: Vec<u8> = (0..=255).filter(|byte| !b"\"\\".contains(byte)).collect();
        let line = [b"\"", plain.as_slice(), b"\""].concat();
        assert_eq!(bytes(&line), Ok(vec![plain]));
    }

    #[test]
    fn errors_name_their_column() {
        assert_eq!(column(b"get 'a'"), 5);
        assert_eq!(column(b"get a'b"), 6);
        assert_eq!(column(b"get a#b"), 6);
        assert_eq!(column(b"get a\\b"), 6);
        assert_eq!(column(b"get a\0b"), 6);
        assert_eq!(column(b"get a\"b\""), 6);
        assert_eq!(column(b"get \"a\"b"), 8);
        assert_eq!(column(b"get \"ab"), 5);
        assert_eq!(column(b"get \"ab\\\""), 5);
        assert_eq!(column(br#"get "a\q""#), 7);
        assert_eq!(column(br#"get "a\x""#), 7);
        assert_eq!(column(br#"get "a\x1""#), 7);
        assert_eq!(column(br#"get "a\x+1""#), 7);
        assert_eq!(column(b"get \"a\\"), 7);
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(column("get grüße'".as_bytes()), 10);
    }

    /// Pseudo-random bytes with many special ones; the same in each run.
    fn samples() -> impl Iterator<Item = Vec<u8>> {
        const SPECIAL: &[u8] = "\"'\\#nx0 \n\0é\u{202e}\u{301}".as_bytes();
        let mut state = 1_u64;
        let mut next = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()
        };
        (0..5_000).map(move |_| {
            let len = next()[0] % 24;
            (0..len)
                .map(|_| match next() {
                    [pick, byte, ..] if pick < 128 => byte,
                    [_, byte, ..] => SPECIAL[usize::from(byte) % SPECIAL.len()],
                })
                .collect()
        })
    }

    #[test]
    fn printed_tokens_read_back_as_the_same_bytes() {
        for sample in samples() {
            let printed = Quoted(&sample).to_string();
            assert!(!printed.chars().any(char::is_control), "{printed}");
            assert_eq!(
                bytes(printed.as_bytes()),
                Ok(vec![sample.clone()]),
                "{printed}"
            );
            let token = to_token(&sample);
            assert_eq!(bytes(token.as_bytes()), Ok(vec![sample]), "{token}");
        }
    }

    #[test]
    fn any_line_is_read_or_fails_with_a_column_in_it() {
        for sample in samples() {
            if let Err(error) = tokenize(&sample) {
                assert!((1..=sample.len() + 1).contains(&error.column));
            }
        }
    }

    #[test]
    fn readable_text_is_printed_unchanged() {
        assert_eq!(
            Quoted("Grüße, 世界".as_bytes()).to_string(),
            "\"Grüße, 世界\""
        );
        assert_eq!(Quoted(b"it's").to_string(), "\"it's\"");
        assert_eq!(to_token("grüße".as_bytes()), "grüße");
        assert_eq!(to_token(b""), "\"\"");
        assert_eq!(to_token(b"a b"), "\"a b\"");
    }

    #[test]
    fn characters_that_a_terminal_would_not_show_are_escaped() {
        assert_eq!(Quoted(b"\0\x1b[2J\xff").to_string(), r#""\x00\x1b[2J\xff""#);
        assert_eq!(
            Quoted("\u{202e}\u{9b}".as_bytes()).to_string(),
            r#""\xe2\x80\xae\xc2\x9b""#
        );
    }
}
