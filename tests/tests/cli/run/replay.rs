//! `--clock`: both clocks of the guest are at the latest timestamp that it has read.

use super::*;

/// Parses the output of `probe clock`: the wall clock in seconds, the monotonic clock in seconds
/// since the start, and the line.
fn clock(options: &[&str], input: &str) -> Vec<(u64, u64, String)> {
    let said = probe(options, &["clock"]).run_with(input.as_bytes()).ok();
    said.lines()
        .map(|line| {
            let mut fields = line.splitn(3, ' ');
            let mut seconds = || {
                let nanos: u64 = fields.next().unwrap_or_default().parse().expect("a number");
                assert_eq!(nanos % 1_000_000_000, 0, "{line}");
                nanos / 1_000_000_000
            };
            (
                seconds(),
                seconds(),
                fields.next().unwrap_or_default().to_owned(),
            )
        })
        .collect()
}

#[test]
fn both_clocks_are_at_the_latest_timestamp() {
    let input = "# no stamp\n1000000010 a\n1000000005 b\nc\n1000000020 d";
    let at = |seconds: u64, text: &str| (1_000_000_000 + seconds, seconds - 10, text.to_owned());
    assert_eq!(
        clock(&["--clock", "unix"], input),
        [
            at(10, "(start)"),
            at(10, "# no stamp"),
            at(10, "1000000010 a"),
            at(10, "1000000005 b"),
            at(10, "c"),
            at(20, "1000000020 d"),
            at(20, "(end)"),
        ]
    );
}

#[test]
fn timestamps_are_read_in_each_form() {
    for (form, line) in [
        (
            "clf",
            "::1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1",
        ),
        (
            "rfc3339",
            "level=info ts=2015-05-17T12:05:03+02:00 1000000000",
        ),
        ("unix", "1431857103 2001-01-01T00:00:00Z"),
    ] {
        let said = clock(&["--clock", form], line);
        assert_eq!(
            said.last().map(|last| last.0),
            Some(1_431_857_103),
            "{form}"
        );
    }
}

/// The guest does not really sleep, or the test would run for a year.
#[test]
fn a_guest_that_sleeps_makes_the_clock_jump() {
    let start = Instant::now();
    let year = "31536000000";
    let commands = [
        "set", "k", "v", "8760h", "then", "sleep", year, "then", "get", "k",
    ];
    let finished = probe(&["--clock", "unix"], &commands).run_with(b"1000000000\n");
    assert_eq!(finished.ok(), "(absent)\n");
    assert!(start.elapsed() < Duration::from_secs(600));
}

#[test]
fn preloaded_entries_live_from_the_first_timestamp_on() {
    let options = ["--clock", "unix", "--entry", "k=v;ttl=30s"];
    let commands = ["clock", "then", "get", "k"];
    let run = |input: &[u8]| probe(&options, &commands).run_with(input).ok();
    assert!(run(b"x\n1000000000\n1000000029\n").ends_with("\nv\n"));
    assert!(run(b"x\n1000000000\n1000000030\n").ends_with("\n(absent)\n"));
}

#[test]
fn input_without_timestamps_gets_a_warning() {
    let finished = probe(&["--clock", "clf"], &["echo"]).run_with(b"1431857103\n");
    assert_eq!(finished.ok(), "1431857103\n");
    assert!(
        finished.stderr.contains("Warning: no time stamp"),
        "{}",
        finished.stderr
    );
}
