//! `--clock` for commands of WASI 0.3: one test for each rule of docs/replay.md.

use super::wasip3::command;
use super::*;

/// Replays an input.
fn replay(commands: &[&str], input: &str) -> String {
    let options = ["--clock", "unix"];
    command(&options, commands).run_with(input.as_bytes()).ok()
}

#[test]
fn both_clocks_are_at_the_latest_stamp_that_has_been_received() {
    let input = "# no stamp\n1000000010 a\n1000000005 b\nc\n1000000020.25 d";
    let expected = [
        "1000000010.000000000 0 (start)",
        "1000000010.000000000 0 # no stamp",
        "1000000010.000000000 0 1000000010 a",
        "1000000010.000000000 0 1000000005 b",
        "1000000010.000000000 0 c",
        "1000000020.250000000 10250000000 1000000020.25 d",
        "1000000020.250000000 10250000000 (end)",
    ];
    assert_eq!(
        replay(&["clock"], input).lines().collect::<Vec<_>>(),
        expected
    );
    assert_eq!(replay(&["resolution"], input), "1 1\n");
}

#[test]
fn entries_live_from_the_first_stamp_on() {
    let options = ["--clock", "unix", "--entry", "k=v;ttl=30s"];
    let run = |input: &[u8]| {
        let commands = ["length", "then", "get", "k"];
        command(&options, &commands).run_with(input).ok()
    };
    assert_eq!(run(b"x\n1000000000\n1000000029\n"), "24\nv\n");
    assert_eq!(run(b"x\n1000000000\n1000000030\n"), "24\n(absent)\n");
}

#[test]
fn when_all_tasks_wait_the_clock_moves_to_the_earliest_timer() {
    let expected = "[1] at 1, entry true\n[29] at 29, entry true\n[60] at 60, entry false\n";
    for how in ["relative", "absolute", "mixed", "tasks"] {
        for order in [["1", "29", "60"], ["60", "29", "1"], ["29", "60", "1"]] {
            let wait = [&["wait", how], &order[..]].concat();
            assert_eq!(replay(&wait, "1000000000\n"), expected, "{how} {order:?}");
        }
    }
    let sequence = ["wait", "sequence", "1", "2", "4"];
    let expected = "[1] at 1, entry true\n[2] at 3, entry true\n[4] at 7, entry true\n";
    assert_eq!(replay(&sequence, "1000000000\n"), expected);
}

/// The guest does not really wait, or the test would run for a year.
#[test]
fn a_wait_takes_no_real_time() {
    let wait = ["wait", "relative", "31536000"];
    let said = replay(&wait, "1000000000\n");
    assert_eq!(said, "[31536000] at 31536000, entry false\n");
    let commands = [
        "set",
        "k",
        "v",
        "60",
        "then",
        "wait-forever",
        "then",
        "get",
        "k",
    ];
    assert_eq!(replay(&commands, "1000000000\n"), "(absent)\n");
}

