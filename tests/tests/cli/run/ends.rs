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
        finished.stderr.contains("timed out after 200ms"),
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
