//! Input that cannot be run. Each error names the subject, what was expected and what to do, and
//! nothing panics.

use localmap_tests::{guest, localmap};
use std::path::PathBuf;
use tempfile::TempDir;

/// Writes a file with these bytes. Dropping the folder deletes it.
fn file(name: &str, bytes: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("a file");
    (folder, path)
}

/// Asserts that `run` and `plug` refuse a file by name, and `plug` writes nothing.
fn refused(bytes: impl AsRef<[u8]>, words: &[&str]) {
    let (folder, path) = file("app.wasm", bytes);
    let words = [&["app.wasm"], words].concat();
    localmap().arg("run").arg(&path).run().refused(&words);
    let out = folder.path().join("out.wasm");
    let plug = localmap().arg("plug").arg(&path).arg("-o").arg(&out);
    plug.run().refused(&words);
    assert!(!out.exists());
}

/// Asserts that `inspect` refuses the file as well, because it is not a component.
fn refused_by_all(bytes: impl AsRef<[u8]>, words: &[&str]) {
    let (_folder, path) = file("app.wasm", &bytes);
    localmap().arg("inspect").arg(&path).run().refused(words);
    refused(bytes, words);
}

/// Asserts that `run` and `plug` refuse a valid component.
fn refused_app(wat: &str, words: &[&str]) {
    refused(wat::parse_str(wat).expect("valid text"), words);
}

#[test]
fn not_wasm() {
    for bytes in ["", "#!/bin/sh\n", "\0as", "\0asm", "\n"] {
        refused_by_all(bytes, &["not WebAssembly", "expected a component"]);
    }
}

#[test]
fn text_and_compressed_files() {
    for text in ["(component)", "\n  (module)", ";; a module\n(module)"] {
        refused_by_all(text, &["text format", "wasm-tools parse"]);
    }
    for (bytes, format) in [
        (&b"\x1f\x8b\x08\0"[..], "gzip"),
        (b"\xfd7zXZ\0\0", "xz"),
        (b"\x28\xb5\x2f\xfd\0", "zstd"),
    ] {
        refused_by_all(bytes, &[format, "unpack it"]);
    }
}

/// A package of WIT in its binary format: each of its interfaces is a world that exports it.
#[test]
fn a_wit_package() {
    let package = wat::parse_str(
        r#"(component (type (export "thing") (component
            (type (component (type $wheel (instance (export "turn" (func))))
                (export "acme:thing/wheel" (instance (type $wheel)))))
            (export "acme:thing/wheel" (component (type 0))))))"#,
    );
    refused_by_all(package.expect("valid text"), &["a WIT package", "no code"]);
}

#[test]
fn a_core_module() {
    let module = wat::parse_str("(module)").expect("valid text");
    refused_by_all(module, &["core WebAssembly module", "wasm32-wasip2"]);
}

#[test]
fn a_component_that_is_cut_off_or_changed() {
    let whole = std::fs::read(guest("sessions")).expect("a guest");
    for len in [8, 9, 100, whole.len() / 2, whole.len() - 1] {
        let (_folder, path) = file("cut.wasm", &whole[..len]);
        let finished = localmap().arg("run").arg(&path).run();
        finished.refused(&["cut.wasm"]);
    }
    // Change the first bytes of the module inside, which describe its sections.
    for at in (8..400).step_by(7) {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        let (_folder, path) = file("changed.wasm", changed);
        let finished = localmap()
            .arg("run")
            .arg(&path)
            .args(["--idle", "1s"])
            .run();
        assert!(
            !finished.stderr.contains("panicked at host"),
            "{at}: {}",
            finished.stderr
        );
        assert!(
            matches!(finished.code, Some(0 | 1 | 134)),
            "{at}: {finished:?}"
        );
    }
}

