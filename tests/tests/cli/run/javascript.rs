//! `localmap new --javascript` and the build of a folder in JavaScript. A script stands in for jco and
//! copies a guest that is built already: `just interop javascript` builds with the real one.

#![cfg(unix)]

use localmap_tests::{Program, guest, localmap, root};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

const MANIFEST: &str = r#"{"main":"app.js","devDependencies":{"@bytecodealliance/jco":"1.35.0"}}"#;

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("its folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn script(path: &Path, text: &str) {
    write(path, &format!("#!/bin/sh\n{text}\n"));
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("its mode");
}

/// Returns a folder of a guest, and next to it a folder `bin` with a Node.
fn new_guest() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    script(&folder.path().join("bin/node"), "");
    let guest = folder.path().join("hits");
    write(&guest.join("package.json"), MANIFEST);
    write(&guest.join("app.js"), "");
    write(&guest.join("wit/world.wit"), "package a:b; world guest {}");
    folder
}

/// Installs a jco that writes its arguments into `log` and does what `then` says with the path of its
/// output, `$out`.
fn install(folder: &Path, then: &str) {
    let jco = folder.join("hits/node_modules/.bin/jco");
    let log = folder.join("log");
    let text = format!(
        "echo \"$@\" >> '{}'\nwhile [ $# -gt 0 ]; do [ \"$1\" = --out ] && out=$2; shift; done\n{then}",
        log.display()
    );
    script(&jco, &text);
}

fn copies() -> String {
    format!("cp '{}' \"$out\"", guest("limiter").display())
}

/// Returns a run in `folder`, with only its Node on the path.
fn localmap_in(folder: &Path) -> Program {
    let path = format!("{}:/bin:/usr/bin", folder.join("bin").display());
    localmap().in_folder(folder).env("PATH", &path)
}

fn builds(folder: &Path) -> Vec<String> {
    let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
    log.lines().map(str::to_owned).collect()
}

#[test]
fn a_new_folder_has_all_that_its_toolchain_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let new = localmap()
        .in_folder(folder.path())
        .args(["new", "--javascript", "my guests"]);
    let told = new.run().ok();
    assert!(told.contains("cd 'my guests'\n    npm install\n"), "{told}");
    let guest = folder.path().join("my guests");
    let read = |file: &str| fs::read_to_string(guest.join(file)).expect(file);
    let client = root().join("guest/javascript");
    for file in ["localmap.js", "localmap.d.ts"] {
        assert_eq!(
            read(file),
            fs::read_to_string(client.join(file)).expect(file)
        );
    }
    // Its world can be parsed, and imports the contract of this version.
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir(guest.join("wit")).expect("WIT");
    let world = resolve.select_world(&[package], None).expect("a world");
    let imports: Vec<String> = resolve.worlds[world]
        .imports
        .keys()
        .map(|key| resolve.name_world_key(key))
        .collect();
    for import in [localmap::names::LOCAL_MAP, "wasi:cli/stdin@0.2.0"] {
        assert!(imports.iter().any(|found| found == import), "{imports:?}");
    }
    assert!(read("README.md").starts_with("# my guests\n"));
    assert!(read("app.js").contains("from './localmap.js'"));

    // Nothing is installed yet, so running it says what to do.
    let run = localmap()
        .in_folder(folder.path())
        .args(["run", "my guests"]);
    let failed = run.run();
    assert!(
        failed.stderr.contains("run `npm install`"),
        "{}",
        failed.stderr
    );
}

#[test]
fn other_options_of_new_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for (option, told) in [
        ("--http", "wasi:http/incoming-handler"),
        ("--python", "cannot be used with"),
        ("--name=x", "cannot be used with"),
        ("--client=x", "cannot be used with"),
    ] {
        let run = localmap()
            .in_folder(folder.path())
            .args(["new", "--javascript", "hits", option]);
        let failed = run.run();
        assert!(failed.stderr.contains(told), "{}", failed.stderr);
        assert!(!folder.path().join("hits").exists());
    }
}

