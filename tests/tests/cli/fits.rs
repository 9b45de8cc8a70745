//! Which component fits which command: `inspect` says what the commands say, and they say it before
//! they compile anything.

mod wasi_0_3;

use localmap_tests::{Finished, guest, localmap, root};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// An export of a command that does nothing.
const COMMAND: &str = r#"
    (core module $code (func (export "run") (result i32) (i32.const 0)))
    (core instance $code (instantiate $code))
    (alias core export $code "run" (core func $run))
    (func $run (result (result)) (canon lift (core func $run)))
    (instance $command (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $command))"#;

/// Returns an export of an HTTP handler without its function.
fn handler(version: &str) -> String {
    format!(
        r#"(instance $handler)
        (export "wasi:http/incoming-handler@{version}" (instance $handler))"#
    )
}

/// The declaration of an import that localmap does not provide.
const WHEEL: &str = r#"(import "acme:thing/wheel@1.0.0" (instance (export "turn" (func))))"#;

/// A component file, in a folder that is deleted at the end.
struct Wat {
    _folder: TempDir,
    file: PathBuf,
}

impl Wat {
    fn new(parts: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("app.wasm");
        let bytes = wat::parse_str(format!("(component {parts})")).expect("valid text");
        std::fs::write(&file, bytes).expect("a file");
        Self {
            _folder: folder,
            file,
        }
    }
}

fn json_of(file: &Path) -> Value {
    let printed = localmap().args(["inspect", "--json"]).arg(file).run().ok();
    serde_json::from_str(&printed).expect("JSON")
}

/// Returns the reasons against a command.
fn misfits(file: &Path, command: &str) -> Vec<String> {
    let verdict = json_of(file)["commands"][command].clone();
    let reasons = verdict["misfits"].as_array().expect("an array");
    assert_eq!(verdict["fits"], json!(reasons.is_empty()), "{verdict}");
    let texts = reasons.iter().filter_map(|reason| reason.as_str());
    texts.map(str::to_owned).collect()
}

fn run(file: &Path) -> Finished {
    localmap().arg("run").arg(file).run()
}

fn serve(file: &Path) -> Finished {
    localmap()
        .args(["serve", "--addr", "127.0.0.1:0"])
        .arg(file)
        .run()
}

fn plug(file: &Path) -> Finished {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("plugged.wasm");
    localmap().arg("plug").arg(file).arg("-o").arg(output).run()
}

/// Asserts that a command refuses a component with the reasons that `inspect` gives for it.
fn refused_as_inspected(file: &Path, command: &str, finished: &Finished, texts: &[&str]) {
    let reasons = misfits(file, command);
    assert_eq!(reasons.len(), texts.len(), "{command}: {reasons:?}");
    for (reason, text) in reasons.iter().zip(texts) {
        assert!(reason.contains(text), "{command}: `{text}`: {reason}");
        finished.refused(&[reason]);
    }
}

#[test]
fn every_import_that_is_not_given_is_named() {
    let app = Wat::new(&format!(
        r#"(import "wasi:random/random@0.2.0" (instance
            (export "get-random-u64" (func (result u64)))))
        {WHEEL}
        (import "acme:thing/lamp" (instance (export "on" (func)) (export "off" (func))))
        (import "ring" (func (param "times" u32)))
        {COMMAND}"#
    ));
    let texts = ["acme:thing/wheel@1.0.0,", "acme:thing/lamp,", "ring,"];
    refused_as_inspected(&app.file, "run", &run(&app.file), &texts);
    let no_handler = "it is a command: use `localmap run`";
    let by_serve = [&[no_handler][..], &texts].concat();
    refused_as_inspected(&app.file, "serve", &serve(&app.file), &by_serve);
    let text = localmap().arg("inspect").arg(&app.file).run().ok();
    assert!(!text.contains("random, which"), "{text}");
}

