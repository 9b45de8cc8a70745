//! The complete output of the program, in `tests/snapshots`, so that reviewers see each change of
//! a text. `BLESS=1` rewrites the files.

mod errors;
mod help;
mod inspect;
mod log;
mod sessions;

use localmap_tests::{guest, localmap, root, stable};
use std::path::Path;
use tempfile::TempDir;

/// A folder in which the program runs, so that its output contains no path of this machine.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Adds the built guests with these names.
    fn guests(self, names: &[&str]) -> Self {
        for name in names {
            let to = self.path().join(format!("{name}.wasm"));
            std::fs::copy(guest(name), to).expect("a copy");
        }
        self
    }

    /// Adds the components that the library embeds.
    fn embedded(self) -> Self {
        for name in ["map.wasm", "keyvalue.wasm"] {
            let from = root().join("host/localmap/src/artifact").join(name);
            std::fs::copy(from, self.path().join(name)).expect("a copy");
        }
        self
    }

    fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path().join(name), bytes).expect("a file");
        self
    }

    /// Adds a component or a module, from its text.
    fn wat(self, name: &str, text: &str) -> Self {
        self.file(name, wat::parse_str(text).expect("valid text"))
    }

    /// Runs a command line. Returns it with everything that it printed.
    fn shown(&self, line: &str) -> String {
        let finished = localmap()
            .in_folder(self.path())
            .args(line.split_whitespace())
            // Users see no stack of the program, whatever they set for their own.
            .env("RUST_BACKTRACE", "1")
            .run();
        let mut shown = format!("$ localmap {line}\n");
        shown += &finished.text();
        shown += &finished.stderr;
        if finished.code != Some(0) {
            let code = finished
                .code
                .map_or("none".to_owned(), |code| code.to_string());
            shown += &format!("(exit code {code})\n");
        }
        let folder = self.path().canonicalize().expect("it is there");
        stable(&shown.replace(&folder.display().to_string(), "FOLDER"))
    }

    /// Does the same for several command lines, separated by empty lines.
    fn all_shown(&self, lines: &[&str]) -> String {
        let shown: Vec<String> = lines.iter().map(|line| self.shown(line)).collect();
        shown.join("\n")
    }
}
