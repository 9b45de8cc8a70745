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