#[test]
fn functions_and_types_that_differ_are_named() {
    for (import, text) in [
        // The linker has one of the two functions.
        (
            r#"(import "wasi:random/random@0.2.0" (instance
                (export "get-random-u64" (func (result u64)))
                (export "get-dice" (func (result u8)))))"#,
            "imports `get-dice` of wasi:random/random@0.2.0, which this host does not provide",
        ),
        (
            r#"(import "wasi:random/random@0.2.0" (instance
                (export "get-dice" (func (result u8)))))"#,
            "imports `get-dice` of wasi:random/random@0.2.0, which this host does not provide",
        ),
        (
            r#"(import "wasi:random/random@0.2.0" (instance
                (export "get-random-u64" (func (result u8)))))"#,
            "its import wasi:random/random@0.2.0 is not what this host expects (expected `u64` found `u8`)",
        ),
        (
            r#"(import "wasi:random/random@0.4.0" (instance
                (export "get-random-u64" (func (result u64)))))"#,
            "wasi:random/random@0.4.0, which this host does not provide",
        ),
        (
            r#"(import "wasi:random/random@0.2.0-rc-2023-11-10" (instance
                (export "get-random-u64" (func (result u64)))))"#,
            "it is of a preview of WASI 0.2",
        ),
        // The interface is there, but not this resource.
        (
            r#"(import "wasi:random/random@0.2.0" (instance
                (export "x" (type (sub resource)))
                (export "get-random-u64" (func (result u64)))))"#,
            "imports `x` of wasi:random/random@0.2.0, which this host does not provide",
        ),
        (
            r#"(import "wasi:random/random@0.2.0" (instance (export "x" (type (sub resource)))))"#,
            "imports `x` of wasi:random/random@0.2.0, which this host does not provide",
        ),
        // In all reasons, what is expected is here, and what is found is in the component.
        (
            r#"(import "wasi:random/random@0.2.0" (func (result u32)))"#,
            "is not what this host expects (expected instance found function)",
        ),
        (
            r#"(import "wasi:random/random@0.2.0" (instance
                (export "get-random-u64" (type (sub resource)))))"#,
            "is not what this host expects (expected function found resource)",
        ),
        (
            r#"(import "wasi:cli/stdout@0.3.0" (instance (export "write-via-stream"
                (func (param "data" (stream u8)) (result (future (result)))))))"#,
            "is not what this host expects (expected an `err` type)",
        ),
    ] {
        let app = Wat::new(&format!("{import} {COMMAND}"));
        refused_as_inspected(&app.file, "run", &run(&app.file), &[text]);
    }
}

/// An import may use types of another one, which is not at fault.
#[test]
fn only_the_import_itself_is_to_blame() {
    let app = Wat::new(&format!(
        r#"(import "wasi:io/poll@0.2.0" (instance $poll
            (export "pollable" (type (sub resource)))))
        (alias export $poll "pollable" (type $pollable))
        (import "wasi:clocks/monotonic-clock@0.2.0" (instance
            (alias outer 1 $pollable (type $p))
            (export "pollable" (type $own (eq $p)))
            (export "subscribe-duration" (func (param "when" u64) (result (own $own))))))
        (import "acme:thing/bell@1.0.0" (instance
            (alias outer 1 $pollable (type $p))
            (export "pollable" (type $own (eq $p)))
            (export "rung" (func (result (own $own))))))
        {COMMAND}"#
    ));
    refused_as_inspected(
        &app.file,
        "run",
        &run(&app.file),
        &["acme:thing/bell@1.0.0"],
    );
}

/// An interface may lack a function without which the types of others are there.
#[test]
fn an_import_with_types_of_one_that_is_not_served_whole_is_not_to_blame() {
    let app = Wat::new(&format!(
        r#"(import "wasi:filesystem/types@0.2.0" (instance $types
            (export "descriptor" (type $d (sub resource)))
            (export "[method]descriptor.nope" (func (param "self" (borrow $d))))))
        (alias export $types "descriptor" (type $descriptor))
        (import "wasi:filesystem/preopens@0.2.0" (instance
            (alias outer 1 $descriptor (type $d))
            (export "descriptor" (type $own (eq $d)))
            (export "get-directories" (func (result (list (tuple (own $own) string)))))))
        {COMMAND}"#
    ));
    let texts = ["imports `[method]descriptor.nope` of wasi:filesystem/types@0.2.0"];
    refused_as_inspected(&app.file, "run", &run(&app.file), &texts);
}

