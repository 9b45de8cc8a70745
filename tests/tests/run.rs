//! `localmap run`: what a guest is granted, and how it ends.

use localmap_tests::{Program, guest, localmap};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs `probe`, after options and before commands.
fn probe(options: &[&str], commands: &[&str]) -> Program {
    localmap()
        .arg("run")
        .args(options)
        .arg(guest("probe"))
        .args(commands)
}

fn piped(command: &mut Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

mod ends {
    use super::*;

    #[test]
    fn with_the_guests_exit_code_which_is_0_or_1() {
        assert_eq!(probe(&[], &["exit", "0"]).run().code, Some(0));
        assert_eq!(probe(&[], &["exit", "1"]).run().code, Some(1));
        assert_eq!(probe(&[], &["exit", "3"]).run().code, Some(1));
        assert_eq!(probe(&[], &["len"]).run().code, Some(0));
    }

    #[test]
    fn with_134_and_a_backtrace_after_a_trap() {
        for command in ["panic", "trap"] {
            let finished = probe(&[], &[command]).run();
            assert_eq!(finished.code, Some(134), "{finished:?}");
            for words in [
                "probe.wasm` trapped",
                "wasm backtrace",
                "probe",
                "unreachable",
            ] {
                assert!(finished.stderr.contains(words), "{}", finished.stderr);
            }
        }
    }

    #[test]
    fn with_134_when_its_time_is_up_while_it_computes() {
        let finished = probe(&["-W", "timeout=200ms"], &["spin"]).run();
        assert_eq!(finished.code, Some(134));
        assert!(
            finished.stderr.contains("its time of 200ms"),
            "{}",
            finished.stderr
        );
    }

    #[test]
    fn with_134_when_its_time_is_up_while_it_waits() {
        for command in [&["sleep", "60000"][..], &["echo"]] {
            let mut child = piped(&mut probe(&["-W", "timeout=200ms"], command).into_command());
            let _open = child.stdin.take();
            let status = child.wait().expect("it ends");
            assert_eq!(status.code(), Some(134), "{command:?}");
        }
    }

    #[test]
    fn with_134_when_its_time_is_up_before_the_first_stamp() {
        let options = ["-W", "timeout=200ms", "--clock", "unix"];
        let mut child = piped(&mut probe(&options, &["echo"]).into_command());
        let _open = child.stdin.take();
        assert_eq!(child.wait().expect("it ends").code(), Some(134));
    }

    #[test]
    fn with_134_when_its_time_is_up_while_nobody_reads_what_it_says() {
        // The guest fills the pipe of standard output, and its trap the one of errors.
        let mut child = piped(&mut probe(&["-W", "timeout=200ms"], &["yes"]).into_command());
        let _unread = (child.stdout.take(), child.stderr.take());
        assert_eq!(child.wait().expect("it ends").code(), Some(134));
    }

    #[test]
    fn by_itself_when_nobody_reads_its_errors() {
        let mut child = piped(&mut probe(&["--stats"], &["clock", "then", "len"]).into_command());
        drop(child.stderr.take());
        drop(child.stdin.take());
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
    }

    #[test]
    fn with_141_and_silence_when_nobody_reads_on() {
        let mut child = piped(&mut probe(&["--stats"], &["yes"]).into_command());
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        stdout.read_line(&mut line).expect("a line");
        assert_eq!(line, "y\n");
        drop(stdout);
        assert_eq!(child.wait().expect("it ends").code(), Some(141));
        let mut stderr = String::new();
        let mut pipe = child.stderr.take().expect("a pipe");
        pipe.read_to_string(&mut stderr).expect("text");
        assert_eq!(stderr, "");
    }

    #[cfg(unix)]
    #[test]
    fn with_130_on_ctrl_c() {
        for command in [&["spin"][..], &["echo"], &["sleep", "60000"]] {
            let mut child =
                piped(&mut probe(&[], &[&["args", "then"], command].concat()).into_command());
            let _open = child.stdin.take();
            // The first line tells that the guest runs.
            let mut line = String::new();
            BufReader::new(child.stdout.take().expect("a pipe"))
                .read_line(&mut line)
                .expect("a line");
            let sent = Command::new("kill")
                .args(["-INT", &child.id().to_string()])
                .status();
            assert!(sent.expect("kill").success());
            assert_eq!(
                child.wait().expect("it ends").code(),
                Some(130),
                "{command:?}"
            );
        }
    }

    #[test]
    fn with_134_when_it_takes_more_memory_than_it_may() {
        let finished = probe(&["-W", "max-memory-size=8MiB"], &["eat", "16"]).run();
        assert_eq!(finished.code, Some(134), "{finished:?}");
        assert_eq!(
            probe(&["-W", "max-memory-size=32MiB"], &["eat", "16"])
                .run()
                .code,
            Some(0)
        );
    }
}

mod grants {
    use super::*;

    #[test]
    fn arguments_behind_the_guest_and_nothing_of_ours() {
        let given = ["args", "--clock", "-W", "--", "-h", "ü"];
        assert_eq!(
            probe(&["--clock", "unix"], &given).run().ok(),
            "[\"--clock\", \"-W\", \"--\", \"-h\", \"ü\"]\n"
        );
    }

    #[test]
    fn environment_variables_by_name_only() {
        let with = probe(
            &["--env", "A=1=2", "--env", "B"],
            &["env", "A", "then", "env", "B"],
        );
        assert_eq!(with.env("B", "ours").run().ok(), "1=2\nours\n");
        let twice = probe(&["--env", "A=1", "--env", "A=2"], &["env", "A"]);
        assert_eq!(twice.run().ok(), "2\n");
        let without = probe(&[], &["env", "B"]).env("B", "ours").run();
        assert_eq!(without.code, Some(1));
    }

    #[test]
    fn folders_by_name_only() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("file"), "inside\n").expect("a file");
        let host = folder.path().to_str().expect("UTF-8");
        let file = format!("{host}/file");
        assert_eq!(
            probe(&["--dir", host], &["cat", &file]).run().ok(),
            "inside\n"
        );
        let renamed = format!("{host}::/data");
        assert_eq!(
            probe(&["--dir", &renamed], &["cat", "/data/file"])
                .run()
                .ok(),
            "inside\n"
        );
        for path in [file.as_str(), "/data/../../etc/passwd"] {
            assert_eq!(
                probe(&["--dir", "wit::/data"], &["cat", path]).run().code,
                Some(1)
            );
        }
    }

    #[test]
    fn standard_streams_as_they_come() {
        for options in [&[][..], &["--clock", "unix"]] {
            let mut child = piped(&mut probe(options, &["echo"]).into_command());
            let mut stdin = child.stdin.take().expect("a pipe");
            let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
            for line in ["1000000001 first\n", "1000000002 second\n"] {
                stdin.write_all(line.as_bytes()).expect("it reads");
                let mut back = String::new();
                stdout.read_line(&mut back).expect("a line");
                assert_eq!(back, line);
            }
            drop(stdin);
            assert_eq!(child.wait().expect("it ends").code(), Some(0));
        }
    }

    #[test]
    fn bytes_of_all_kinds_pass_unchanged() {
        let mut bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
        bytes.extend([b'x'; 200_000]);
        for options in [&[][..], &["--clock", "clf"]] {
            for command in ["echo", "read-all-then-print"] {
                let finished = probe(options, &[command]).run_with(&bytes);
                finished.ok();
                assert!(finished.stdout == bytes, "{options:?} {command}");
            }
        }
    }
}

