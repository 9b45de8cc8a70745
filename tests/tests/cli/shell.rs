//! `localmap shell` from a pipe.

mod errors;
mod pipe;

use localmap_tests::{Finished, localmap, root};
use std::fmt::Write as _;

fn shell(options: &[&str], input: impl AsRef<[u8]>) -> Finished {
    localmap()
        .arg("shell")
        .args(options)
        .run_with(input.as_ref())
}

/// Asserts what one shell prints for each of these lines.
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
fn the_policy_decides_which_entry_is_evicted() {
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
fn an_entry_expires_during_sleep() {
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
            ("set late d 30s", "version 4"),
            ("get late", "\"d\""),
            ("len", "2"),
        ],
    );
}

#[test]
fn the_remaining_time_is_shown() {
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
    // Each byte as a value, then all bytes as one value.
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
fn help_describes_each_command() {
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
fn another_map_can_be_tried() {
    let provider = root().join("host/localmap/src/artifact/map.wasm");
    let finished = localmap()
        .arg("shell")
        .arg(provider)
        .run_with(b"set a b\nget a");
    assert_eq!(finished.ok(), "version 1\n\"b\"\n");
}
