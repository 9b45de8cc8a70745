//! Guests run with low limits of the process, and the limit that is too low is named.

use localmap_tests::{guest, localmap};
use std::process::{Command, Output, Stdio};

/// Runs a guest with this much address space, in KiB.
fn limited(kib: u64, options: &[&str], name: &str, args: &[&str]) -> Output {
    let run = localmap().arg("run").args(options);
    let run = run.arg(guest(name)).args(args).into_command();
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -v {kib} && exec \"$0\" \"$@\"")])
        .arg(run.get_program())
        .args(run.get_args())
        .stdin(Stdio::null());
    command.output().expect("it starts")
}

/// Guests with one memory and with several, plugged and linked, of WASI 0.2 and 0.3.
const GUESTS: &[(&[&str], &str, &[&str])] = &[
    (&[], "probe", &["len"]),
    (&["--linked"], "probe", &["len"]),
    (&["-W", "max-memory-size=4GiB"], "probe", &["len"]),
    (&["--max-bytes", "2GiB"], "probe", &["len"]),
    (&["--linked", "--max-bytes", "2GiB"], "probe", &["len"]),
    (&[], "kv-draft", &["keys", "b"]),
    (&[], "watchdog", &[]),
    (&[], "limiter", &[]),
];

fn least() -> u64 {
    let refused = limited(300_000, &[], "probe", &["len"]);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{stderr}");
    for words in ["too little address space", "ulimit -v", "localmap doctor"] {
        assert!(stderr.contains(words), "{stderr}");
    }
    let needed = stderr.split("at least ").nth(1).expect("a number");
    let needed = needed.split(' ').next().expect("a number");
    needed.parse().expect("a number")
}

#[test]
fn little_address_space_is_enough() {
    for kib in [8_000_000, 4_800_000, 4_300_000, 1_500_000, least()] {
        for (options, name, args) in GUESTS {
            let output = limited(kib, options, name, args);
            let stderr = String::from_utf8_lossy(&output.stderr);
            let code = output.status.code();
            assert_eq!(code, Some(0), "{kib} {options:?} {name}: {stderr}");
        }
    }
}

/// A limit that lets the program start, but not the guest.
#[test]
fn a_guest_for_which_there_is_no_room_is_told_what_it_needs() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.wasm");
    let text = r#"(component
        (core module $module (memory 32768) (func (export "run") (result i32) i32.const 0))
        (core instance $instance (instantiate $module))
        (func $run (result (result)) (canon lift (core func $instance "run")))
        (instance $command (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $command)))"#;
    std::fs::write(&path, wat::parse_str(text).expect("a component")).expect("a file");
    let run = |kib: u64| {
        let script = "ulimit -v $1 && shift && exec \"$@\"";
        let program = localmap().into_command();
        let output = Command::new("sh")
            .args(["-c", script, "sh", &kib.to_string()])
            .arg(program.get_program())
            .args(["run", "-W", "max-memory-size=3GiB"])
            .arg(&path)
            .output()
            .expect("it starts");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), stderr)
    };
    let (code, stderr) = run(1_500_000);
    assert_eq!(code, Some(1), "{stderr}");
    let needed = stderr.split("at least ").nth(1).expect("a number");
    let needed = needed.split(' ').next().expect("a number");
    assert_eq!(
        run(needed.parse().expect("a number")),
        (Some(0), String::new())
    );
}

/// Each command that runs something names the limit, and does not end in a panic or a crash.
#[test]
fn a_limit_that_is_too_low_is_named() {
    for (limit, words) in [
        ("-n 10", ["open files", "ulimit -n"]),
        ("-s 256", ["stack of the main thread", "ulimit -s"]),
        ("-v 200000", ["address space", "ulimit -v"]),
    ] {
        let guest = guest("served");
        let guest = guest.to_string_lossy();
        for command in [&["run", &guest][..], &["serve", &guest], &["shell"]] {
            let program = localmap().into_command();
            let output = Command::new("sh")
                .args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")])
                .arg(program.get_program())
                .args(command)
                .stdin(Stdio::null())
                .output()
                .expect("it starts");
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(
                output.status.code(),
                Some(1),
                "{limit} {command:?}: {stderr}"
            );
            for words in [words[0], words[1], "localmap doctor"] {
                assert!(stderr.contains(words), "{limit} {command:?}: {stderr}");
            }
        }
    }
}