/// Types that an import only names need no implementation.
#[test]
fn types_without_functions_are_not_missing() {
    let app = Wat::new(&format!(
        r#"(import "acme:thing/shapes@1.0.0" (instance $shapes
            (type $record (record (field "x" u32)))
            (export "point" (type (eq $record)))))
        (alias export $shapes "point" (type $point))
        (import "point" (type (eq $point)))
        {COMMAND}"#
    ));
    assert_eq!(misfits(&app.file, "run"), [""; 0]);
    run(&app.file).ok();
}

#[test]
fn a_component_without_imports_of_a_map_runs_without_one() {
    let app = Wat::new(COMMAND);
    let found = json_of(&app.file);
    assert_eq!(
        found["commands"]["run"],
        json!({"fits": true, "map": "none", "condition": null, "misfits": []})
    );
    let text = localmap().arg("inspect").arg(&app.file).run().ok();
    assert!(
        text.contains("  run    yes: it runs without a map, since it imports none\n"),
        "{text}"
    );
    run(&app.file).ok();
    refused_as_inspected(&app.file, "plug", &plug(&app.file), &["imports no map"]);
}

#[test]
fn a_component_with_a_map_is_not_given_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugged = folder.path().join("plugged.wasm");
    let app = guest("sessions");
    let done = localmap().arg("plug").arg(app).arg("-o").arg(&plugged);
    done.run().ok();
    let map = root().join("host/localmap/src/artifact/map.wasm");
    for file in [plugged, map] {
        refused_as_inspected(&file, "plug", &plug(&file), &["already has its map"]);
    }
    let app = Wat::new(
        r#"(import "localmap:core/local-map@0.1.0" (instance))
        (instance $control)
        (export "localmap:core/control@0.1.0" (instance $control))"#,
    );
    let text = "build it without that export";
    refused_as_inspected(&app.file, "plug", &plug(&app.file), &[text]);
}

/// In all reasons, what is expected is here, and what is found is in the component.
#[test]
fn the_direction_of_a_difference_is_plain() {
    for (parts, reason) in [
        (
            r#"(import "localmap:core/local-map@0.1.0" (instance
                (export "len" (func (result u32)))))"#,
            "what the contract expects (mismatched type for export `len`: mismatched type for \
             function result: expected u64, found u32): build it against wit/",
        ),
        (
            r#"(import "localmap:core/local-map@0.1.0" (instance (export "rename" (func))))"#,
            "what the contract expects (the contract has no `rename`): build it against wit/",
        ),
        (
            r#"(import "wasi:keyvalue/store@0.2.0-draft" (instance (export "nope" (func))))"#,
            "what the contract expects (the contract has no `nope`): build it against the \
             published text of that draft of wasi:keyvalue",
        ),
        (
            r#"(import "wasi:keyvalue/store@0.2.0-draft" (instance
                (export "open" (func (param "name" string)))))"#,
            "expected function parameter 0 to be named `identifier`, found name `name`",
        ),
    ] {
        let app = Wat::new(&format!("{parts} {COMMAND}"));
        refused_as_inspected(&app.file, "run", &run(&app.file), &[reason]);
    }
    let map = Wat::new(
        r#"(instance $map) (export "localmap:core/local-map@0.1.0" (instance $map))
        (import "print" (func $print (param "text" string)))
        (instance $control (export "clear" (func $print)))
        (export "localmap:core/control@0.1.0" (instance $control))"#,
    );
    let reasons = misfits(&map.file, "shell");
    assert!(reasons[0].contains("expects (it has no `"), "{reasons:?}");
    assert!(reasons[1].contains("expects (it has no `"), "{reasons:?}");
}

