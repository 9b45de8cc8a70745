//! The keys of locks: text in which each value has one form only.
//!
//! A value, such as a segment of a path, is percent-encoded: letters, digits, `-`, `.`, `_` and `~` stand
//! for themselves, and each other byte is `%` and two upper-case digits. So `/a/%62` and `/a/b` have the
//! same key, and `a%2Fb` and `a/b` do not.

/// The maximum length of a key in bytes.
pub const MAX_KEY_LEN: usize = 1_024;

/// Returns `true` for the bytes that stand for themselves: the unreserved characters of RFC 3986.
pub(crate) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Appends a value in its one form.
pub(crate) fn push_value(to: &mut String, value: &[u8]) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    for &byte in value {
        if is_unreserved(byte) {
            to.push(char::from(byte));
        } else {
            to.push('%');
            to.push(DIGITS[usize::from(byte >> 4)]);
            to.push(DIGITS[usize::from(byte & 15)]);
        }
    }
}

/// Returns `true` if a text can be a key: 1 to [`MAX_KEY_LEN`] bytes of visible ASCII. Values that a
/// request brings are in this form already.
pub(crate) fn is_valid(key: &str) -> bool {
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    visible && (1..=MAX_KEY_LEN).contains(&key.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: &[u8]) -> String {
        let mut key = String::new();
        push_value(&mut key, value);
        key
    }

    #[test]
    fn a_value_has_one_form_and_no_two_values_have_the_same() {
        assert_eq!(encoded(b"a-B.9_~"), "a-B.9_~");
        assert_eq!(encoded(b"a/b c%\0\xff"), "a%2Fb%20c%25%00%FF");
        assert_eq!(encoded(b""), "");
        let mut all: Vec<String> = (0..=u16::MAX)
            .map(|pair| encoded(&pair.to_be_bytes()))
            .collect();
        assert!(all.iter().all(|key| is_valid(key)));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 1 << 16);
    }

    #[test]
    fn a_key_is_bounded_visible_text() {
        assert!(is_valid("a"));
        assert!(is_valid(&"a".repeat(MAX_KEY_LEN)));
        for bad in ["", "a b", "a\0", "ä", "a\n", &"a".repeat(MAX_KEY_LEN + 1)] {
            assert!(!is_valid(bad), "{bad}");
        }
    }
}
