//! Removes from texts what differs from run to run.

use crate::root;
use regex::Regex;
use std::sync::LazyLock;

/// The patterns, and their replacements.
static CHANGES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let changes = [
        (r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}([.][0-9]+)?Z", "TIME"),
        (r"[0-9]+\.[0-9]{3}ms", "TOOK"),
        (r"127\.0\.0\.1:[0-9]{4,5}", "127.0.0.1:PORT"),
        // The remaining time of an entry, in a shell that uses the clock of this machine.
        (r"expires in [^\n]*", "expires in TIME"),
        // The stack frames of a guest, with their addresses.
        (
            r"(wasm backtrace:\n)( +[0-9]+: +0x[^\n]*\n( +at [^\n]*\n)?)+",
            "$1           FRAMES\n",
        ),
        // The size of a component that rustc compiled.
        (r"[0-9]+ bytes \([0-9.]+ [KM]iB\)(\n\nImports)", "SIZE$1"),
        (r#""size": [0-9]+"#, r#""size": SIZE"#),
    ];
    changes
        .map(|(pattern, to)| (Regex::new(pattern).expect("a pattern"), to))
        .into()
});

/// Returns the text with placeholders such as `TIME`, `PORT` and `ROOT`.
pub fn stable(text: &str) -> String {
    let mut text = text.replace(&root().display().to_string(), "ROOT");
    for (pattern, to) in &*CHANGES {
        text = pattern.replace_all(&text, *to).into_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_replaced_and_nothing_else() {
        for (text, expected) in [
            (
                "2026-01-02T03:04:05.678Z 127.0.0.1:51234 x",
                "TIME 127.0.0.1:PORT x",
            ),
            ("200 12.345ms map=server", "200 TOOK map=server"),
            ("its time of 200ms", "its time of 200ms"),
            (
                "wasm backtrace:\n    0: 0x12 - a!b\n    1: 0x13 - c\n       at x.rs:1\n    1: then",
                "wasm backtrace:\n           FRAMES\n    1: then",
            ),
        ] {
            assert_eq!(stable(text), expected);
        }
    }
}
