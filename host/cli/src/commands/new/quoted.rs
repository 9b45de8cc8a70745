//! Paths in the commands that `localmap new` shows.

use std::path::Path;

/// Quotes a path for a shell, if necessary.
pub(super) fn shell_quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@%".contains(&byte);
    if path.bytes().all(plain) && !path.starts_with('-') {
        return path;
    }
    let dashed = if path.starts_with('-') { "./" } else { "" };
    format!("'{dashed}{}'", path.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_path_is_one_word_of_a_shell() {
        for (path, word) in [
            ("guests/hits", "guests/hits"),
            ("my guests", "'my guests'"),
            ("it's", r"'it'\''s'"),
            ("-x", "'./-x'"),
        ] {
            assert_eq!(shell_quoted(Path::new(path)), word);
        }
    }
}
