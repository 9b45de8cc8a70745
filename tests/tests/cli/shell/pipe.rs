//! The pipes on both sides of a shell.

use super::shell;
use localmap_tests::localmap;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

#[test]
fn bytes_that_are_not_utf8_are_data_in_quotes() {
    let printed = shell(&[], b"set \"\xff\" \"a\xfe\0\"\nget \"\\xff\"\n").ok();
    assert_eq!(printed, "version 1\n\"a\\xfe\\x00\"\n");
}

#[test]
fn lines_may_end_as_on_windows_and_the_last_not_at_all() {
    assert_eq!(
        shell(&[], "set a b\r\nget a\r\nlen").ok(),
        "version 1\n\"b\"\n1\n"
    );
    assert_eq!(shell(&[], "").ok(), "");
}

/// Editors of Windows write one at the beginning of a file. Elsewhere it is data.
#[test]
fn a_byte_order_mark_begins_a_script_but_no_other_line() {
    let mark = "\u{feff}";
    let script = format!("{mark}set a {mark}b\nget a\n");
    assert_eq!(shell(&[], script).ok(), "version 1\n\"\\xef\\xbb\\xbfb\"\n");
    assert_eq!(shell(&[], mark).ok(), "");
    shell(&[], format!("len\n{mark}len\n")).refused(&["line 2", "unknown command"]);
}

#[test]
fn each_answer_is_printed_before_the_next_line_is_read() {
    let mut child = localmap()
        .arg("shell")
        .into_command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("a pipe");
    let output = child.stdout.take().expect("a pipe");
    let (sender, answers) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    for (line, answer) in [("set a b", "version 1"), ("get a", "\"b\""), ("len", "1")] {
        writeln!(input, "{line}").expect("it reads");
        let answered = answers.recv_timeout(Duration::from_secs(60));
        assert_eq!(answered.as_deref(), Ok(answer));
    }
    drop(input);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_closed_output_ends_it_silently() {
    let mut child = localmap()
        .arg("shell")
        .into_command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let mut input = child.stdin.take().expect("a pipe");
    // The shell may exit before it has read everything.
    let _ = input.write_all("help\n".repeat(1_000).as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
