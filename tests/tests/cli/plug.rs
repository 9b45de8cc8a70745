//! `localmap plug`: where the component goes, what it may be made of, and what its map has.

mod entries;
#[cfg(unix)]
mod output;

use localmap_tests::{Program, guest, localmap};

/// Returns a run of `plug` for `sessions`.
fn plug() -> Program {
    localmap().arg("plug").arg(guest("sessions"))
}

/// The folder is built as `run` does it.
#[test]
fn takes_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("limiter.wasm");
    let finished = localmap()
        .args(["plug", "guest/examples/limiter", "-o"])
        .arg(&out)
        .run();
    finished.ok();
    let run = localmap()
        .arg("run")
        .arg(&out)
        .args(["--limit", "1", "--window", "1h"]);
    let finished = run.run_with(b"a\na\nb\n");
    assert_eq!(finished.ok(), "2\nlines=3 allowed=2 limited=1\n");
    let missing = folder.path().to_str().expect("UTF-8");
    let finished = localmap().args(["plug", missing, "-o", "-"]).run();
    finished.refused(&["cannot build the guest in `", missing, "Cargo.toml"]);
}