/// A plugged map without its functions cannot be configured.
#[test]
fn a_plugged_map_must_be_one() {
    let app = Wat::new(&format!(
        r#"{COMMAND} (instance $control)
        (export "localmap:core/control@0.1.0" (instance $control))"#
    ));
    let text = "its localmap:core/control@0.1.0 is not what the contract expects (it has no `";
    refused_as_inspected(&app.file, "run", &run(&app.file), &[text]);
}

/// Which of its memories a component creates is seen only when it runs.
#[test]
fn a_large_memory_is_a_condition() {
    let with_memory = |pages: u32| {
        Wat::new(&format!(
            "(core module $large (memory {pages})) (core instance (instantiate $large)) {COMMAND}"
        ))
    };
    let large = with_memory(4097);
    let command = json_of(&large.file)["commands"]["run"].clone();
    assert_eq!(command["fits"], json!(true));
    let condition = command["condition"].as_str().expect("a condition");
    for text in [
        "-W max-memory-size=",
        "268500992 bytes",
        "limit is 268435456",
    ] {
        assert!(condition.contains(text), "{condition}");
    }
    let text = localmap().arg("inspect").arg(&large.file).run().ok();
    assert!(text.contains(condition), "{text}");
    run(&large.file).refused(&["max-memory-size"]);
    let given = localmap().args(["run", "-W", "max-memory-size=512M"]);
    given.arg(&large.file).run().ok();
    let small = with_memory(4096);
    assert_eq!(
        json_of(&small.file)["commands"]["run"]["condition"],
        Value::Null
    );
    run(&small.file).ok();
}

/// A plugged component keeps its other imports.
#[test]
fn plug_names_the_imports_that_remain() {
    let app = Wat::new(&format!(
        r#"(import "localmap:core/local-map@0.1.0" (instance
            (export "len" (func (result u64)))))
        (import "wasi:random/random@0.2.0" (instance
            (export "get-random-u64" (func (result u64)))))
        {WHEEL}"#
    ));
    let verdict = json_of(&app.file)["commands"]["plug"].clone();
    assert_eq!(verdict["fits"], json!(true));
    let expected = "on a host that provides acme:thing/wheel@1.0.0";
    assert_eq!(verdict["condition"], json!(expected));
    let text = localmap().arg("inspect").arg(&app.file).run().ok();
    assert!(text.contains(expected), "{text}");
    plug(&app.file).ok();
    let commands = &json_of(&guest("sessions"))["commands"];
    assert_eq!(commands["plug"]["condition"], Value::Null);
}

#[test]
fn plug_gives_all_reasons() {
    let app = Wat::new(
        r#"(import "localmap:core/local-map@0.2.0" (instance))
        (import "localmap:core/control@0.1.0" (instance))
        (import "wasi:keyvalue/store@0.3.0" (instance))"#,
    );
    let texts = ["local-map@0.2.0", "belongs to the host", "store@0.3.0"];
    refused_as_inspected(&app.file, "plug", &plug(&app.file), &texts);
}

#[test]
fn inspect_says_which_map_a_command_uses() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugged = folder.path().join("plugged.wasm");
    localmap()
        .arg("plug")
        .arg(guest("sessions"))
        .arg("-o")
        .arg(&plugged)
        .run()
        .ok();
    for (file, run, serve) in [
        (guest("sessions"), json!("given"), Value::Null),
        (guest("kv-draft"), json!("given"), Value::Null),
        (guest("inside"), json!("none"), Value::Null),
        (guest("served"), Value::Null, json!("given")),
        (guest("kv-http"), json!("given"), json!("given")),
        (plugged, json!("included"), Value::Null),
    ] {
        let commands = &json_of(&file)["commands"];
        assert_eq!(commands["run"]["map"], run, "{}", file.display());
        assert_eq!(commands["serve"]["map"], serve, "{}", file.display());
        assert_eq!(commands["run"]["fits"], json!(!run.is_null()));
        assert_eq!(commands["serve"]["fits"], json!(!serve.is_null()));
    }
    let map = root().join("host/localmap/src/artifact/map.wasm");
    assert_eq!(json_of(&map)["commands"]["shell"]["map"], json!("included"));
}

