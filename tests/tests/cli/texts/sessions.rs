//! Sessions of the shell: input and answers.

use localmap_tests::{localmap, snapshots, stable};

/// The line after each line of a session, which separates its answer from the next one.
const MARK: &str = "sleep 1ns";
const MARKED: &str = "slept 1ns";

/// Runs a shell. Returns each line with its answer.
fn session(options: &str, lines: &[&str]) -> String {
    let input: String = lines
        .iter()
        .map(|line| format!("{line}\n{MARK}\n"))
        .collect();
    let finished = localmap()
        .arg("shell")
        .args(options.split_whitespace())
        .run_with(input.as_bytes());
    let printed = finished.text();
    let mut answers = printed.split_inclusive('\n');
    let mut shown = format!("$ localmap shell {options}").trim_end().to_owned() + "\n";
    for line in lines {
        shown += &format!("> {line}\n");
        let answer = answers
            .by_ref()
            .take_while(|answer| answer.trim_end() != MARKED);
        shown.extend(answer);
        // An error ends the session. Its line number must not count the marks.
        if answers.clone().next().is_none() {
            break;
        }
    }
    for line in finished.stderr.lines() {
        shown += &format!("{}\n", without_marks(line));
    }
    if finished.code != Some(0) {
        shown += &format!("(exit code {})\n", finished.code.unwrap_or(-1));
    }
    stable(&shown)
}

/// Returns an error with the line number that it would have without marks.
fn without_marks(error: &str) -> String {
    let numbered = error.strip_prefix("Error: line ");
    let numbered = numbered.and_then(|error| error.split_once(':'));
    match numbered.and_then(|(number, rest)| Some((number.parse::<usize>().ok()?, rest))) {
        Some((number, rest)) => format!("Error: line {}:{rest}", number.div_ceil(2)),
        None => error.to_owned(),
    }
}

const OPERATIONS: &[&str] = &[
    "# a comment",
    "get a",
    "get-entry a",
    "set a \"one two\"",
    "get a",
    "get-entry a",
    "set-if a three 1",
    "set-if b four absent never",
    "set-if b \"\" present default",
    "contains b",
    "contains c",
    "get-many b c a",
    "increment n",
    "increment n 41",
    "touch n 1h",
    "touch c 1h",
    "get-entry n",
    "take n",
    "take n",
    "set \"\\x00\\xff\" \"Grüße, 世界\"",
    "scan \"\\x00\"",
    "delete b",
    "delete b",
    "delete-if a 2",
    "len",
    "sweep",
    "clear",
    "len",
    "stats",
    "exit",
];

const BATCHES: &[&str] = &[
    "set a 1",
    "set b 1",
    "apply set a 2 1h ; set-if c \";\" absent ; increment n 5 ; touch b 1h ; touch x 1h ; \
     delete b ; delete b ; delete-if c 4",
    "get-many a b c",
];

const PINS: &[&str] = &[
    "pin a",
    "set a one",
    "pin a",
    "set a two",
    "pin a",
    "clear",
    "pinned 1",
    "pinned",
    "unpin 1",
    "unpin 1",
    "pinned 1",
    "set a three",
    "pin a",
    "pin a",
];

const TIME: &[&str] = &[
    "set hour a 1h",
    "set three b",
    "set ever c never",
    "get-entry hour",
    "get-entry ever",
    "sleep 1h",
    "get hour",
    "get three",
    "sleep 2h",
    "get three",
    "get ever",
];

const EVICTION: &[&str] = &["set a 1", "set b 1", "get a", "set c 1", "get-many a b c"];

/// Lines that each end a shell.
const ERRORS: &[(&str, &[&str])] = &[
    ("", &["frob"]),
    ("", &["get"]),
    ("", &["len a"]),
    ("", &["set a \"b"]),
    ("", &[r#"set a "\q""#]),
    ("", &["set a b soon"]),
    ("", &["set a b 0s"]),
    ("", &["sweep many"]),
    ("", &["unpin one"]),
    ("", &["set \"\" b"]),
    ("", &["set-if a b present"]),
    ("", &["set a b", "set-if a c absent"]),
    ("", &["delete-if a 1"]),
    ("", &["set a b", "increment a"]),
    ("", &["increment a 9223372036854775807", "increment a"]),
    ("", &["apply"]),
    ("", &["apply get a"]),
    ("", &["apply delete a ; set b"]),
    ("", &["set a 1", "apply delete a ; set-if b 1 present"]),
    ("--max-value 3", &["set a bbbb"]),
    ("--max-entries 1", &["set a b", "set c d"]),
    ("--max-pins 1", &["set a b", "pin a", "pin a"]),
    ("--utf8-keys", &["set \"\\xff\" b"]),
];

#[test]
fn session_texts() {
    snapshots("sessions", |snapshots| {
        for (name, options, lines) in [
            ("operations.txt", "", OPERATIONS),
            ("batches.txt", "", BATCHES),
            ("pins.txt", "--max-pins 2", PINS),
            ("time.txt", "--default-ttl 3h", TIME),
            ("eviction.txt", "--max-entries 2 --policy lru", EVICTION),
            ("help.txt", "", &["help"]),
        ] {
            snapshots.check(name, &session(options, lines));
        }
        let errors: Vec<String> = ERRORS
            .iter()
            .map(|(options, lines)| session(options, lines))
            .collect();
        snapshots.check("errors.txt", &errors.join("\n"));
        snapshots.check("topics.txt", &topics());
    });
}

/// Returns the help of each command that the help lists.
fn topics() -> String {
    let help = localmap().arg("shell").run_with(b"help\n").ok();
    let names = help.lines().take_while(|line| !line.is_empty());
    let names = names.filter_map(|line| line.split(' ').next());
    let lines: Vec<String> = names.map(|name| format!("help {name}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    session("", &lines)
}
