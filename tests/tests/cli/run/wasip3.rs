//! `run` of commands of WASI 0.3: their map, their streams, and how they end.

use super::*;

/// Returns a run of the guest of WASI 0.3, with these options and commands.
pub(super) fn command(options: &[&str], commands: &[&str]) -> Program {
    localmap()
        .arg("run")
        .args(options)
        .arg(guest("wasip3_command"))
        .args(commands)
}

#[test]
fn arguments_and_variables_are_those_that_are_given() {
    let finished = command(&["--env", "A=1"], &["args", "b", "c d", "then", "env", "A"]).run();
    assert_eq!(finished.ok(), "[\"b\", \"c d\"]\n1\n");
    command(&[], &["env", "A"]).run().refused(&["A is not set"]);
}

/// As a `main` that blocks on a future of WASI 0.3 does.
#[test]
fn a_function_that_waits_but_is_not_async_is_told_what_to_export() {
    let text = r#"(component
        (import "wasi:clocks/monotonic-clock@0.3.0" (instance $clock
            (export "wait-for" (func async (param "how-long" u64)))))
        (alias export $clock "wait-for" (func $wait-for))
        (core func $wait-for (canon lower (func $wait-for)))
        (core module $code
            (import "" "wait-for" (func $wait-for (param i64)))
            (func (export "run") (result i32)
                (call $wait-for (i64.const 1000000)) (i32.const 0)))
        (core instance $code (instantiate $code
            (with "" (instance (export "wait-for" (func $wait-for))))))
        (func $run (result (result)) (canon lift (core func $code "run")))
        (instance $command (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $command)))"#;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("command.wasm");
    std::fs::write(&path, wat::parse_str(text).expect("a component")).expect("a file");
    let finished = localmap().arg("run").arg(&path).run();
    assert_eq!(finished.code, Some(134), "{finished:?}");
    let said = &finished.stderr;
    assert!(said.contains("cannot block a synchronous task"), "{said}");
    assert!(
        said.contains("export `run` of wasi:cli/run@0.3 as one"),
        "{said}"
    );
}

#[test]
fn folders_are_those_that_are_given() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.txt"), "tea\n").expect("a file");
    let granted = format!("{}::/in", folder.path().display());
    let finished = command(&["--dir", &granted], &["cat", "/in/a.txt"]).run();
    assert_eq!(finished.ok(), "tea\n");
    command(&[], &["cat", "/in/a.txt"])
        .run()
        .refused(&["in no folder"]);
}

/// The map is in a store of its own, so its statistics survive the guest however it ends.
#[test]
fn it_has_a_map_with_entries_limits_and_statistics_that_survive_it() {
    let options = ["--entry", "a=1", "--max-entries", "2", "--stats"];
    let work = [
        "set", "k", "v", "then", "get", "a", "then", "get", "x", "then",
    ];
    for (end, code) in [
        (&["len"][..], 0),
        (&["fail"], 1),
        (&["exit", "error"], 1),
        (&["exit-with-code", "77"], 77),
        (&["panic"], 134),
        (&["trap-in-task"], 134),
    ] {
        let finished = command(&options, &[&work, end].concat()).run();
        assert_eq!(finished.code, Some(code), "{end:?}: {finished:?}");
        assert!(finished.text().starts_with("1\n(absent)\n"), "{finished:?}");
        let stats = finished.stderr.lines().last().expect("statistics");
        assert!(stats.starts_with("map: entries=2 "), "{finished:?}");
        assert!(stats.contains(" hits=1 misses=1 writes=2 "), "{stats}");
    }
    let full = command(&options, &["fill"]).run();
    assert_eq!(full.ok(), "1\n");
}

#[test]
fn its_tasks_share_the_map_and_each_operation_is_whole() {
    assert_eq!(command(&[], &["increments", "200"]).run().ok(), "200\n");
    // But what other tasks do between two operations comes in between.
    assert_eq!(command(&[], &["lost-updates", "200"]).run().ok(), "1\n");
}

#[test]
fn it_ends_with_its_exit_code() {
    for code in [0, 1, 3, 255] {
        let finished = command(&[], &["exit-with-code", &code.to_string()]).run();
        assert_eq!((finished.code, &*finished.stderr), (Some(code), ""));
    }
    for (end, code) in [("ok", 0), ("error", 1)] {
        let finished = command(&[], &["exit", end]).run();
        assert_eq!((finished.code, &*finished.stderr), (Some(code), ""));
    }
    let finished = command(&[], &["exit-while-writing", "5"]).run();
    assert_eq!(finished.code, Some(5));
    assert_eq!(finished.text(), "before the end\n");
    assert_eq!(finished.stderr, "before the end\n");
    let finished = command(&[], &["exit-with-code", "141"]).run();
    let told = "wasip3_command.wasm` has exited with code 141 itself\n";
    assert!(finished.stderr.ends_with(told), "{finished:?}");
}