#[test]
fn a_component_of_another_world() {
    let empty = wat::parse_str("(component)").expect("valid text");
    let (folder, path) = file("empty.wasm", empty);
    localmap().arg("run").arg(&path).run().refused(&[
        "empty.wasm",
        "does not export wasi:cli/run",
        "expected a command",
    ]);
    let out = folder.path().join("out.wasm");
    localmap()
        .arg("plug")
        .arg(&path)
        .arg("-o")
        .arg(&out)
        .run()
        .refused(&["empty.wasm", "imports no map"]);
}

#[test]
fn another_version_of_the_contract() {
    refused_app(
        r#"(component (import "localmap:core/local-map@0.2.0" (instance)))"#,
        &[
            "localmap:core/local-map@0.2.0",
            "localmap:core/local-map@0.1.0",
        ],
    );
}

#[test]
fn other_types_than_the_contract() {
    refused_app(
        r#"(component (import "localmap:core/local-map@0.1.0" (instance
            (export "get" (func (param "key" string) (result bool))))))"#,
        &["localmap:core/local-map@0.1.0", "get"],
    );
    refused_app(
        r#"(component (import "localmap:core/local-map@0.1.0" (instance
            (export "rename" (func)))))"#,
        &["localmap:core/local-map@0.1.0", "rename"],
    );
}

#[test]
fn rule_12_authority_an_app_that_imports_control() {
    refused_app(
        r#"(component
            (import "localmap:core/local-map@0.1.0" (instance (export "len" (func (result u64)))))
            (import "localmap:core/control@0.1.0" (instance (export "clear" (func)))))"#,
        &["localmap:core/control@0.1.0", "belongs to the host"],
    );
}

/// Valid components in forms that composition does not support.
#[test]
fn imports_that_cannot_be_composed() {
    let map = r#"(import "localmap:core/local-map@0.1.0" (instance
        (export "len" (func (result u64)))))"#;
    for import in [
        r#"(import "r" (type $r (sub resource))) (import "f" (func (param "x" (borrow $r))))"#,
        r#"(import "a:b/c" (instance $i (export "t" (type (sub resource)))))
           (alias export $i "t" (type $t)) (import "f" (func (param "x" (borrow $t))))"#,
        r#"(import "a:b/c@1.0.0" (instance (export "m" (core module))))"#,
        r#"(import "a:b/c@1.0.0" (instance (export "m" (component))))"#,
        r#"(import "m" (core module))"#,
    ] {
        let app = wat::parse_str(format!("(component {map} {import})")).expect("valid text");
        let (folder, path) = file("app.wasm", app);
        let run = localmap().arg("run").arg(&path).run();
        run.refused(&["app.wasm", "which this host does not provide"]);
        let plug = localmap().arg("plug").arg(&path).arg("-o");
        plug.arg(folder.path().join("out.wasm")).run().refused(&[
            "app.wasm",
            "cannot compose the app with its map",
            "composed",
        ]);
    }
}

#[test]
fn an_import_that_nothing_provides() {
    let component =
        r#"(component (import "acme:thing/wheel@1.0.0" (instance (export "turn" (func)))))"#;
    let (_folder, path) = file("app.wasm", wat::parse_str(component).expect("valid text"));
    localmap().arg("run").arg(&path).run().refused(&[
        "app.wasm",
        "it imports acme:thing/wheel@1.0.0, which this host does not provide",
    ]);
}

#[test]
fn a_file_that_cannot_be_read() {
    for command in ["run", "inspect"] {
        localmap()
            .args([command, "no/such/file.wasm"])
            .run()
            .refused(&["no/such/file.wasm", "No such file"]);
    }
    let out = tempfile::tempdir().expect("a folder");
    localmap()
        .arg("plug")
        .arg(guest("sessions"))
        .arg("-o")
        .arg(out.path().join("no/such/folder.wasm"))
        .run()
        .refused(&["cannot write `", "no/such/folder.wasm"]);
}

