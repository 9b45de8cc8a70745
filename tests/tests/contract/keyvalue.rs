//! Guests that were written for `wasi:keyvalue` and do not know localmap.

mod both;
mod buckets;
mod differential;
mod embedded;
mod forms;
mod hostile;
mod options;
mod spin;

use localmap_tests::{Finished, guest, localmap};

/// The guests, one for each draft.
const DRAFTS: [&str; 2] = ["kv-draft", "kv-draft2"];

/// The options for the two ways to provide a guest with a map.
const WAYS: [&[&str]; 2] = [&[], &["--linked"]];

/// Returns a run of these commands, which are separated by ` then `, with these options.
fn run(way: &[&str], options: &[&str], name: &str, commands: &str) -> Finished {
    localmap()
        .arg("run")
        .args(way)
        .args(options)
        .arg(guest(name))
        .args(commands.split_whitespace())
        .run()
}

/// Asserts that commands print these lines, for each draft and each way.
fn all_print(options: &[&str], commands: &[(&str, &str)]) {
    for name in DRAFTS {
        prints(name, options, commands);
    }
}

/// Asserts the same for one guest.
fn prints(name: &str, options: &[&str], commands: &[(&str, &str)]) {
    let words: Vec<&str> = commands.iter().map(|(command, _)| *command).collect();
    for way in WAYS {
        let printed = run(way, options, name, &words.join(" then ")).ok();
        let mut lines = printed.lines();
        for (command, expected) in commands {
            let line = lines.next().unwrap_or_default();
            let fits = match expected.strip_suffix('…') {
                Some(start) => line.starts_with(start),
                None => line == *expected,
            };
            assert!(
                fits,
                "{name} {way:?}: `{command}` printed `{line}`, not `{expected}`"
            );
        }
        assert_eq!(lines.next(), None, "{name} {way:?}");
    }
}