#[test]
fn it_ends_with_1_after_an_error_and_says_so_if_the_guest_does_not() {
    let finished = command(&[], &["fail"]).run();
    assert_eq!(finished.code, Some(1));
    let lines: Vec<&str> = finished.stderr.lines().collect();
    assert_eq!(lines.first(), Some(&"Error: as the arguments demand"));
    assert!(lines[1].ends_with("wasip3_command.wasm` ended with an error"));
    assert_eq!(lines.len(), 2, "{finished:?}");
}

#[test]
fn it_ends_with_134_after_a_trap_in_any_of_its_tasks() {
    for end in ["panic", "trap", "trap-in-task", "overflow"] {
        let finished = command(&[], &[end]).run();
        assert_eq!(finished.code, Some(134), "{end}: {finished:?}");
        for words in ["wasip3_command.wasm` trapped", "wasm backtrace"] {
            assert!(finished.stderr.contains(words), "{end}: {finished:?}");
        }
    }
    // Even after `run` has returned.
    let finished = command(&["--stats"], &["after-then-trap", "20", "late"]).run();
    assert_eq!(finished.code, Some(134), "{finished:?}");
    assert_eq!(finished.text(), "late\n");
    assert!(finished.stderr.contains("map: entries=1 "), "{finished:?}");
}

#[test]
fn it_ends_when_its_tasks_have_ended_which_may_be_after_its_function_run() {
    let finished = command(&["--stats"], &["after", "20", "late"]).run();
    assert_eq!(finished.ok(), "late\n");
    assert!(
        finished.stderr.starts_with("map: entries=1 "),
        "{finished:?}"
    );
}

#[test]
fn it_ends_with_134_when_its_time_is_up_whether_it_computes_or_waits() {
    for end in ["spin", "spin-in-task", "wait-forever", "deadlock", "echo"] {
        let options = ["-W", "timeout=200ms", "--stats"];
        let mut child =
            piped(&mut command(&options, &["set", "a", "1", "then", end]).into_command());
        let _open = child.stdin.take();
        let output = child.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(134), "{end}: {stderr}");
        let first = stderr.lines().next().expect("a message");
        assert!(
            first.ends_with("wasip3_command.wasm` ran out of time"),
            "{first}"
        );
        let cause = "it timed out after 200ms; raise -W timeout=TIME";
        assert!(stderr.contains(cause), "{end}: {stderr}");
        assert!(!stderr.contains("trapped"), "{end}: {stderr}");
        assert!(stderr.contains("map: entries=1 "), "{end}: {stderr}");
    }
}

#[test]
fn it_ends_with_134_when_its_time_is_up_while_nobody_reads_what_it_says() {
    for end in ["yes", "complain"] {
        let mut child = piped(&mut command(&["-W", "timeout=200ms"], &[end]).into_command());
        // The guest fills a pipe, and waits.
        let _unread = (child.stdout.take(), child.stderr.take());
        assert_eq!(child.wait().expect("it ends").code(), Some(134), "{end}");
    }
}

#[test]
fn it_ends_with_134_when_it_takes_more_memory_than_it_may() {
    for (size, code) in [("8MiB", 134), ("32MiB", 0)] {
        let limit = format!("max-memory-size={size}");
        let finished = command(&["-W", &limit], &["eat", "16"]).run();
        // An allocation that fails is an error of this guest.
        let expected = if code == 0 { 0 } else { 1 };
        assert_eq!(finished.code, Some(expected), "{size}: {finished:?}");
    }
}

#[test]
fn it_ends_with_141_and_only_the_requested_statistics_when_nobody_reads_on() {
    for (options, said) in [(&[][..], ""), (&["--stats"], "map: entries=1 ")] {
        let commands = ["set", "a", "1", "then", "yes"];
        let mut child = piped(&mut command(options, &commands).into_command());
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        stdout.read_line(&mut line).expect("a line");
        drop(stdout);
        assert_eq!(child.wait().expect("it ends").code(), Some(141));
        let mut stderr = String::new();
        let mut pipe = child.stderr.take().expect("a pipe");
        pipe.read_to_string(&mut stderr).expect("text");
        assert!(stderr.starts_with(said), "{stderr}");
        let lines = usize::from(!said.is_empty());
        assert_eq!(stderr.lines().count(), lines, "{stderr}");
    }
}

