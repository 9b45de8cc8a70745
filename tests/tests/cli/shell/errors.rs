//! Errors that end a shell.

use super::shell;
use localmap_tests::{guest, localmap, root};

#[test]
fn a_refused_batch_names_the_change_and_changes_nothing() {
    for (options, line, words) in [
        (
            &[][..],
            "apply set a 2 ; set-if a 3 absent",
            &["change 2 of the batch", "conflict", "version 3"][..],
        ),
        (
            &["--max-entries", "2"],
            "apply delete a ; set b 1 ; set c 1 ; set d 1",
            &["change 4 of the batch", "full"],
        ),
        (&[], "apply delete a ; get a", &["column 18", "\"get\""]),
        (&[], "apply delete a ; set b", &["column 23", "VALUE"]),
    ] {
        let words = [&["Error: line 3: "], words].concat();
        let finished = shell(options, format!("set a 1\nset a 2\n{line}\nget a"));
        finished.refused(&words);
        assert_eq!(finished.text(), "version 1\nversion 2\n");
    }
}

#[test]
fn the_first_error_ends_it_with_its_line() {
    let finished = shell(
        &[],
        "set a b\n\n# no error yet\nget a\nfrob a\nset c d\nlen\n",
    );
    assert_eq!(finished.text(), "version 1\n\"b\"\n");
    finished.refused(&["Error: line 5: column 1: unknown command \"frob\""]);
}

#[test]
fn an_error_names_what_was_expected() {
    let long = format!("set {} v", "k".repeat(129));
    for (options, line, words) in [
        (&[][..], "get", &["column 4", "expected KEY"][..]),
        (&[], "set a \"b", &["column 7", "unclosed quote"]),
        (&[], r#"set a "\q""#, &["column 8", "escape"]),
        (
            &[],
            "set a b soon",
            &["column 9", "TTL", "\"soon\"", "never"],
        ),
        (&[], "set a b 0s", &["column 9", "zero"]),
        (&[], "set \"\" b", &["invalid key", "empty"]),
        (&[], &long, &["invalid key", "129"]),
        (&[], "set-if a b present", &["conflict", "absent"]),
        (&[], "delete-if a 1", &["conflict", "absent"]),
        (
            &["--max-value", "3"],
            "set a bbbb",
            &["too large", "3 bytes"],
        ),
        (&["--utf8-keys"], "set \"\\xff\" b", &["not UTF-8"]),
    ] {
        let words = [&["line 1: "], words].concat();
        shell(options, line).refused(&words);
    }
    for (options, lines, words) in [
        (&[][..], "set a b\nincrement a", &["not a counter"][..]),
        (
            &[],
            "increment a 9223372036854775807\nincrement a",
            &["overflow"],
        ),
        (
            &[],
            "set a b\nset-if a c absent",
            &["conflict", "version 1"],
        ),
        (&["--max-entries", "1"], "set a b\nset c d", &["full"]),
    ] {
        let words = [&["line 2: "], words].concat();
        shell(options, lines).refused(&words);
    }
}

#[test]
fn a_line_without_end_is_refused() {
    let line = format!("set a \"{}\"", "b".repeat(1 << 20));
    shell(&["--max-value", "100"], &line).refused(&["line 1: ", "longer than"]);
    // The line for the largest value is not too long.
    let line = format!("set a \"{}\"\nlen", "\\x00".repeat(1 << 20));
    assert_eq!(shell(&[], &line).ok(), "version 1\n1\n");
}

#[test]
fn a_component_that_is_not_a_map_is_refused_with_what_is_missing() {
    localmap()
        .arg("shell")
        .arg(guest("sessions"))
        .run_with(b"len")
        .refused(&[
            "sessions.wasm",
            "provider",
            "does not export localmap:core/local-map@0.1.0",
        ]);
    localmap()
        .arg("shell")
        .arg(root().join("Cargo.toml"))
        .run_with(b"len")
        .refused(&["Cargo.toml", "not WebAssembly"]);
    localmap()
        .args(["shell", "no/such/file.wasm"])
        .run()
        .refused(&["no/such/file.wasm", "No such file"]);
}