#[test]
fn a_timer_that_is_dropped_does_not_move_the_clock() {
    for order in [["5", "60"], ["60", "5"]] {
        let race = ["wait", "race", order[0], order[1], "then", "clock"];
        let said = replay(&race, "1000000000\n");
        let expected = "[5] at 5, entry true\n1000000005.000000000 0 (start)\n";
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn lines_older_than_the_end_of_a_wait_do_not_move_the_clock_back() {
    let commands = ["wait", "sequence", "60", "then", "clock"];
    let said = replay(&commands, "1000000000 a\n1000000059 b\n1000000061 c\n");
    let expected = [
        "[60] at 60, entry false",
        "1000000060.000000000 0 (start)",
        "1000000060.000000000 0 1000000000 a",
        "1000000060.000000000 0 1000000059 b",
        "1000000061.000000000 1000000000 1000000061 c",
        "1000000061.000000000 1000000000 (end)",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn no_timer_ends_while_another_task_can_go_on() {
    let said = replay(&["wait-while", "working"], "1000000000\n");
    assert_eq!(said, "worked at 0\nwaited 1 at 1\n");
}

#[test]
fn a_task_that_waits_for_a_stream_of_another_one_does_not_hold_the_clock() {
    let said = replay(&["wait-while", "streaming"], "1000000000\n");
    assert_eq!(said, "waited 1 at 1\nread at 2\nwaited 3 at 3\n");
}

/// A pollable of WASI 0.2 holds up all tasks of the guest, but not their timers.
#[test]
fn timers_of_wasi_0_2_and_0_3_end_at_their_times() {
    let said = replay(&["wait-while", "sleeping"], "1000000000\n");
    assert_eq!(said, "slept at 5\nwaited 1 at 5\nwaited 9 at 9\n");
}

#[test]
fn a_timer_that_is_waited_for_together_with_input_never_ends_before_it() {
    let input = "1000000000 a\n1000000050 b\n1000000050 c\n";
    let said = replay(&["wait-while", "reading"], input);
    let expected = "1000000000 a at 0\n1000000050 b at 50\n1000000050 c at 50\n(end) at 50\n";
    assert_eq!(said, expected);
}

#[test]
fn a_timer_of_another_task_ends_when_a_stamp_reaches_it_or_after_the_input() {
    let input = "1000000000 a\n1000000020 b\n1000000021 c\n";
    let said = replay(&["wait", "reading", "10", "40"], input);
    let expected = [
        "1000000000 a at 0",
        "1000000020 b at 20",
        "[10] at 20, entry true",
        "1000000021 c at 21",
        "[40] at 40, entry false",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

/// The executor of the guest chooses among tasks that go on together, so they must not.
#[test]
fn timers_of_many_tasks_that_one_line_makes_due_end_in_the_order_of_their_ends() {
    let mut waits: Vec<u64> = (0..60).map(|n| n * 7_919 % 131 + 1).collect();
    let seconds: Vec<String> = waits.iter().map(u64::to_string).collect();
    waits.sort_unstable();
    let told = |waits: &[u64], now: Option<u64>| -> String {
        let line = |&wait: &u64| {
            let now = now.unwrap_or(wait);
            format!("[{wait}] at {now}, entry {}\n", now < 30)
        };
        waits.iter().map(line).collect()
    };
    let of_first = waits.partition_point(|&wait| wait <= 20);
    let of_second = waits.partition_point(|&wait| wait <= 100);
    let lines = ["1000000000\n", "1000000020\n", "1000000100\n"].concat();
    let expected = [
        told(&waits[..of_first], Some(20)),
        told(&waits[of_first..of_second], Some(100)),
        format!("{}\n", lines.len()),
        told(&waits[of_second..], None),
    ];
    let mut commands = vec!["wait", "tasks"];
    commands.extend(seconds.iter().map(String::as_str));
    commands.extend(["then", "length"]);
    assert_eq!(replay(&commands, &lines), expected.concat());
}

#[test]
fn a_guest_that_waits_by_looking_comes_to_an_end() {
    for (wait, expected) in [
        (
            &["wait", "looks", "1", "60"][..],
            "[1] at 1, entry true\n[60] at 60, entry false\n",
        ),
        (&["wait-while", "asking"], "it has ended at 60\n"),
    ] {
        let finished = command(&["--clock", "unix"], wait).run_with(b"1000000000\n");
        assert_eq!(finished.ok(), expected, "{wait:?}");
        let notes = finished.stderr.matches("looked at the clock").count();
        assert_eq!(notes, 1, "{}", finished.stderr);
    }
}

#[test]
fn two_replays_see_the_same_times_however_fast_the_input_arrives() {
    let lines: Vec<String> = (0..500)
        .map(|n| format!("{} line {}\n", 1_000_000_000 + n * 7, n % 13))
        .collect();
    let input = lines.concat();
    let commands = ["wait", "reading", "100", "1001", "2500", "9999"];
    let expected = replay(&commands, &input);
    let mut child = piped(&mut command(&["--clock", "unix"], &commands).into_command());
    let mut stdin = child.stdin.take().expect("a pipe");
    std::thread::spawn(move || {
        for part in input.as_bytes().chunks(97) {
            // One write after the other, each of which ends within a line.
            stdin.write_all(part).expect("it reads");
            std::thread::yield_now();
        }
    });
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

#[test]
fn a_warning_says_that_no_stamp_was_found() {
    let finished = command(&["--clock", "clf"], &["echo"]).run_with(b"1431857103\n");
    assert_eq!(finished.ok(), "1431857103\n");
    let warning = "Warning: no time stamp";
    assert!(finished.stderr.contains(warning), "{}", finished.stderr);
}

#[test]
fn a_timeout_counts_real_time_also_before_the_first_stamp() {
    let options = ["-W", "timeout=200ms", "--clock", "unix"];
    for input in ["", "1000000000\n"] {
        let mut child = piped(&mut command(&options, &["echo"]).into_command());
        let mut open = child.stdin.take().expect("a pipe");
        open.write_all(input.as_bytes()).expect("it reads");
        assert_eq!(child.wait().expect("it ends").code(), Some(134));
    }
}