/// An existing file stays, and no partial file is left.
#[test]
fn an_output_that_cannot_be_written_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = folder.path().join("app.wasm");
    std::fs::copy(guest("sessions"), &app).expect("a copy");
    let plug =
        |output: &std::path::Path| localmap().arg("plug").arg(&app).arg("-o").arg(output).run();
    plug(folder.path()).refused(&["cannot write `"]);
    plug(&app).ok();
    plug(&app).refused(&["app.wasm", "imports no map"]);
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("it").collect();
    assert_eq!(left.len(), 1);
    localmap().args(["inspect"]).arg(&app).run().ok();
}

#[test]
fn a_folder_where_a_file_is_expected() {
    for command in ["inspect", "shell"] {
        localmap()
            .args([command, "guest/examples/sessions"])
            .run()
            .refused(&["`guest/examples/sessions`", "expected a component file"]);
    }
}

/// clap's exit code for a bad command line is 2.
#[test]
fn a_bad_option_value() {
    for (option, value, words) in [
        ("--clock", "sundial", &["sundial", "clf", "rfc3339"][..]),
        ("--max-bytes", "lots", &["lots", "64KiB"]),
        ("--max-entries", "0", &["0", "1..=4294967295"]),
        ("--max-value", "-1", &["-1"]),
        ("--default-ttl", "0s", &["0s", "zero", "30s"]),
        ("--default-ttl", "soon", &["soon", "30s"]),
        ("--policy", "fifo", &["fifo", "refuse", "lru", "s3-fifo"]),
        ("--max-pins", "65537", &["65537", "0..=65536"]),
        ("--entry", "novalue", &["novalue", "KEY=VALUE"]),
        ("--entry", "=v", &["=v", "1 to 128"]),
        ("--entry", "k=v;ttl=0s", &["ttl=0s", "zero"]),
        ("-W", "fuel=1", &["fuel=1", "timeout=TIME"]),
        ("-W", "timeout=0s", &["timeout=0s", "zero"]),
        ("-W", "max-memory-size=0", &["max-memory-size=0", "zero"]),
        (
            "-W",
            "max-memory-size=0KiB",
            &["max-memory-size=0KiB", "zero"],
        ),
        ("--max-speed", "1", &["--max-speed"]),
    ] {
        let finished = localmap()
            .args(["run", &format!("{option}={value}")])
            .arg(guest("probe"))
            .args(["len"])
            .run();
        assert_eq!(finished.code, Some(2), "{option} {value}: {finished:?}");
        for word in words {
            assert!(
                finished.stderr.contains(word),
                "`{word}`: {}",
                finished.stderr
            );
        }
    }
    // One key is longer than any map accepts, and the other is longer than this map accepts.
    for (len, code) in [(513, 2), (129, 1)] {
        let key = "k".repeat(len);
        let finished = localmap()
            .args(["run", "--entry", &format!("{key}=v")])
            .arg(guest("probe"))
            .args(["len"])
            .run();
        assert_eq!(finished.code, Some(code));
        let told = format!("{len} bytes");
        assert!(finished.stderr.contains(&told), "{}", finished.stderr);
        assert!(finished.stderr.contains("max-key"), "{}", finished.stderr);
    }
}

#[test]
fn limits_and_grants_that_are_impossible() {
    for (options, words) in [
        (&["--max-value", "2GiB"][..], &["max-value", "1 GiB"][..]),
        (&["--max-bytes", "64KiB"], &["max-bytes", "128 KiB"]),
        (
            &["--dir", "no/such/folder"],
            &["--dir no/such/folder", "No such file"],
        ),
        (
            &["--env", "NO_SUCH_VARIABLE_HERE"],
            &["--env NO_SUCH_VARIABLE_HERE"],
        ),
        (&["--env", ""], &["--env ``", "NAME=VALUE"]),
        (&["-W", "max-memory-size=64KiB"], &["probe.wasm", "memory"]),
    ] {
        localmap()
            .arg("run")
            .args(options)
            .arg(guest("probe"))
            .arg("len")
            .run()
            .refused(words);
    }
}

#[test]
fn no_guest_at_all() {
    let finished = localmap().arg("run").run();
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("GUEST"), "{}", finished.stderr);
}
