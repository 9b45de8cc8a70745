//! A guest that imports both drafts, and the map behind them.

use super::prints;

#[test]
fn both_drafts_and_the_map_are_one_map() {
    prints(
        "kv-both",
        &[],
        &[
            ("1 set b k v", "ok"),
            ("2 get b k", "v"),
            ("2 increment b n 2", "2"),
            ("1 increment b n 3", "5"),
            ("map len", "2"),
            ("map set own 1", "ok"),
            ("1 keys b", r#"["k", "n"]"#),
            ("2 keys b", r#"["k", "n"]"#),
            ("map keys", r"\x01bk \x01bn own"),
            ("2 swap b k 1 1", "error: no such command: [\"1\"]"),
        ],
    );
}
