//! `wasi:logging`: lines on standard error.

use super::outside;

#[test]
fn a_message_is_a_line_with_its_level() {
    let mut commands = Vec::new();
    for level in ["trace", "debug", "info", "warn", "error", "critical", "old"] {
        commands.extend(["log", level, "http", "a message", "then"]);
    }
    commands.extend(["log", "info", "", "no context"]);
    let finished = outside(&[], &commands).run();
    assert_eq!(finished.ok(), "logged\n".repeat(8));
    assert_eq!(
        finished.stderr,
        "TRACE http: a message\nDEBUG http: a message\nINFO http: a message\n\
         WARN http: a message\nERROR http: a message\nCRITICAL http: a message\n\
         INFO http: a message\nINFO no context\n"
    );
}

#[test]
fn a_message_is_among_the_other_lines_of_standard_error() {
    let commands = [
        "stderr", "one", "then", "log", "info", "x", "two", "then", "stderr", "three",
    ];
    let finished = outside(&[], &commands).run();
    finished.ok();
    assert_eq!(finished.stderr, "one\nINFO x: two\nthree\n");
}

#[test]
fn a_message_cannot_pass_for_another_or_control_a_terminal() {
    let finished = outside(&[], &["log", "info", "a\nERROR b", "\u{1b}[2J\r\u{202e}é"]).run();
    finished.ok();
    assert_eq!(
        finished.stderr,
        "INFO a\\nERROR b: \\u{1b}[2J\\r\\u{202e}é\n"
    );
    let long = "x".repeat(100_000);
    let finished = outside(&[], &["log", "info", &long, &long]).run();
    finished.ok();
    assert_eq!(finished.stderr.lines().count(), 1);
    assert!(finished.stderr.len() < 4_000 && finished.stderr.ends_with("...\n"));
}
