//! Guests given as the folder of their crate.

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
    std::fs::write(folder.path().join("src/main.rs"), "fn main() { nonsense }").expect("a file");
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

#[test]
fn of_a_workspace_are_refused_before_all_of_it_is_built() {
    let path = localmap_tests::root();
    let path = path.to_str().expect("UTF-8");
    let finished = localmap().args(["run", path]).run();
    finished.refused(&["cannot build the guest in `", "[package]", "workspace"]);
}

/// A crate whose binaries print their names.
fn crate_with(bins: &[&str], package: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, text).expect("a file");
    };
    let manifest = format!(
        "[package] # one guest\nname = \"several\"\nedition = \"2024\"\n{package}[workspace]\n"
    );
    write("Cargo.toml", &manifest);
    for bin in bins {
        let source = format!("fn main() {{ println!(\"{bin}\"); }}");
        write(&format!("src/bin/{bin}.rs"), &source);
    }
    folder
}

#[test]
fn with_several_binaries_have_one_that_is_the_guest() {
    let folder = crate_with(&["one", "two"], "");
    let run = |options: &[&str]| localmap().arg("run").args(options).arg(folder.path()).run();
    run(&[]).refused(&["--bin NAME", "default-run", "one, two"]);
    assert_eq!(run(&["--bin", "two"]).ok(), "two\n");
    run(&["--bin", "six"]).refused(&["no binary `six`", "one, two"]);

    let folder = crate_with(&["one", "two"], "default-run = \"one\"\n");
    let run = |options: &[&str]| localmap().arg("run").args(options).arg(folder.path()).run();
    assert_eq!(run(&[]).ok(), "one\n");
    assert_eq!(run(&["--bin", "two"]).ok(), "two\n");

    let file = guest("probe");
    let finished = localmap().args(["run", "--bin", "two"]).arg(file).run();
    finished.refused(&["--bin is for crates", "component file"]);
}

/// The variables that Cargo sets for the program that it runs do not reach the guest's build.
#[test]
fn are_built_with_the_toolchain_that_they_name() {
    let folder = crate_with(&["one"], "");
    let file = folder.path().join("rust-toolchain.toml");
    let run = || {
        localmap()
            .arg("run")
            .arg(folder.path())
            .env("CARGO_PKG_NAME", "outer")
            .env("CARGO", "/no/such/cargo")
            .env("RUSTUP_TOOLCHAIN", "no-such-toolchain")
            .run()
    };
    assert_eq!(run().ok(), "one\n");
    std::fs::write(&file, "[toolchain]\nchannel = \"no-such-channel\"\n").expect("a file");
    let finished = run();
    finished.refused(&["cannot build the guest in `", "no-such-channel"]);
}

/// As when the terminal sends Ctrl-C to all programs in the foreground.
#[cfg(unix)]
#[test]
fn whose_build_is_interrupted_end_with_130_and_nothing_more() {
    let folder = crate_with(&["one"], "");
    let script = r#"
        use std::os::unix::process::parent_id;
        fn main() {
            let cargo = parent_id();
            let kill = std::process::Command::new("kill").args(["-INT", &cargo.to_string()]).status();
            assert!(kill.unwrap().success());
            // It ends at once, unless it was started with the signal ignored.
            for _ in 0..6_000 {
                if parent_id() != cargo {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
    "#;
    std::fs::write(folder.path().join("build.rs"), script).expect("a file");
    for args in [&["run"][..], &["plug", "-o", "-"], &["serve"]] {
        let finished = localmap().args(args).arg(folder.path()).run();
        assert_eq!(finished.code, Some(130), "{finished:?}");
        assert!(!finished.stderr.contains("Error: "), "{finished:?}");
    }
}
