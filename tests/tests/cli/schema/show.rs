//! `localmap schema show`.

use super::{Place, SCHEMA};
use localmap_schema::{Digest, Schema};
use serde_json::{Value, json};

#[test]
fn the_json_of_a_schema_is_a_schema() {
    let place = Place::preloaded(SCHEMA);
    let show = |option: &str| {
        place
            .program()
            .args(["schema", "show", option, "dest"])
            .run()
            .ok()
    };
    let mut shown: Value = serde_json::from_str(&show("--json")).expect("JSON");
    assert_eq!(shown["path"], "dest");
    assert_eq!(shown["sha256"], Digest::of(SCHEMA.as_bytes()).to_string());
    assert_eq!(
        shown["entry"],
        json!([
            { "key": "session:demo", "value": "alice", "ttl": "1h" },
            { "key": "hits:total", "value": 5 },
        ])
    );
    let fields = shown.as_object_mut().expect("an object");
    fields.remove("path");
    fields.remove("sha256");
    let shown = Schema::parse(shown.to_string().as_bytes()).expect("a schema");
    assert_eq!(shown, Schema::parse(SCHEMA.as_bytes()).expect("a schema"));
    assert_eq!(show("--source"), SCHEMA);
}

#[test]
fn a_terminal_gets_no_control_characters_of_a_schema() {
    let place = Place::preloaded(
        r#"{"format": 1, "version": 1,
            "prefix": [{"prefix": "\u001b[31m"}, {"prefix": {"hex": "ff00"}}],
            "entry": [{"key": "\u001b[31m\u0007", "value": "\u001b]0;title\u0007"}]}"#,
    );
    let shown = place.program().args(["schema", "show", "dest"]).run().ok();
    assert!(shown.contains(r#""\u{1b}[31m""#), "{shown}");
    assert!(shown.contains(r#""\xff\0""#), "{shown}");
    assert!(
        !shown
            .chars()
            .any(|letter| letter.is_control() && letter != '\n'),
        "{shown}"
    );
}

#[test]
fn what_is_empty_is_called_so() {
    let place = Place::preloaded("format = 1\nversion = 3\n");
    let shown = place.program().args(["schema", "show", "dest"]).run().ok();
    assert!(
        shown.starts_with("dest: a schema for version 3\n"),
        "{shown}"
    );
    assert!(
        shown.contains("Prefixes\n  none: every key is accepted\n"),
        "{shown}"
    );
    assert!(shown.contains("Entries\n  none\n"), "{shown}");
}
