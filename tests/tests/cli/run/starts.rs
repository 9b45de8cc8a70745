//! What keeps a guest from starting: the cause is named, with advice that can be followed.

use super::*;
use localmap_tests::Finished;

/// Runs a command whose core module has these fields, next to other instances.
fn command(options: &[&str], fields: &str, instances: &str) -> Finished {
    let text = format!(
        r#"(component
            (core module $empty)
            {instances}
            (core module $module {fields} (func (export "run") (result i32) i32.const 0))
            (core instance $instance (instantiate $module))
            (func $run (result (result)) (canon lift (core func $instance "run")))
            (instance $command (export "run" (func $run)))
            (export "wasi:cli/run@0.2.0" (instance $command)))"#
    );
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("command.wasm");
    std::fs::write(&path, wat::parse_str(text).expect("a component")).expect("a file");
    localmap().arg("run").args(options).arg(&path).run()
}

#[test]
fn too_much_memory_is_answered_with_the_option_that_raises_it() {
    for (options, fields) in [
        (&[][..], "(memory 5000)"),
        (&["-W", "max-memory-size=8MiB"], "(memory 100) (memory 100)"),
    ] {
        let words = ["cannot be instantiated", "raise -W max-memory-size"];
        command(options, fields, "").refused(&words);
    }
    command(&["-W", "max-memory-size=1GiB"], "(memory 5000)", "").ok();
    // The first of them is too large already, but allowing it alone would not help.
    let options = ["-W", "max-memory-size=1MiB"];
    let words = ["at least 6553600 bytes", "its memories have 13107200 bytes"];
    command(&options, "(memory 100) (memory 100)", "").refused(&words);
}

/// No option raises these limits.
#[test]
fn other_limits_are_not_put_down_to_memory() {
    let instances = "(core instance (instantiate $empty))".repeat(150);
    for (fields, instances, cause) in [
        ("(table 150000 funcref)", "", "150000 table elements"),
        ("", &*instances, "instance count too high"),
    ] {
        let finished = command(&[], fields, instances);
        finished.refused(&["cannot be instantiated", cause]);
        assert!(!finished.stderr.contains("-W"), "{finished:?}");
    }
}

#[test]
fn limits_that_come_after_the_entries_are_referred_to_plug() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("plugged.wasm");
    let mut plug = localmap()
        .arg("plug")
        .arg(guest("probe"))
        .arg("-o")
        .arg(&out);
    for entry in ["a=1", "b=2", "c=3", "d=4"] {
        plug = plug.args(["--entry", entry]);
    }
    plug.run().ok();
    for (option, value) in [("--max-entries", "3"), ("--policy", "lru")] {
        let finished = localmap()
            .args(["run", option, value])
            .arg(&out)
            .arg("len")
            .run();
        finished.refused(&[&format!("pass {option} to `localmap plug`")]);
    }
}

#[test]
fn options_of_crates_are_refused_for_a_component_file() {
    for options in [
        &["--profile", "dev"][..],
        &["--with-cargo-component"],
        &["--bin", "probe"],
    ] {
        let words = [options[0], "is for crates", "a component file"];
        probe(options, &["len"]).run().refused(&words);
    }
}

#[test]
fn a_maximum_for_keys_that_buckets_would_ignore_is_refused() {
    let keys = |max: &str| {
        let run = localmap().args(["run", "--max-key", max]);
        run.arg(guest("kv-draft")).args(["keys", "b"]).run()
    };
    keys("10").refused(&["--max-key", "wasi:keyvalue"]);
    keys("512").ok();
}
