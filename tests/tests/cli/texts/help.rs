//! The help of the program and of each command.

use localmap_tests::{Finished, localmap, snapshots};

fn help(args: &[&str]) -> String {
    // The width if the width of the terminal is unknown.
    let finished = localmap().env("COLUMNS", "100").args(args).run();
    let Finished { stderr, .. } = &finished;
    assert!(stderr.is_empty(), "{stderr}");
    finished.ok()
}

#[test]
fn help_texts() {
    snapshots("help", |snapshots| {
        snapshots.check("localmap.txt", &help(&["--help"]));
        snapshots.check("short.txt", &help(&["-h"]));
        for command in [
            "run", "serve", "sidecar", "mirror", "new", "shell", "inspect", "plug", "schema",
            "top", "doctor",
        ] {
            snapshots.check(&format!("{command}.txt"), &help(&[command, "--help"]));
        }
        for command in ["preload", "check", "show"] {
            let name = format!("schema-{command}.txt");
            snapshots.check(&name, &help(&["schema", command, "--help"]));
        }
    });
}
