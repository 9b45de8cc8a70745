//! `--clock`: both clocks of the guest are at the latest timestamp that it has read.

use super::*;
use localmap_tests::Finished;

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

#[test]
fn input_without_the_field_gets_a_warning_that_names_its_option() {
    let options = ["--clock", "unix", "--clock-field", "time"];
    let finished = probe(&options, &["echo"]).run_with(b"{\"ts\":1431857103}\n");
    finished.ok();
    let warning = "check --clock, and --clock-field, since only this field is searched";
    assert!(finished.stderr.contains(warning), "{}", finished.stderr);
    let finished = probe(&options[..2], &["echo"]).run_with(b"soon\n");
    assert!(
        finished.stderr.contains("check --clock ("),
        "{}",
        finished.stderr
    );
}

/// Runs `waits` on a log of one line.
fn waits(options: &[&str], how: &[&str]) -> Finished {
    localmap()
        .args(["run", "--clock", "unix"])
        .args(options)
        .arg(guest("waits"))
        .args(how)
        .run_with(b"1000000000\n")
}

#[test]
fn a_poll_moves_the_clock_to_its_earliest_timer() {
    let expected = "[1] at 1, entry true\n[29] at 29, entry true\n[60] at 60, entry false\n";
    for options in [&[][..], &["--linked"]] {
        for how in ["relative", "absolute", "mixed", "tasks"] {
            for order in [["1", "29", "60"], ["60", "29", "1"], ["29", "60", "1"]] {
                let finished = waits(options, &[&[how], &order[..]].concat());
                assert_eq!(finished.ok(), expected, "{options:?} {how} {order:?}");
            }
        }
    }
}

#[test]
fn timers_that_end_together_end_in_one_poll() {
    let finished = waits(&[], &["mixed", "5", "5", "7"]);
    assert_eq!(
        finished.ok(),
        "[5, 5] at 5, entry true\n[7] at 7, entry true\n"
    );
}

#[test]
fn a_guest_that_waits_by_looking_comes_to_an_end() {
    for how in [["looks", "1", "60"], ["asks", "60", "1"]] {
        let finished = waits(&[], &how);
        let expected = "[1] at 1, entry true\n[60] at 60, entry false\n";
        assert_eq!(finished.ok(), expected, "{how:?}");
        let notes = finished.stderr.matches("looked at the clock").count();
        assert_eq!(notes, 1, "{}", finished.stderr);
    }
}

#[test]
fn a_field_of_json_is_read_alone() {
    let options = ["--clock", "unix", "--clock-field", "time.at"];
    let input = "{\"id\":1500000000,\"time\":{\"at\":\"1000000010\"}}\n\
                 {\"id\":1600000000}\n\
                 1700000000\n";
    let times: Vec<u64> = clock(&options, input).iter().map(|line| line.0).collect();
    assert_eq!(times, [1_000_000_010; 5]);
}

#[test]
fn a_stamp_far_ahead_is_reported_once_with_its_line() {
    let input = "1000000000 a\n1000086400 b\n1000000001 c\n1000260001 d\n1900000000 e\n";
    let finished = probe(&["--clock", "unix"], &["echo"]).run_with(input.as_bytes());
    assert_eq!(finished.ok(), input);
    let warning =
        "Warning: line 4 of standard input moves the clock 2days 13m 21s ahead: 1000260001 d\n";
    let warnings = finished.stderr.matches("moves the clock").count();
    assert!(finished.stderr.contains(warning), "{}", finished.stderr);
    assert_eq!(warnings, 1, "{}", finished.stderr);
}

/// As `cat access.log*` gives them: the newest log first.
#[test]
fn a_stamp_far_behind_is_reported_once_with_its_line() {
    let input = "1000300000 a\n1000213600 b\n1000000000 c\n1000000001 d\n1000300001 e\n";
    let finished = probe(&["--clock", "unix"], &["echo"]).run_with(input.as_bytes());
    assert_eq!(finished.ok(), input);
    let warning =
        "Warning: line 3 of standard input is 3days 11h 20m behind the clock: 1000000000 c\n";
    assert!(finished.stderr.contains(warning), "{}", finished.stderr);
    let warnings = finished.stderr.matches("Warning").count();
    assert_eq!(warnings, 1, "{}", finished.stderr);
}

