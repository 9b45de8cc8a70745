//! The map of a guest: how the command line configures and measures it.

use super::*;

#[test]
fn rule_10_end_is_empty_at_the_start_and_gone_at_the_end() {
    let set = &["set", "k", "v", "then", "get", "k", "then", "len"];
    assert_eq!(probe(&[], set).run().ok(), "v\n1\n");
    assert_eq!(
        probe(&[], &["get", "k", "then", "len"]).run().ok(),
        "(absent)\n0\n"
    );
}

#[test]
fn rule_11_in_has_the_entries_of_the_command_line() {
    let options = ["--entry", "a=1", "--entry", "b=;ttl=30s", "--entry", "a=2"];
    let finished = probe(&options, &["get", "a", "then", "get", "b", "then", "len"]).run();
    assert_eq!(finished.ok(), "2\n\n2\n");
}

/// They are passed in different ways, depending on their lengths.
#[test]
fn keys_and_values_of_all_lengths_come_back_as_they_were() {
    assert_eq!(probe(&[], &["lengths"]).run().ok(), "290\n");
}

#[test]
fn takes_its_limits_from_the_command_line() {
    let finished = probe(&["--max-entries", "2"], &["fill"]).run();
    assert!(
        finished.ok().starts_with("2: the map is full"),
        "{finished:?}"
    );
    probe(&["--max-value", "3"], &["set", "k", "four"])
        .run()
        .refused(&["3 bytes"]);
    assert_eq!(
        probe(&["--max-value", "4"], &["set", "k", "four"])
            .run()
            .code,
        Some(0)
    );
}

/// The vectors test the policies; this test checks that they reach the map.
#[test]
fn evicts_where_the_policy_says_so() {
    let commands = [
        "set", "a", "1", "then", "set", "b", "2", "then", "set", "c", "3", "then", "dump",
    ];
    let run = |policy| {
        let options = ["--max-entries", "2", "--policy", policy, "--stats"];
        probe(&options, &commands).run()
    };
    run("refuse").refused(&["full"]);
    assert_eq!(run("lru").ok(), "b=2 never\nc=3 never\n");
    assert!(run("lru").stderr.contains(" evicted=1 "));
    let printed = run("s3-fifo").ok();
    assert!(printed.ends_with("c=3 never\n"), "{printed}");
    assert_eq!(printed.lines().count(), 2);
}

#[test]
fn a_default_ttl_holds_for_entries_without_one() {
    let commands = [
        "set", "k", "v", "then", "set", "l", "v", "never", "then", "sleep", "30000", "then", "dump",
    ];
    let options = ["--clock", "unix", "--default-ttl", "30s"];
    assert_eq!(probe(&options, &commands).run().ok(), "l=v never\n");
}

#[test]
fn the_entries_of_the_command_line_meet_its_limits() {
    probe(
        &["--max-entries", "1", "--entry", "a=1", "--entry", "b=2"],
        &["len"],
    )
    .run()
    .refused(&["--entry `b`", "full"]);
    probe(&["--max-value", "1", "--entry", "a=12"], &["len"])
        .run()
        .refused(&["--entry `a`", "at most 1 byte,"]);
}

#[test]
fn prints_its_statistics_at_the_end_however_the_guest_ends() {
    let commands = [
        "set", "k", "v", "then", "get", "k", "then", "get", "l", "then",
    ];
    for end in [&["len"][..], &["exit", "0"], &["exit", "1"]] {
        let finished = probe(&["--stats"], &[&commands, end].concat()).run();
        let line = finished.stderr.lines().last().unwrap_or_default();
        assert!(line.starts_with("map: entries=1 bytes="), "{finished:?}");
        assert!(
            line.ends_with(" hits=1 misses=1 writes=1 expired=0 evicted=0 refused=0"),
            "{line}"
        );
        for part in [
            " payload=2 ",
            " overhead=",
            " free=",
            " pinned=0 ",
            " high-water=",
        ] {
            assert!(line.contains(part), "{line}");
        }
    }
    let finished = probe(&["--stats"], &[&commands, &["trap"][..]].concat()).run();
    assert_eq!(finished.code, Some(134));
    assert!(
        finished.stderr.contains("statistics are lost"),
        "{}",
        finished.stderr
    );
}

#[test]
fn counts_what_has_expired() {
    let commands = [
        "set", "k", "v", "5s", "then", "sleep", "5000", "then", "get", "k",
    ];
    let finished = probe(&["--stats", "--clock", "unix"], &commands).run();
    assert_eq!(finished.ok(), "(absent)\n");
    assert!(finished.stderr.contains("entries=0"), "{}", finished.stderr);
    assert!(finished.stderr.contains("expired=1"), "{}", finished.stderr);
}
