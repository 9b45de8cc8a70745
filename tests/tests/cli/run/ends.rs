//! How a guest ends: by its own exit, a trap, a timeout, a signal, or a closed pipe.

use super::*;

#[test]
fn with_the_guests_exit_code_which_is_0_or_1() {
    assert_eq!(probe(&[], &["exit", "0"]).run().code, Some(0));
    assert_eq!(probe(&[], &["exit", "1"]).run().code, Some(1));
    assert_eq!(probe(&[], &["exit", "3"]).run().code, Some(1));
    assert_eq!(probe(&[], &["len"]).run().code, Some(0));
}

#[test]
fn with_any_exit_code_of_wasi_0_2_12() {
    for code in [0, 1, 3, 200, 255] {
        let text = code.to_string();
        let commands = ["set", "a", "1", "then", "exit-with-code", &text];
        for options in [&["--stats"][..], &["--stats", "--linked"]] {
            let finished = probe(options, &commands).run();
            assert_eq!(finished.code, Some(code));
            let stats = finished.stderr.starts_with("map: entries=1 ");
            assert!(
                stats && finished.stderr.lines().count() == 1,
                "{finished:?}"
            );
        }
    }
}

/// These codes otherwise say how `run` has ended.
#[test]
fn with_a_line_if_the_guest_itself_exits_as_a_trap_a_signal_or_a_closed_pipe_does() {
    for code in [130, 134, 141] {
        let finished = probe(&[], &["exit-with-code", &code.to_string()]).run();
        assert_eq!(finished.code, Some(code));
        let told = format!("probe.wasm` has exited with code {code} itself\n");
        assert!(finished.stderr.ends_with(&told), "{finished:?}");
    }
}

/// The import of a map of which nothing is used.
const MAP: &str = r#"(import "localmap:core/local-map@0.1.0" (instance))"#;

/// A command whose function `run` returns an error, with these imports, and with more bytes after
/// it.
fn command_that_fails(imports: &str, bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let text = r#"(component IMPORTS
        (core module $m (func (export "run") (result i32) i32.const 1))
        (core instance $i (instantiate $m))
        (func $run (result (result)) (canon lift (core func $i "run")))
        (instance $r (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $r)))"#;
    let text = text.replace("IMPORTS", imports);
    let mut component = wat::parse_str(text).expect("a component");
    component.extend(bytes);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("fails.wasm");
    std::fs::write(&path, component).expect("a file");
    (folder, path)
}

/// Whether it has a map is what decides: a cause that cannot be would mislead.
#[test]
fn with_1_and_no_word_of_a_map_that_it_does_not_have() {
    let (_folder, path) = command_that_fails("", b"");
    let finished = localmap().arg("run").arg(&path).run();
    finished.refused(&["has no message", "printed nothing to say why"]);
    let hint = finished.stderr.split("Caused by").nth(1);
    assert!(!hint.expect("a cause").contains("map"), "{finished:?}");
}

#[test]
fn with_1_and_the_usual_cause_after_an_error_of_its_function_run() {
    // Custom sections, as the tools of these languages leave them.
    let section = |name: &str| {
        let len = u8::try_from(name.len() + 2).expect("a short name");
        [&[0, len, 1, b'p'], name.as_bytes()].concat()
    };
    for (bytes, words) in [
        (Vec::new(), "handle it"),
        (section("componentize-py"), "componentize_py_types.Err"),
        (section("ComponentizeJS"), "console.error"),
    ] {
        let (_folder, path) = command_that_fails(MAP, &bytes);
        let finished = localmap().arg("run").arg(&path).run();
        let name = path.to_str().expect("UTF-8");
        finished.refused(&[
            &format!("Error: the guest `{name}` ended with an error\n"),
            "has no message",
            "the map",
            words,
        ]);
    }
}

