//! `run --linked`: the map is in its own store, which outlives the guest.

use super::*;

fn linked(options: &[&str], commands: &[&str]) -> Program {
    probe(&[&["--linked"], options].concat(), commands)
}

/// Returns the last line of standard error, which has the statistics.
fn stats(stderr: &str) -> &str {
    let line = stderr.lines().last().unwrap_or_default();
    assert!(line.starts_with("map: entries="), "{stderr}");
    line
}

const WORK: [&str; 12] = [
    "set", "k", "v", "then", "get", "k", "then", "get", "l", "then", "len", "then",
];

#[test]
fn the_guest_has_a_map_with_entries_and_limits() {
    let commands = ["set", "k", "v", "then", "get", "k", "then", "len"];
    assert_eq!(linked(&[], &commands).run().ok(), "v\n1\n");
    let options = ["--entry", "a=1", "--entry", "b=;ttl=30s"];
    let commands = ["get", "a", "then", "get", "b", "then", "len"];
    assert_eq!(linked(&options, &commands).run().ok(), "1\n\n2\n");
    assert_eq!(linked(&[], &["lengths"]).run().ok(), "290\n");
    let finished = linked(&["--max-entries", "2"], &["fill"]).run();
    assert!(finished.ok().starts_with("2: the map is full"));
    linked(&["--max-value", "3"], &["set", "k", "four"])
        .run()
        .refused(&["3 bytes"]);
    linked(&["--max-bytes", "1"], &["len"])
        .run()
        .refused(&["cannot configure the map", "max-bytes"]);
    let options = ["--max-entries", "1", "--entry", "a=1", "--entry", "b=2"];
    linked(&options, &["len"])
        .run()
        .refused(&["--entry `b`", "full"]);
}

#[test]
fn the_statistics_survive_the_guest_however_it_ends() {
    for (end, code) in [
        (&["len"][..], 0),
        (&["exit", "0"], 0),
        (&["exit", "1"], 1),
        (&["trap"], 134),
        (&["panic"], 134),
    ] {
        let finished = linked(&["--stats"], &[&WORK, end].concat()).run();
        assert_eq!(finished.code, Some(code), "{end:?}: {finished:?}");
        let line = stats(&finished.stderr);
        assert!(line.starts_with("map: entries=1 bytes="), "{line}");
        assert!(line.contains(" hits=1 misses=1 writes=1 "), "{line}");
    }
}

/// The guest computes, or waits for input that never comes.
#[test]
fn the_statistics_survive_its_timeout() {
    for end in [&["spin"][..], &["sleep", "60000"], &["echo"]] {
        let commands = [&WORK, end].concat();
        let options = ["--stats", "-W", "timeout=500ms"];
        let mut child = piped(&mut linked(&options, &commands).into_command());
        let _open = child.stdin.take();
        let finished = child.wait_with_output().expect("it ends");
        assert_eq!(finished.status.code(), Some(134), "{end:?}");
        let stderr = String::from_utf8_lossy(&finished.stderr);
        assert!(stderr.contains("timed out after 500ms"), "{stderr}");
        assert!(stats(&stderr).contains(" hits=1 misses=1 writes=1 "));
    }
}

#[test]
fn the_map_has_the_clock_of_the_guest() {
    let commands = [
        "set", "k", "v", "5s", "then", "sleep", "5000", "then", "get", "k",
    ];
    let finished = linked(&["--stats", "--clock", "unix"], &commands).run();
    assert_eq!(finished.ok(), "(absent)\n");
    assert!(stats(&finished.stderr).contains(" expired=1 "));
    // Preloaded entries live from the first timestamp on.
    let options = ["--clock", "unix", "--entry", "k=v;ttl=10s"];
    let finished = linked(&options, &["get", "k", "then", "dump"]).run_with(b"1431857103 x\n");
    assert_eq!(finished.ok(), "v\nk=v 10000000000\n");
}

#[test]
fn its_memory_is_its_own() {
    let options = ["--stats", "-W", "max-memory-size=4MiB"];
    let finished = linked(
        &[&options[..], &["--max-bytes", "16MiB"]].concat(),
        &["fill"],
    )
    .run();
    assert!(finished.ok().contains("the map is full"));
    let bytes = stats(&finished.stderr).split("high-water=").nth(1);
    let bytes = bytes.and_then(|rest| rest.split(' ').next());
    let bytes: u64 = bytes.and_then(|bytes| bytes.parse().ok()).expect("bytes");
    assert!(bytes > 8 << 20, "{bytes}");
    let finished = linked(&options, &["set", "k", "v", "then", "eat", "16"]).run();
    assert_eq!(finished.code, Some(134), "{finished:?}");
    assert!(stats(&finished.stderr).contains(" writes=1 "));
}

/// Both ways answer the same to every call of the app.
#[test]
fn an_app_cannot_tell_the_difference() {
    let input: String = [0, 1, 2, 3, 3, 13, 3_600]
        .map(|second: u32| format!("{}\n", 1_431_857_103 + second))
        .concat();
    let run = |way: &[&str]| {
        localmap()
            .args(["run", "--clock", "unix"])
            .args(way)
            .arg(guest("behind"))
            .run_with(input.as_bytes())
            .ok()
    };
    let (plugged, linked) = (run(&[]), run(&["--linked"]));
    for (number, (plugged, linked)) in plugged.lines().zip(linked.lines()).enumerate() {
        assert_eq!(plugged, linked, "line {}", number + 1);
    }
    assert_eq!(plugged.lines().count(), linked.lines().count());
}

#[test]
fn a_component_that_is_not_an_app_is_refused() {
    for other in ["host/localmap/src/artifact/map.wasm", "README.md"] {
        localmap()
            .args(["run", "--linked", other])
            .run()
            .refused(&["cannot run", other]);
    }
    localmap()
        .args(["run", "--linked"])
        .arg(guest("inside"))
        .run()
        .refused(&["--linked requires a guest", "localmap:core/local-map"]);
}

#[test]
fn the_old_spelling_of_the_option_still_works() {
    let options = ["--bridge", "--entry", "a=1"];
    assert_eq!(probe(&options, &["get", "a"]).run().ok(), "1\n");
    let help = localmap().args(["run", "--help"]).run().ok();
    assert!(help.contains("--linked") && !help.contains("--bridge"));
}