/// Names of versions that were never released, and exports without their function.
#[test]
fn an_export_must_be_that_of_wasi() {
    for (export, by_run, by_serve) in [
        (
            r#"(instance $run) (export "wasi:cli/run@0.2.0" (instance $run))"#,
            "its export wasi:cli/run is not that of WASI 0.2",
            "does not export wasi:http/incoming-handler@0.2.x",
        ),
        (
            &COMMAND.replace("(result (result))", "(result bool)"),
            "its export wasi:cli/run is not that of WASI 0.2",
            "does not export wasi:http/incoming-handler@0.2.x",
        ),
        (
            &COMMAND.replace("@0.2.0", "@0.2.0-rc-2023-11-10"),
            "it exports wasi:cli/run@0.2.0-rc-2023-11-10, of a preview of WASI 0.2",
            "does not export wasi:http/incoming-handler@0.2.x",
        ),
        (
            &COMMAND.replace("@0.2.0", "@0.3.0"),
            "its export wasi:cli/run is not that of WASI 0.3",
            "does not export wasi:http/incoming-handler@0.2.x",
        ),
        (
            &COMMAND.replace("@0.2.0", "@0.3.0-rc-2026-03-15"),
            "it exports wasi:cli/run@0.3.0-rc-2026-03-15, of a release candidate of WASI 0.3",
            "does not export wasi:http/incoming-handler@0.2.x",
        ),
        (
            &handler("0.2.0"),
            "does not export wasi:cli/run@0.2.x",
            "its export wasi:http/incoming-handler is not that of WASI 0.2",
        ),
        (
            &handler("0.2.0-rc-2023-12-05"),
            "does not export wasi:cli/run@0.2.x",
            "it exports wasi:http/incoming-handler@0.2.0-rc-2023-12-05, of a preview of WASI 0.2",
        ),
    ] {
        let app = Wat::new(export);
        refused_as_inspected(&app.file, "run", &run(&app.file), &[by_run]);
        refused_as_inspected(&app.file, "serve", &serve(&app.file), &[by_serve]);
    }
}

/// The stand-ins for request and response are resources that `run` provides.
#[test]
fn a_component_that_is_a_command_and_a_handler_can_be_run() {
    let app = Wat::new(&format!(
        r#"(import "wasi:io/poll@0.2.0" (instance $poll
            (export "pollable" (type (sub resource)))))
        (alias export $poll "pollable" (type $pollable))
        {COMMAND}
        (core module $handle (func (export "handle") (param i32 i32)))
        (core instance $handle (instantiate $handle))
        (alias core export $handle "handle" (core func $handle))
        (func $handle
            (param "request" (own $pollable)) (param "response-out" (own $pollable))
            (canon lift (core func $handle)))
        (instance $handler (export "handle" (func $handle)))
        (export "wasi:http/incoming-handler@0.2.0" (instance $handler))"#
    ));
    let commands = &json_of(&app.file)["commands"];
    assert_eq!(commands["run"]["fits"], json!(true), "{commands}");
    assert_eq!(commands["serve"]["fits"], json!(true), "{commands}");
    run(&app.file).ok();
    // The `run` of an HTTP guest in Rust does nothing but trap.
    let trapped = run(&guest("kv-http"));
    assert_eq!(trapped.code, Some(134), "{}", trapped.stderr);
    let hint = "It also answers HTTP requests: for those, use `localmap serve`\n";
    assert!(trapped.stderr.ends_with(hint), "{}", trapped.stderr);
    // One that is only a handler is for `serve`.
    let reasons = misfits(&guest("served"), "run");
    let first = reasons.first().expect("a reason");
    assert!(first.contains("use `localmap serve`"), "{first}");
    run(&guest("served")).refused(&[first]);
}

