//! Finds the programs of other toolchains.

use std::env;
use std::path::PathBuf;

/// Returns the file name of a program.
pub(super) fn program(name: &str) -> String {
    format!("{name}{}", env::consts::EXE_SUFFIX)
}

/// Returns the absolute path of the first program of this name in a folder of the search path, which
/// may be relative. The program can be started in any folder.
pub(super) fn on_the_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program(name)))
        .find(|program| program.is_file())
        .and_then(|program| std::path::absolute(program).ok())
}