#[test]
fn with_1_and_at_most_one_line_more_if_it_has_said_why() {
    let finished = probe(&[], &["exit", "1"]).run();
    assert_eq!((finished.code, &*finished.stderr), (Some(1), ""));
    let finished = probe(&[], &["no-such-command"]).run();
    let lines: Vec<&str> = finished.stderr.lines().collect();
    let [own, ours] = lines[..] else {
        panic!("{finished:?}");
    };
    assert!(own.contains("cannot do"), "{own}");
    assert!(ours.ends_with("probe.wasm` ended with an error"), "{ours}");
    assert_eq!(finished.code, Some(1));
}

#[test]
fn with_its_exit_code_if_it_exits_before_it_runs() {
    let text = r#"(component
        (import "wasi:cli/exit@0.2.12" (instance $exit
            (export "exit-with-code" (func (param "status-code" u8)))))
        (import "localmap:core/local-map@0.1.0" (instance))
        (core func $exit (canon lower (func $exit "exit-with-code")))
        (core module $m
            (import "" "exit" (func $exit (param i32)))
            (func (export "run") (result i32) i32.const 0)
            (func $start (call $exit (i32.const 7)))
            (start $start))
        (core instance $i (instantiate $m
            (with "" (instance (export "exit" (func $exit))))))
        (func $run (result (result)) (canon lift (core func $i "run")))
        (instance $r (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $r)))"#;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("exits.wasm");
    std::fs::write(&path, wat::parse_str(text).expect("a component")).expect("a file");
    let finished = localmap().args(["run", "--stats"]).arg(&path).run();
    assert_eq!(finished.code, Some(7), "{finished:?}");
    assert!(
        finished.stderr.ends_with("exited before it ran\n"),
        "{finished:?}"
    );
}

/// Whatever the program captures for its own developers.
#[test]
fn without_showing_the_stack_of_the_host() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let Ok(full) = full else { return };
    for options in [&[][..], &["--linked"]] {
        let mut command = probe(options, &["set", "a", "1", "then", "write-error"])
            .env("RUST_BACKTRACE", "1")
            .into_command();
        let command = command.stdout(full.try_clone().expect("it"));
        let output = command.output().expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        let first = stderr.lines().next().unwrap_or_default();
        assert_eq!(first, "Error: No space left on device (os error 28)");
        assert_eq!(stderr.lines().count(), 2, "{stderr}");
    }
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
    let first = finished.stderr.lines().next().expect("a message");
    assert!(first.ends_with("probe.wasm` ran out of time"), "{first}");
    for words in [
        "timed out after 200ms; raise -W timeout=TIME",
        "wasm backtrace",
    ] {
        assert!(finished.stderr.contains(words), "{}", finished.stderr);
    }
    assert!(!finished.stderr.contains("trapped"), "{}", finished.stderr);
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
    for command in ["yes", "complain"] {
        let mut child = piped(&mut probe(&["-W", "timeout=200ms"], &[command]).into_command());
        // The guest fills a pipe, and waits.
        let _unread = (child.stdout.take(), child.stderr.take());
        assert_eq!(
            child.wait().expect("it ends").code(),
            Some(134),
            "{command}"
        );
    }
}

#[test]
fn with_its_own_exit_code_when_nobody_reads_its_errors() {
    let mut child = piped(&mut probe(&["--stats"], &["clock", "then", "len"]).into_command());
    drop(child.stderr.take());
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn with_141_and_only_the_requested_statistics_when_nobody_reads_on() {
    for (options, said) in [
        (&[][..], ""),
        (
            &["--stats"],
            "map: the statistics are lost with the instance, which ended when standard output was \
             closed\n",
        ),
        (&["--linked"], ""),
        (&["--stats", "--linked"], "map: entries=1 "),
    ] {
        let commands = ["set", "a", "1", "then", "yes"];
        let mut child = piped(&mut probe(options, &commands).into_command());
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
fn with_130_on_ctrl_c() {
    for command in [&["spin"][..], &["echo"], &["sleep", "60000"]] {
        let mut child =
            piped(&mut probe(&[], &[&["args", "then"], command].concat()).into_command());
        let _open = child.stdin.take();
        // The first line shows that the guest runs.
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
