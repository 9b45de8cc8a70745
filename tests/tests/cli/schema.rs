//! `localmap schema`: preload, check and show, and the schemas of `run` and `serve`.

mod crash;
mod folders;
mod guests;
mod show;

use localmap_tests::{Finished, Program, localmap};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A schema that serves the versions 5 to 7.
pub(super) const SCHEMA: &str = r#"format = 1
version = { min = 5, max = 7 }

[limits]
max-entries = 100

[[prefix]]
prefix = "session:"
type = "utf-8"
max-value = "4KiB"
max-ttl = "1h"

[[prefix]]
prefix = "hits:"
type = "counter"

[[entry]]
key = "session:demo"
value = "alice"

[[entry]]
key = "hits:total"
value = 5
"#;

/// A folder with a schema file, and an empty folder `dest` for it.
pub(super) struct Place {
    folder: TempDir,
}

impl Place {
    pub(super) fn new(schema: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("schema.toml"), schema).expect("a file");
        fs::create_dir(folder.path().join("dest")).expect("a folder");
        Self { folder }
    }

    /// A place whose schema has been preloaded.
    pub(super) fn preloaded(schema: &str) -> Self {
        let place = Self::new(schema);
        place.preload(&[]).ok();
        place
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn dest(&self) -> PathBuf {
        self.path().join("dest")
    }

    /// The file in `dest`.
    pub(super) fn file(&self) -> PathBuf {
        self.dest().join("localmap-schema")
    }

    pub(super) fn program(&self) -> Program {
        localmap().in_folder(self.path())
    }

    pub(super) fn preload(&self, options: &[&str]) -> Finished {
        let program = self.program().args(["schema", "preload"]);
        program.args(options).args(["schema.toml", "dest"]).run()
    }

    pub(super) fn check(&self, options: &[&str]) -> Finished {
        self.program()
            .args(["schema", "check"])
            .args(options)
            .arg("dest")
            .run()
    }
}
