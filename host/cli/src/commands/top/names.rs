//! Names of tenants, which strangers choose, as text that does nothing to a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns the bytes of a name. Characters that are no digits are left out.
pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.bytes().filter_map(|digit| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    });
    let digits: Vec<u8> = digits.collect();
    let byte = |pair: &[u8]| pair.iter().fold(0, |byte, digit| (byte << 4) | digit);
    digits.chunks(2).map(byte).collect()
}

/// Returns the name whose bytes are `hex`, with what [`escape`] escapes.
pub(super) fn shown(hex: &str) -> String {
    escape(&bytes(hex))
}

/// Returns a name with these escaped: control characters, which a terminal obeys, invisible ones, those
/// that combine with others, letters from right to left, and bytes that are not UTF-8.
///
/// Some terminals show letters from right to left in another order, and the figures that follow them,
/// too.
pub(super) fn escape(name: &[u8]) -> String {
    let mut shown = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\'' => shown.push(c),
                c if depends_on_others(c) => shown.extend(c.escape_unicode()),
                c => shown.extend(c.escape_debug()),
            }
        }
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    shown
}

/// Returns `true` for characters whose place or width depends on others, so that terminals differ: those
/// without a width, colours of skin, letters of flags, and the blocks that Unicode gives letters from
/// right to left.
fn depends_on_others(c: char) -> bool {
    // Control characters of ASCII have short escapes.
    (!matches!(c.width(), Some(1 | 2)) && !c.is_ascii())
        || matches!(c,
            '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
            | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'
            | '\u{1f1e6}'..='\u{1f1ff}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// Shortens a text to a number of columns. What is left out becomes an ellipsis.
pub(super) fn fit(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut left = columns.saturating_sub(1);
    for c in text.chars() {
        let width = c.width().unwrap_or_default();
        if width > left {
            break;
        }
        left -= width;
        short.push(c);
    }
    if columns > 0 {
        short.push('…');
    }
    short
}

/// Pads a text to a number of columns, or shortens it.
pub(super) fn pad(text: &str, columns: usize, right: bool) -> String {
    let text = fit(text, columns);
    let space = " ".repeat(columns.saturating_sub(text.width()));
    match right {
        true => space + &text,
        false => text + &space,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_shown_as_they_are() {
        for name in ["alice", "a b's \"c\"", "größe", "日本", "<b>&"] {
            assert_eq!(escape(name.as_bytes()), name);
        }
        assert_eq!(shown("616c696365"), "alice");
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for (name, escaped) in [
            (&b"\x1b[2J\x07"[..], r"\u{1b}[2J\u{7}"),
            (b"a\nb\tc\0", r"a\nb\tc\0"),
            ("\u{9b}31m".as_bytes(), r"\u{9b}31m"),
            (b"\\n", r"\\n"),
            (b"\xff\xfe\x80", r"\xff\xfe\x80"),
            ("\u{202e}evil\u{2066}".as_bytes(), r"\u{202e}evil\u{2066}"),
            ("שלום".as_bytes(), r"\u{5e9}\u{5dc}\u{5d5}\u{5dd}"),
            (
                "a\u{301}\u{200b}\u{feff}".as_bytes(),
                r"a\u{301}\u{200b}\u{feff}",
            ),
            (
                "\u{a0}\u{3000}\u{e000}".as_bytes(),
                r"\u{a0}\u{3000}\u{e000}",
            ),
        ] {
            assert_eq!(escape(name), escaped);
        }
    }

    #[test]
    fn each_byte_and_each_character_becomes_visible_text() {
        let all = (0..=char::MAX as u32).filter_map(char::from_u32);
        for c in all {
            let escaped = escape(c.to_string().as_bytes());
            for c in escaped.chars() {
                assert!(matches!(c.width(), Some(1 | 2)), "{c:?}");
            }
        }
        for byte in 0..=255 {
            assert!(escape(&[byte]).width() > 0);
        }
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(fit("日本語", 6), "日本語");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("abc", 1), "…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(pad("日本語", 4, false), "日… ");
        assert_eq!(pad("7", 3, true), "  7");
    }
}
