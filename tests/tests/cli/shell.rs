//! `localmap shell` from a pipe.

use localmap_tests::{Finished, guest, localmap, root};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

fn shell(options: &[&str], input: impl AsRef<[u8]>) -> Finished {
    localmap()
        .arg("shell")
        .args(options)
        .run_with(input.as_ref())
}

/// Asserts what is printed for each of these lines, all in one shell.
fn transcript(options: &[&str], lines: &[(&str, &str)]) {
    let input: Vec<&str> = lines.iter().map(|(line, _)| *line).collect();
    let printed = shell(options, input.join("\n")).ok();
    let mut printed = printed.lines();
    for (line, expected) in lines {
        for expected in expected.lines() {
            assert_eq!(printed.next(), Some(expected), "{line}");
        }
    }
    assert_eq!(printed.next(), None);
}

#[test]
fn each_command_prints_its_result() {
    transcript(
        &[],
        &[
            ("# a session", ""),
            ("", ""),
            ("get a", "none"),
            ("get-entry a", "none"),
            ("set a \"one two\" # the first", "version 1"),
            ("get a", "\"one two\""),
            ("get-entry a", "\"one two\" version 1 never expires"),
            ("set-if a three 1", "version 2"),
            ("set-if b four absent never", "version 3"),
            ("set-if b \"\" present default", "version 4"),
            ("contains b", "true"),
            ("contains c", "false"),
            ("get-many b c a", "\"\"\nnone\n\"three\""),
            ("increment n", "1"),
            ("increment n 41", "42"),
            ("increment n -50", "-8"),
            ("len", "3"),
            ("touch n 1h", "true"),
            ("touch c 1h", "false"),
            ("take n", r#""\xf8\xff\xff\xff\xff\xff\xff\xff""#),
            ("take n", "none"),
            ("delete b", "true"),
            ("delete b", "false"),
            ("delete-if a 2", "deleted"),
            ("len", "0"),
            ("set a b", "version 8"),
            ("clear", "cleared"),
            ("len", "0"),
            ("sweep", "0"),
            ("set a b", "version 9"),
            ("exit", ""),
            ("frob", ""),
        ],
    );
}

#[test]
fn a_batch_prints_what_each_change_would_have_printed() {
    transcript(
        &[],
        &[
            ("set a 1", "version 1"),
            ("set b 1", "version 2"),
            (
                "apply set a 2 1h ; set-if c \";\" absent ; increment n 5 ; touch b 1h ; \
                 touch x 1h ; delete b ; delete b ; delete-if c 4 # done",
                "version 3\nversion 4\n5\ntrue\nfalse\ntrue\nfalse\ndeleted",
            ),
            ("get-many a b c", "\"2\"\nnone\nnone"),
            ("apply delete a", "true"),
            ("len", "1"),
        ],
    );
}

#[test]
fn a_batch_that_is_refused_tells_which_change_and_changes_nothing() {
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
fn pins_have_numbers_and_hold_their_values() {
    transcript(
        &["--max-pins", "2"],
        &[
            ("pin a", "none"),
            ("set a one", "version 1"),
            ("pin a", "pin 1"),
            ("set a two", "version 2"),
            ("pin a", "pin 2"),
            ("clear", "cleared"),
            ("pinned 1", "\"one\" version 1"),
            (
                "pinned",
                "1 \"a\" \"one\" version 1\n2 \"a\" \"two\" version 2",
            ),
            ("unpin 1", "true"),
            ("unpin 1", "false"),
            ("pinned 1", "none"),
            ("set a three", "version 3"),
            ("pin a", "pin 3"),
            (
                "pinned",
                "2 \"a\" \"two\" version 2\n3 \"a\" \"three\" version 3",
            ),
        ],
    );
    shell(&["--max-pins", "1"], "set a 1\npin a\npin a").refused(&["line 3: ", "full"]);
}

#[test]
fn the_policy_decides_who_goes() {
    transcript(
        &["--max-entries", "2", "--policy", "lru"],
        &[
            ("set a 1", "version 1"),
            ("set b 1", "version 2"),
            ("get a", "\"1\""),
            ("set c 1", "version 3"),
            ("get-many a b c", "\"1\"\nnone\n\"1\""),
        ],
    );
}

#[test]
fn an_entry_is_gone_when_sleep_has_let_its_time_pass() {
    transcript(
        &["--default-ttl", "3h"],
        &[
            ("set hour a 1h", "version 1"),
            ("set three b", "version 2"),
            ("set ever c never", "version 3"),
            ("sleep 30m", "slept 30m"),
            ("get hour", "\"a\""),
            ("sleep 30m", "slept 30m"),
            ("get hour", "none"),
            ("get three", "\"b\""),
            ("sleep 2h", "slept 2h"),
            ("get three", "none"),
            ("get ever", "\"c\""),
            ("sleep \"500years 1h\"", "slept 500years 1h"),
            ("sleep 500years", "slept 500years"),
            ("get ever", "\"c\""),
            ("len", "1"),
        ],
    );
}

#[test]
fn the_time_that_is_left_is_shown() {
    let printed = shell(&[], "set a b 2h\nsleep 1h\nget-entry a\nscan\n").ok();
    let left: Vec<&str> = printed.lines().skip(2).collect();
    assert!(
        left[0].starts_with("\"b\" version 1 expires in 59m "),
        "{printed}"
    );
    assert!(
        left[1].starts_with("\"a\" \"b\" version 1 expires in 59m "),
        "{printed}"
    );
}

#[test]
fn stats_count_what_was_done() {
    let printed = shell(&[], "set a b 1h\nget a\nget c\nsleep 1h\nset d e\nstats").ok();
    let stats = printed.lines().last().expect("a line");
    for expected in [
        "entries=1 ",
        " hits=1 ",
        " misses=1 ",
        " writes=2 ",
        " expired=1 ",
        " payload=2 ",
        " overhead=",
        " free=",
        " pinned=0 ",
        " high-water=",
        " evicted=0 ",
        " refused=0 ",
        " memory=",
    ] {
        assert!(stats.contains(expected), "{stats}");
    }
}

#[test]
fn scan_prints_each_entry_with_the_prefix_once() {
    let mut input = String::new();
    for number in 0..3_000 {
        let _ = writeln!(input, "set user:{number} v");
        let _ = writeln!(input, "set other:{number} v");
    }
    input.push_str("scan user:\n");
    let printed = shell(&[], input).ok();
    let mut keys: Vec<&str> = printed
        .lines()
        .skip(6_000)
        .filter_map(|line| line.split(' ').next())
        .collect();
    keys.sort_unstable();
    let mut expected: Vec<String> = (0..3_000)
        .map(|number| format!("\"user:{number}\""))
        .collect();
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

#[test]
fn what_is_printed_can_be_pasted() {
    // Each byte by itself, then all of them as one value.
    let hex = |byte: u8| format!("\\x{byte:02x}");
    let mut input: String = (0..=255)
        .map(|byte| format!("set \"{0}\" \"{0}\"\n", hex(byte)))
        .collect();
    let all: String = (0..=255).map(hex).collect();
    let _ = writeln!(input, "set all \"{all}\"\nset text \"Grüße, 世界\"\nscan");
    let scan = |printed: &str| -> Vec<String> {
        let mut lines: Vec<String> = printed
            .lines()
            .filter(|line| line.starts_with('"'))
            .map(|line| {
                line.split(" version ")
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect();
        lines.sort_unstable();
        lines
    };
    let first = scan(&shell(&[], input).ok());
    assert_eq!(first.len(), 258);
    let again: String = first.iter().map(|pair| format!("set {pair}\n")).collect();
    assert_eq!(scan(&shell(&[], again + "scan\n").ok()), first);
    assert!(first.contains(&"\"text\" \"Grüße, 世界\"".to_owned()));
}

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
        (&[], "set-if a b present", &["conflict", "not there"]),
        (&[], "delete-if a 1", &["conflict", "not there"]),
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
    // A line that is needed for the largest value is none such.
    let line = format!("set a \"{}\"\nlen", "\\x00".repeat(1 << 20));
    assert_eq!(shell(&[], &line).ok(), "version 1\n1\n");
}

#[test]
fn help_tells_of_each_command() {
    let all = shell(&[], "help").ok();
    let names = all.lines().take_while(|line| !line.is_empty());
    let asked = names.map(|line| format!("help {}\n", line.split(' ').next().unwrap_or_default()));
    let each = shell(&[], asked.collect::<String>()).ok();
    for command in [
        "get",
        "get-entry",
        "get-many",
        "contains",
        "set",
        "set-if",
        "increment",
        "touch",
        "take",
        "delete",
        "delete-if",
        "apply",
        "pin",
        "pinned",
        "unpin",
        "scan",
        "len",
        "stats",
        "sweep",
        "clear",
        "sleep",
        "help",
        "exit",
        "quit",
    ] {
        let line = |line: &str| line.split(' ').next() == Some(command);
        assert!(all.lines().any(line), "{command}");
        let example = format!("Example: {command}");
        assert!(each.contains(&example), "{command}");
    }
}

#[test]
fn who_waits_for_an_answer_gets_it() {
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
fn nobody_complains_when_the_reader_has_gone() {
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
    // It may be gone before it has read everything.
    let _ = input.write_all("help\n".repeat(1_000).as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn another_map_can_be_tried() {
    let provider = root().join("host/localmap/src/artifact/map.wasm");
    let finished = localmap()
        .arg("shell")
        .arg(provider)
        .run_with(b"set a b\nget a");
    assert_eq!(finished.ok(), "version 1\n\"b\"\n");
}

#[test]
fn what_is_no_map_is_refused_with_what_is_missing() {
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