#[test]
fn stamps_without_an_offset_are_those_of_the_option() {
    let line = "2015-05-17 12:05:03,250 INFO\n";
    let said = probe(&["--clock", "rfc3339"], &["clock"]).run_with(line.as_bytes());
    assert!(said.stderr.contains("--clock-offset"), "{}", said.stderr);
    let read = |offset: &str, zone: &str| {
        let options = ["--clock", "rfc3339", "--clock-offset", offset];
        let finished = probe(&options, &["clock"])
            .env("TZ", zone)
            .run_with(line.as_bytes());
        assert_eq!(finished.stderr, "");
        finished.ok()
    };
    let ten = "1431857103250000000 0 2015-05-17 12:05:03,250 INFO";
    for (offset, zone) in [
        ("+02:00", ""),
        ("+0200", ""),
        ("local", "UTC-2"),
        ("local", "CET-1CEST,M3.5.0,M10.5.0/3"),
    ] {
        assert!(read(offset, zone).contains(ten), "{offset} {zone}");
    }
    assert!(read("-02:00", "").starts_with("1431871503250000000 0"));
    assert!(read("UTC", "UTC-2").starts_with("1431864303250000000 0"));
}

#[test]
fn the_year_of_rfc3164_is_that_of_the_option_or_of_the_file() {
    let input = "Dec 31 23:59:59 a\nJan  1 00:00:09 b\n";
    let expected = ["1420070399", "1420070399", "1420070409", "1420070409"];
    let times =
        |said: String| -> Vec<String> { said.lines().map(|line| line[..10].to_owned()).collect() };
    let given = ["--clock", "rfc3164", "--clock-year", "2014"];
    let finished = probe(&given, &["clock"]).run_with(input.as_bytes());
    assert_eq!(times(finished.ok()), expected);
    assert_eq!(finished.stderr, "");

    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), input).expect("room");
    let written = std::time::UNIX_EPOCH + Duration::from_secs(1_420_070_500);
    let open = std::fs::File::options().write(true).open(file.path());
    open.and_then(|file| file.set_modified(written))
        .expect("an age");
    let output = probe(&["--clock", "rfc3164"], &["clock"])
        .into_command()
        .stdin(std::fs::File::open(file.path()).expect("the file"))
        .output()
        .expect("it runs");
    assert_eq!(
        times(String::from_utf8_lossy(&output.stdout).into()),
        expected
    );

    let finished = probe(&["--clock", "rfc3164"], &["clock"]).run_with(input.as_bytes());
    finished.refused(&["have no year", "--clock-year"]);
}

#[test]
fn options_for_stamps_need_stamps() {
    for (options, words) in [
        (
            &["--clock-field", "time"][..],
            ["--clock-field", "add --clock"],
        ),
        (
            &["--clock-offset", "UTC"],
            ["--clock-offset", "add --clock"],
        ),
        (&["--clock-year", "2015"], ["--clock-year", "add --clock"]),
        (
            &["--clock", "unix", "--clock-offset", "local"],
            ["--clock-offset has no effect", "--clock unix"],
        ),
        (
            &["--clock", "clf", "--clock-year", "2015"],
            ["--clock-year", "rfc3164"],
        ),
    ] {
        probe(options, &["clock"]).run().refused(&words);
    }
    for (option, value) in [
        ("--clock-offset", "CEST"),
        ("--clock-field", "a..b"),
        ("--clock-year", "15"),
    ] {
        let finished = probe(&["--clock", "rfc3164", option, value], &["clock"]).run();
        assert_eq!(finished.code, Some(2), "{finished:?}");
    }
}
