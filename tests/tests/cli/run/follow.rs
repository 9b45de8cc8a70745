//! A run that follows a pipe: the first signal ends its input, the second one the guest.

#![cfg(unix)]

use super::wasip3::command;
use super::*;
use std::io::Lines;
use std::process::{ChildStderr, ChildStdin, ChildStdout};

/// A run that follows a pipe.
struct Follower {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    errors: Lines<BufReader<ChildStderr>>,
}

impl Follower {
    fn new(options: &[&str], commands: &[&str]) -> Self {
        Self::of(probe(options, commands))
    }

    fn of(program: Program) -> Self {
        let mut child = piped(&mut program.into_command());
        let output = child.stdout.take().expect("a pipe");
        let errors = child.stderr.take().expect("a pipe");
        Self {
            input: child.stdin.take(),
            output: BufReader::new(output).lines(),
            errors: BufReader::new(errors).lines(),
            child,
        }
    }

    /// Writes to the guest's input.
    fn write(&mut self, text: &str) {
        let input = self.input.as_mut().expect("it is open");
        input.write_all(text.as_bytes()).expect("it reads");
    }

    /// Returns the next line that the guest writes.
    fn line(&mut self) -> String {
        self.output.next().expect("a line").expect("text")
    }

    /// Returns the next line on standard error.
    fn error(&mut self) -> String {
        self.errors.next().expect("a line").expect("text")
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill").success());
    }

    /// Waits for the end. Returns the exit code, and the rest of both streams.
    fn end(mut self) -> (Option<i32>, Vec<String>, Vec<String>) {
        let output = self.output.map(|line| line.expect("text")).collect();
        let errors = self.errors.map(|line| line.expect("text")).collect();
        let status = self.child.wait().expect("it ends");
        (status.code(), output, errors)
    }
}

const STAMPS: &[&str] = &["--clock", "unix", "--stats"];

#[test]
fn the_first_signal_ends_the_input_and_statistics_are_printed() {
    for signal in ["-INT", "-TERM"] {
        for options in [STAMPS, &[STAMPS, &["--linked"]].concat()] {
            let set = ["set", "k", "v", "then", "echo", "then", "get", "k"];
            let mut follower = Follower::new(options, &set);
            follower.write("1000000000 a\n");
            assert_eq!(follower.line(), "1000000000 a");
            follower.signal(signal);
            assert!(follower.error().contains("interrupt again"));
            let (code, output, errors) = follower.end();
            assert_eq!(code, Some(0), "{signal}: {errors:?}");
            assert_eq!(output, ["v"]);
            assert!(
                matches!(&errors[..], [stats] if stats.starts_with("map: entries=1 ")),
                "{errors:?}"
            );
        }
    }
}

#[test]
fn the_second_signal_ends_a_guest_that_goes_on() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        for (options, stats) in [
            (
                STAMPS,
                "map: the statistics are lost with the guest, which was interrupted",
            ),
            (&[STAMPS, &["--linked"]].concat(), "map: entries=1 "),
        ] {
            let set = [
                "set", "k", "v", "then", "echo", "then", "args", "then", "spin",
            ];
            let mut follower = Follower::new(options, &set);
            follower.write("1000000000 a\n");
            assert_eq!(follower.line(), "1000000000 a");
            follower.signal(signal);
            assert!(follower.error().contains("interrupt again"));
            // The guest has seen the end of its input, and goes on.
            assert_eq!(follower.line(), "[]");
            follower.signal(signal);
            let (ended, _, errors) = follower.end();
            assert_eq!(ended, Some(code), "{errors:?}");
            assert!(errors[0].starts_with(stats), "{errors:?}");
        }
    }
}

#[test]
fn the_first_signal_ends_a_guest_that_has_read_everything() {
    let mut follower = Follower::new(STAMPS, &["echo", "then", "args", "then", "spin"]);
    follower.write("1000000000 a\n");
    assert_eq!(follower.line(), "1000000000 a");
    drop(follower.input.take());
    assert_eq!(follower.line(), "[]");
    follower.signal("-INT");
    let (code, _, errors) = follower.end();
    assert_eq!(code, Some(130), "{errors:?}");
    assert!(errors[0].starts_with("map: "), "{errors:?}");
}

#[test]
fn a_signal_before_the_first_stamp_ends_the_input_too() {
    let mut follower = Follower::new(STAMPS, &["echo"]);
    // This is more than a pipe holds, so some of it has been read when it is written.
    follower.write(&"no stamp\n".repeat(50_000));
    follower.signal("-INT");
    assert!(follower.error().contains("interrupt again"));
    let (code, output, errors) = follower.end();
    assert_eq!(code, Some(0), "{errors:?}");
    // The guest receives what has been read, and the user hears why nothing has happened before.
    assert_eq!(output.first().map(String::as_str), Some("no stamp"));
    assert!(errors[0].contains("no time stamp"), "{errors:?}");
    let stats = errors.last().expect("statistics");
    assert!(stats.starts_with("map: entries=0 "), "{errors:?}");
}

#[test]
fn without_stamps_the_first_signal_ends_the_guest() {
    for (options, stats) in [
        (
            &["--stats"][..],
            "map: the statistics are lost with the guest",
        ),
        (&["--stats", "--linked"], "map: entries=1 "),
    ] {
        let mut follower =
            Follower::new(options, &["set", "k", "v", "then", "args", "then", "echo"]);
        assert_eq!(follower.line(), "[]");
        follower.signal("-INT");
        let (code, _, errors) = follower.end();
        assert_eq!(code, Some(130), "{errors:?}");
        assert!(errors[0].starts_with(stats), "{errors:?}");
    }
}

/// The guest of WASI 0.3 reads streams, and its map outlives it.
#[test]
fn signals_end_the_input_and_then_the_guest_of_wasi_0_3_too() {
    let set = ["set", "k", "v", "then", "echo", "then", "args", "then"];
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        for (end, ended) in [("spin", code), ("deadlock", code), ("len", 0)] {
            let mut follower = Follower::of(command(STAMPS, &[&set[..], &[end]].concat()));
            follower.write("1000000000 a\n1000000001 b\n");
            assert_eq!(follower.line(), "1000000000 a");
            assert_eq!(follower.line(), "1000000001 b");
            follower.signal(signal);
            assert!(follower.error().contains("interrupt again"));
            // The guest has seen the end of its input, and goes on.
            assert_eq!(follower.line(), "[]");
            if ended != 0 {
                follower.signal(signal);
            }
            let (code, output, errors) = follower.end();
            assert_eq!(code, Some(ended), "{end}: {errors:?}");
            let rest: &[&str] = if ended == 0 { &["1"] } else { &[] };
            assert_eq!(output, rest);
            assert!(errors[0].starts_with("map: entries=1 "), "{errors:?}");
        }
    }
}

/// Nothing that it waits for can happen, and it does not read its input, whose end would be no news.
#[test]
fn the_first_signal_ends_a_guest_of_wasi_0_3_that_is_deadlocked() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let commands = ["set", "k", "v", "then", "args", "then", "deadlock"];
        let mut follower = Follower::of(command(STAMPS, &commands));
        follower.write("1000000000 a\n");
        assert_eq!(follower.line(), "[]");
        follower.signal(signal);
        assert!(follower.error().contains("interrupt again"));
        let (ended, output, errors) = follower.end();
        assert_eq!(ended, Some(code), "{errors:?}");
        assert!(output.is_empty(), "{output:?}");
        assert!(errors[0].contains("nothing more to do"), "{errors:?}");
        assert!(errors[1].starts_with("map: entries=1 "), "{errors:?}");
    }
}