#[test]
fn a_folder_is_built_once_and_again_after_each_change() {
    let folder = new_guest();
    let guest = folder.path().join("hits");
    install(folder.path(), &copies());
    let run = || {
        let run =
            localmap_in(folder.path()).args(["run", "hits", "--limit", "1", "--window", "1h"]);
        run.run_with(b"tea\ntea\n").ok()
    };
    let mut expected = 0;
    let mut is_built = |because: &str, again: bool| {
        assert_eq!(run(), "2\nlines=2 allowed=1 limited=1\n");
        expected += usize::from(again);
        assert_eq!(builds(folder.path()).len(), expected, "{because}");
    };
    is_built("it is new", true);
    is_built("nothing has changed", false);
    write(&guest.join("app.js"), "// longer");
    is_built("the module has changed", true);
    write(&guest.join("lib/part.ts"), "");
    is_built("a module is new", true);
    write(&guest.join("wit/world.wit"), "package a:b; world other {}");
    is_built("the world has changed", true);
    write(&guest.join("node_modules/.package-lock.json"), "{}");
    is_built("a package was installed", true);
    write(&guest.join("node_modules/other/index.js"), "");
    write(&guest.join("notes.txt"), "");
    is_built("no input has changed", false);
    fs::remove_file(guest.join("build/app.wasm")).expect("the component");
    is_built("the component is gone", true);

    let first = builds(folder.path()).swap_remove(0);
    assert!(
        first.starts_with("componentize app.js --bundle --wit wit --out /"),
        "{first}"
    );
    // A command does not need the engine's imports of wasi:http, and a guest that answers requests does.
    assert!(first.ends_with(" --disable http fetch-event"), "{first}");
    let http = "package a:b; world guest { export wasi:http/incoming-handler@0.2.0; }";
    write(&guest.join("wit/world.wit"), http);
    is_built("the world has changed", true);
    let last = builds(folder.path()).pop().expect("a build");
    assert!(!last.contains("--disable"), "{last}");
}

#[test]
fn what_is_missing_is_named_with_the_command_that_adds_it() {
    let told = |change: &dyn Fn(&Path)| {
        let folder = new_guest();
        install(folder.path(), "exit 1");
        change(&folder.path().join("hits"));
        let run = localmap_in(folder.path())
            .env("PATH", &folder.path().join("bin").display().to_string())
            .args(["run", "hits"])
            .run();
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        run.stderr
    };
    let manifest =
        |text: &'static str| move |guest: &Path| write(&guest.join("package.json"), text);
    let no_jco = |guest: &Path| fs::remove_dir_all(guest.join("node_modules")).expect("a folder");
    for (change, parts) in [
        (&no_jco as &dyn Fn(&Path), &["jco", "run `npm install`"][..]),
        (
            &|guest: &Path| {
                no_jco(guest);
                manifest(r#"{"main":"app.js"}"#)(guest);
            },
            &["\"@bytecodealliance/jco\": \"1.35.0\"", "overrides"],
        ),
        (
            &|guest: &Path| fs::remove_file(guest.join("../bin/node")).expect("a file"),
            &["Node is not installed", "https://nodejs.org"],
        ),
        (&manifest("{}"), &["add \"main\": \"app.js\""]),
        (&manifest(r#"{"main":7}"#), &["add \"main\": \"app.js\""]),
        (&manifest(r#"{"main":"no.js"}"#), &["there is no `no.js`"]),
        (&manifest("{"), &["cannot read its package.json", "line 1"]),
        (&manifest(""), &["cannot read its package.json"]),
        (
            &|guest: &Path| fs::remove_dir_all(guest.join("wit")).expect("a folder"),
            &["no folder wit", "localmap new --javascript"],
        ),
    ] {
        let told = told(change);
        for part in parts {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}

#[test]
fn a_failed_build_prints_what_jco_prints_and_a_fix_for_known_versions() {
    let folder = new_guest();
    install(folder.path(), "echo to-stdout; echo to-stderr >&2; exit 3");
    let package = |name: &str, version: &str| {
        let file = format!("hits/node_modules/@bytecodealliance/{name}/package.json");
        write(
            &folder.path().join(file),
            &format!(r#"{{"version":"{version}"}}"#),
        );
    };
    let told = || {
        localmap_in(folder.path())
            .args(["run", "hits"])
            .run()
            .stderr
    };
    let plain = told();
    for part in ["to-stdout", "to-stderr", "`jco` failed (exit status: 3)"] {
        assert!(plain.contains(part), "{part}: {plain}");
    }
    package("jco", "1.24.6");
    package("preview2-shim", "0.17.9");
    let old = told();
    assert!(
        old.contains("it is version 1.24.6") && old.contains("jco@1.35.0"),
        "{old}"
    );
    package("jco", "1.35.0");
    package("preview2-shim", "0.26.1");
    let shim = told();
    assert!(
        shim.contains("preview2-shim 0.26.1: add `\"overrides\""),
        "{shim}"
    );
    package("preview2-shim", "0.26.0");
    assert!(!told().contains("overrides"));

    // It leaves no component that looks like a built one.
    let left: Vec<_> = fs::read_dir(folder.path().join("hits/build"))
        .map(|entries| entries.flatten().map(|entry| entry.file_name()).collect())
        .unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}