mod map {
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

    #[test]
    fn a_default_ttl_holds_for_entries_without_one() {
        let commands = [
            "set", "k", "v", "then", "set", "l", "v", "never", "then", "sleep", "30000", "then",
            "dump",
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
            .refused(&["--entry `a`", "at most 1 bytes"]);
    }

    #[test]
    fn tells_its_statistics_at_the_end_however_the_guest_ends() {
        let commands = [
            "set", "k", "v", "then", "get", "k", "then", "get", "l", "then",
        ];
        for end in [&["len"][..], &["exit", "0"], &["exit", "1"]] {
            let finished = probe(&["--stats"], &[&commands, end].concat()).run();
            let line = finished.stderr.lines().last().unwrap_or_default();
            assert!(line.starts_with("map: entries=1 bytes="), "{finished:?}");
            assert!(
                line.ends_with(" hits=1 misses=1 writes=1 expired=0"),
                "{line}"
            );
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
}

mod replay {
    use super::*;

    /// What `probe clock` says of the wall clock and the monotonic clock, in seconds
    /// and seconds since the start, and of the line.
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
    fn both_clocks_stand_at_the_latest_stamp() {
        let input = "# no stamp\n1000000010 a\n1000000005 b\nc\n1000000020 d";
        let at =
            |seconds: u64, text: &str| (1_000_000_000 + seconds, seconds - 10, text.to_owned());
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
    fn stamps_are_read_in_each_form() {
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

    /// In no time at all: the test would run for a year.
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
    fn entries_given_at_the_start_live_from_the_first_stamp_on() {
        let options = ["--clock", "unix", "--entry", "k=v;ttl=30s"];
        let commands = ["clock", "then", "get", "k"];
        let run = |input: &[u8]| probe(&options, &commands).run_with(input).ok();
        assert!(run(b"x\n1000000000\n1000000029\n").ends_with("\nv\n"));
        assert!(run(b"x\n1000000000\n1000000030\n").ends_with("\n(absent)\n"));
    }

    #[test]
    fn an_input_without_stamps_is_warned_of() {
        let finished = probe(&["--clock", "clf"], &["echo"]).run_with(b"1431857103\n");
        assert_eq!(finished.ok(), "1431857103\n");
        assert!(
            finished.stderr.contains("Warning: no time stamp"),
            "{}",
            finished.stderr
        );
    }
}

mod folders {
    use super::*;

    #[test]
    fn are_built_first() {
        let finished = localmap()
            .args([
                "run",
                "guest/examples/limiter",
                "--limit",
                "1",
                "--window",
                "1h",
            ])
            .run_with(b"a\na\nb\n");
        assert_eq!(finished.ok(), "2\nlines=3 allowed=2 limited=1\n");
    }

    #[test]
    fn that_do_not_build_say_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_str().expect("UTF-8");
        localmap().args(["run", path]).run().refused(&[
            "cannot build the guest in `",
            path,
            "Cargo.toml",
        ]);
        std::fs::write(
            folder.path().join("Cargo.toml"),
            "[package]\nname = \"broken\"\nedition = \"2024\"\n[workspace]\n",
        )
        .expect("a manifest");
        std::fs::create_dir(folder.path().join("src")).expect("a folder");
        std::fs::write(folder.path().join("src/main.rs"), "fn main() { nonsense }")
            .expect("a file");
        localmap().args(["run", path]).run().refused(&[
            "cannot find value `nonsense`",
            "cannot build the guest in `",
            path,
        ]);
        std::fs::remove_file(folder.path().join("src/main.rs")).expect("it was there");
        std::fs::write(folder.path().join("src/lib.rs"), "").expect("a file");
        localmap()
            .args(["run", path])
            .run()
            .refused(&["has no binary"]);
    }
}

/// A component that needs no map runs too, but not with options for one.
#[test]
fn a_guest_without_a_map_is_run_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::write(
        path.join("Cargo.toml"),
        "[package]\nname = \"plain\"\nedition = \"2024\"\n[workspace]\n",
    )
    .expect("a manifest");
    std::fs::create_dir(path.join("src")).expect("a folder");
    std::fs::write(
        path.join("src/main.rs"),
        "fn main() { println!(\"plain\"); }",
    )
    .expect("a file");
    assert_eq!(localmap().arg("run").arg(path).run().ok(), "plain\n");
    localmap()
        .args(["run", "--stats"])
        .arg(path)
        .run()
        .refused(&["the guest has no map", "localmap:core/local-map"]);
}

#[test]
fn what_is_plugged_already_is_configured_and_measured_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("plugged.wasm");
    localmap()
        .arg("plug")
        .arg(guest("probe"))
        .args(["--max-entries", "1", "-o"])
        .arg(&out)
        .run()
        .ok();
    let run = |options: &[&str], commands: &[&str]| {
        localmap()
            .arg("run")
            .args(options)
            .arg(&out)
            .args(commands)
            .run()
    };
    let two = ["set", "a", "1", "then", "set", "b", "2", "then", "len"];
    run(&[], &two).refused(&["full"]);
    assert_eq!(run(&["--max-entries", "2"], &two).ok(), "2\n");
    assert!(
        run(&["--stats"], &["len"])
            .stderr
            .contains("map: entries=0")
    );
}