/// Some toolchains use async built-ins in components of WASI 0.2.
#[test]
fn a_command_of_wasi_0_2_may_use_async_built_ins() {
    for builtin in ["waitable-set.new", "task.cancel"] {
        let app = Wat::new(&format!(
            r#"(import "localmap:core/local-map@0.1.0" (instance
                (export "len" (func (result u64)))))
            (core func (canon {builtin})) {COMMAND}"#
        ));
        run(&app.file).ok();
        localmap()
            .args(["run", "--linked"])
            .arg(&app.file)
            .run()
            .ok();
        let found = json_of(&app.file);
        assert_eq!(found["concurrency"], json!(format!("it uses `{builtin}`")));
        let text = localmap().arg("inspect").arg(&app.file).run().ok();
        let line = format!("Engine: with concurrency, since it uses `{builtin}`");
        assert!(text.lines().any(|found| found == line), "{text}");
    }
    let found = json_of(&guest("sessions"));
    assert_eq!(found["concurrency"], json!(null));
}

/// Which engine it needs does not depend on what else it uses.
#[test]
fn a_component_that_cannot_run_is_said_to_need_concurrency_too() {
    for (parts, concurrency) in [
        (
            "(type (stream u8)) (core func (canon error-context.drop))",
            json!("it uses `stream`"),
        ),
        (
            "(core func (canon context.get i32 1))",
            json!("it uses `context.get`"),
        ),
        ("(core func (canon error-context.drop))", json!(null)),
        ("(type (func async))", json!("it has async functions")),
    ] {
        let app = Wat::new(&format!("{parts} {COMMAND}"));
        assert_eq!(json_of(&app.file)["concurrency"], concurrency, "{parts}");
    }
}

/// Each proposal that our engines do not support is refused by all, in words.
#[test]
fn proposals_that_are_not_supported() {
    for (parts, text) in [
        ("(core func (canon error-context.drop))", "proposal"),
        ("(core module (memory 1 1 shared))", "proposal"),
        (
            "(core func (canon context.get i32 1))",
            "(cm-threading: `context.get` immediate must be zero: 1)",
        ),
        ("(core module (type (struct (field i32))))", "proposal"),
        ("(core module (tag))", "proposal"),
        (
            "(core module (func (param i64 i64 i64 i64) (result i64 i64)
                (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3))))",
            "proposal",
        ),
        ("(core module (memory 1 (pagesize 1)))", "proposal"),
        (
            r#"(import "primary" (implements "wasi:keyvalue/store@0.2.0-draft2") (instance))"#,
            "`primary` is a label for wasi:keyvalue/store@0.2.0-draft2",
        ),
    ] {
        let app = Wat::new(&format!(
            r#"(import "localmap:core/local-map@0.1.0" (instance
                (export "len" (func (result u64)))))
            {parts} {COMMAND}"#
        ));
        for (command, finished) in [("run", run(&app.file)), ("plug", plug(&app.file))] {
            let reasons = misfits(&app.file, command);
            let first = reasons.first().expect("a reason");
            assert!(first.contains(text), "{parts}: {reasons:?}");
            finished.refused(&[first]);
        }
        for command in ["serve", "shell"] {
            let reasons = misfits(&app.file, command);
            assert!(
                reasons.iter().any(|reason| reason.contains(text)),
                "{parts}: {reasons:?}"
            );
        }
    }
}

/// Wasmtime's cache shows what has been compiled.
#[test]
fn a_component_is_refused_before_it_is_compiled() {
    let cache = tempfile::tempdir().expect("a folder");
    let run = |file: &Path| {
        localmap()
            .arg("run")
            .arg(file)
            .env("XDG_CACHE_HOME", cache.path().to_str().expect("UTF-8"))
            .run()
    };
    let compiled = || {
        let files = std::fs::read_dir(cache.path().join("wasmtime"));
        files.map_or(0, Iterator::count)
    };
    run(&Wat::new(&format!("{WHEEL} {COMMAND}")).file).refused(&["acme:thing/wheel@1.0.0"]);
    assert_eq!(compiled(), 0);
    run(&Wat::new(COMMAND).file).ok();
    assert_ne!(compiled(), 0);
}