#[cfg(unix)]
#[test]
fn it_ends_with_130_on_ctrl_c() {
    for end in ["spin", "wait-forever", "echo"] {
        let mut child = piped(&mut command(&["--stats"], &["args", "then", end]).into_command());
        let _open = child.stdin.take();
        // The first line shows that the guest runs.
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        stdout.read_line(&mut line).expect("a line");
        let sent = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        assert!(sent.expect("kill").success());
        let output = child.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{end}: {stderr}");
        assert!(stderr.starts_with("map: entries=0 "), "{end}: {stderr}");
    }
}

#[test]
fn nobody_need_read_its_errors() {
    let mut child = piped(&mut command(&[], &["warn", "x", "then", "say", "y"]).into_command());
    drop(child.stderr.take());
    drop(child.stdin.take());
    let mut said = String::new();
    let mut stdout = child.stdout.take().expect("a pipe");
    stdout.read_to_string(&mut said).expect("text");
    assert_eq!(said, "y\n");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

/// Standard input without time stamps, and the lines of a replay.
const INPUTS: [&[&str]; 2] = [&[], &["--clock", "unix"]];

#[test]
fn its_input_and_output_are_streams_of_any_size() {
    let long = "x".repeat(300_000);
    let huge = format!("1000000000\n{long}\n\n{}", "a line\n".repeat(50_000));
    for options in INPUTS {
        for input in ["", "no end", &huge] {
            for how in ["echo", "relay"] {
                let finished = command(options, &[how]).run_with(input.as_bytes());
                assert!(finished.ok() == input, "{options:?} {how} {}", input.len());
            }
        }
        let finished = command(options, &["read-all-then-print"]).run_with(huge.as_bytes());
        assert!(finished.ok() == huge, "{options:?}");
        let binary: Vec<u8> = (0..=u8::MAX).cycle().take(200_000).collect();
        let finished = command(options, &["echo"]).run_with(&binary);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert!(finished.stdout == binary);
    }
    let finished = command(&[], &["big", "5000000"]).run();
    assert!(finished.ok() == "x".repeat(5_000_000));
}

#[test]
fn a_part_of_its_input_may_be_left_unread() {
    for options in INPUTS {
        let input = "1000000000 a\n1000000001 b\n".repeat(10_000);
        let commands = ["first", "5", "then", "ignore-input"];
        let finished = command(options, &commands).run_with(input.as_bytes());
        assert_eq!(finished.ok(), "10000\nignored\n", "{options:?}");
    }
}

#[test]
fn what_it_writes_arrives_in_order_whatever_it_writes_with() {
    let commands = [
        "say",
        "a",
        "then",
        "print",
        "b",
        "then",
        "warn",
        "c",
        "then",
        "unfinished",
        "d",
        "then",
        "say",
        "e",
    ];
    let finished = command(&[], &commands).run();
    assert_eq!(finished.ok(), "a\nb\nd\ne\n");
    assert_eq!(finished.stderr, "b!\nc\n");
}

#[cfg(target_os = "linux")]
#[test]
fn an_error_of_its_output_is_one_of_the_stream() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let Ok(full) = full else { return };
    let mut program = command(&[], &["yes"]).into_command();
    let output = program.stdout(full).output().expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("Error: ErrorCode::Io\n"), "{stderr}");
}

#[test]
fn one_that_has_been_plugged_runs_with_its_own_map() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("plugged.wasm");
    localmap()
        .arg("plug")
        .arg(guest("wasip3_command"))
        .args(["--max-entries", "3", "-o"])
        .arg(&out)
        .run()
        .ok();
    let run = |options: &[&str], commands: &[&str]| {
        let run = localmap().arg("run").args(options).arg(&out);
        run.args(commands).run()
    };
    assert_eq!(run(&[], &["fill"]).ok(), "3\n");
    let options = ["--entry", "a=1", "--max-entries", "2", "--stats"];
    let finished = run(&options, &["get", "a", "then", "fill"]);
    assert_eq!(finished.ok(), "1\n1\n");
    assert!(
        finished.stderr.starts_with("map: entries=2 "),
        "{finished:?}"
    );
    let finished = run(&options, &["fail"]);
    assert_eq!(finished.code, Some(1));
    assert!(
        finished.stderr.contains("\nmap: entries=1 "),
        "{finished:?}"
    );
    // Its map ends with it.
    let lost = "map: the statistics are lost with the instance, which exited\n";
    let finished = run(&options, &["exit-with-code", "3"]);
    assert_eq!((finished.code, &*finished.stderr), (Some(3), lost));
    run(&["--linked"], &["len"]).refused(&["--linked requires a guest that imports a map"]);
}
