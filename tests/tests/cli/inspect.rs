//! `localmap inspect`, as text and as JSON. What it says about commands is in `fits.rs`.

use localmap_tests::{guest, localmap, root};
use serde_json::{Value, json};
use std::path::Path;

fn text(file: &Path) -> String {
    localmap().arg("inspect").arg(file).run().ok()
}

fn json(file: &Path) -> Value {
    let printed = localmap().args(["inspect", "--json"]).arg(file).run().ok();
    serde_json::from_str(&printed).expect("JSON")
}

/// Returns what `inspect --json` prints for the component with this text.
fn json_of(wat: &str) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("component.wasm");
    std::fs::write(&file, wat::parse_str(wat).expect("valid text")).expect("a file");
    json(&file)
}

/// Asserts that it does not fit, for one reason that contains these texts.
fn assert_incompatible(fit: &Value, texts: &[&str]) {
    assert_eq!(fit["fits"], json!(false));
    let reasons = fit["misfits"].as_array().expect("an array");
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    let reason = reasons[0].as_str().expect("a string");
    for text in texts {
        assert!(reason.contains(text), "`{text}`: {reason}");
    }
}

#[test]
fn the_map_is_a_provider() {
    let file = root().join("host/localmap/src/artifact/map.wasm");
    let found = json(&file);
    assert_eq!(found["provider"], json!({"fits": true, "misfits": []}));
    assert_incompatible(
        &found["app"],
        &[
            "imports no map",
            "localmap:core/local-map@0.1.0",
            "wasi:keyvalue",
        ],
    );
    // Functions of a resource have the names that the contract gives them.
    let functions = found["exports"][0]["functions"].as_array().expect("names");
    for name in [
        "get",
        "apply",
        "pin",
        "[method]pinned.value",
        "[method]pinned.version",
    ] {
        assert!(functions.contains(&json!(name)), "{name}: {functions:?}");
    }
    let text = text(&file);
    assert!(text.contains("  shell  yes: it is a map"), "{text}");
    assert!(
        text.contains("  run    no: it does not export wasi:cli/run"),
        "{text}"
    );
}

#[test]
fn a_guest_that_imports_the_map_is_an_app() {
    let file = guest("sessions");
    let found = json(&file);
    assert_eq!(found["app"], json!({"fits": true, "misfits": []}));
    assert_eq!(found["provider"]["fits"], json!(false));
    let text = text(&file);
    assert!(
        text.contains("  run    yes: it gets a map of its own\n"),
        "{text}"
    );
    assert!(
        text.contains("  serve  no: it is a command: use `localmap run`\n"),
        "{text}"
    );
    assert!(text.contains("  plug   yes: "), "{text}");
    assert!(text.contains("  shell  no:\n"), "{text}");
}

#[test]
fn file_and_size_are_those_of_the_file() {
    let file = root().join("host/localmap/src/artifact/map.wasm");
    let size = std::fs::metadata(&file).expect("a file").len();
    let found = json(&file);
    assert_eq!(found["file"], json!(file.to_str()));
    assert_eq!(found["size"], json!(size));
    assert_eq!(found["kind"], json!("component"));
    assert!(text(&file).contains(&format!("{size} bytes")));
}

#[test]
fn imports_exports_and_memories_are_shown() {
    let found = json_of(
        r#"(component
            (import "acme:thing/wheel@1.0.0" (instance
                (export "turn" (func))
                (export "stop" (func (result bool)))))
            (core module $bounded (memory (export "m") 2 3))
            (core module $open (memory 1))
            (core instance (instantiate $bounded))
            (core module $code (func (export "go")))
            (core instance $code (instantiate $code))
            (func (export "go") (canon lift (core func $code "go"))))"#,
    );
    assert_eq!(
        found["imports"],
        json!([{
            "name": "acme:thing/wheel@1.0.0",
            "kind": "instance",
            "functions": ["turn", "stop"],
        }])
    );
    assert_eq!(found["exports"][0]["name"], json!("go"));
    assert_eq!(found["exports"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        found["memories"],
        json!([
            {"initial": 131_072, "maximum": 196_608},
            {"initial": 65_536, "maximum": null},
        ])
    );
}

#[test]
fn an_app_may_use_a_part_of_the_map() {
    let found = json_of(
        r#"(component (import "localmap:core/local-map@0.1.0" (instance
            (export "len" (func (result u64))))))"#,
    );
    assert_eq!(found["app"]["fits"], json!(true));
}

#[test]
fn incompatible_imports_of_an_app_are_reported() {
    for (wat, words) in [
        (
            r#"(component (import "localmap:core/local-map@0.2.0" (instance)))"#,
            &[
                "localmap:core/local-map@0.2.0",
                "localmap:core/local-map@0.1.0",
            ][..],
        ),
        (
            r#"(component (import "localmap:core/local-map@0.1.0" (instance
                (export "len" (func (result u32))))))"#,
            &["localmap:core/local-map@0.1.0", "len"],
        ),
        (
            r#"(component
                (import "localmap:core/local-map@0.1.0" (instance))
                (import "localmap:core/control@0.1.0" (instance)))"#,
            &["localmap:core/control@0.1.0"],
        ),
    ] {
        assert_incompatible(&json_of(wat)["app"], words);
    }
}

#[test]
fn missing_and_superfluous_parts_of_a_provider_are_reported() {
    let found = json_of(r#"(component (import "wasi:cli/stdin@0.2.0" (instance)))"#);
    let misfits = found["provider"]["misfits"].to_string();
    for name in [
        "localmap:core/local-map@0.1.0",
        "localmap:core/control@0.1.0",
        "wasi:cli/stdin@0.2.0",
    ] {
        assert!(misfits.contains(name), "{misfits}");
    }
}

#[test]
fn a_component_that_no_command_takes_is_not_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("empty.wasm");
    std::fs::write(&file, wat::parse_str("(component)").expect("valid text")).expect("a file");
    let text = text(&file);
    for command in ["run  ", "serve", "plug ", "shell"] {
        assert!(text.contains(&format!("  {command}  no:")), "{text}");
    }
}

#[test]
fn a_file_that_is_not_a_component_is_refused() {
    for (bytes, words) in [
        (b"hello".to_vec(), &["not WebAssembly"][..]),
        (
            wat::parse_str("(module)").expect("valid text"),
            &["core WebAssembly module", "wasm32-wasip2"],
        ),
        (
            wat::parse_str("(component (core module))").expect("valid text")[..12].to_vec(),
            &["not a valid WebAssembly component"],
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("bad.wasm");
        std::fs::write(&file, bytes).expect("a file");
        let words = [&["cannot inspect `", "bad.wasm"], words].concat();
        localmap().arg("inspect").arg(&file).run().refused(&words);
    }
    localmap()
        .arg("inspect")
        .arg(root().join("wit"))
        .run()
        .refused(&["cannot read `", "wit"]);
}
