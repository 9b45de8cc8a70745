//! Guests given as a folder with an app in Python. Here a script takes the place of componentize-py,
//! which `tests/interop` installs.

#![cfg(unix)]

use super::*;
use localmap_tests::{Finished, root};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Records its call and its environment in `calls`, and builds the guest `probe`.
const TOOL: &str = r#"#!/bin/sh
echo "$* env=${VIRTUAL_ENV:-none} backtrace=${RUST_BACKTRACE:-none}" >> calls
echo "printed by the app"
if grep -q nonsense app.py; then
    echo "NameError: name 'nonsense' is not defined" >&2
    exit 1
fi
cp "$PROBE" "$7"
"#;

/// A folder with a guest.
struct Guest(tempfile::TempDir);

impl Guest {
    fn new() -> Self {
        let guest = Self(tempfile::tempdir().expect("a folder"));
        guest.write("app.py", "");
        guest.write("wit/world.wit", "");
        guest
    }

    /// Returns one with the tool in its virtual environment.
    fn with_tool() -> Self {
        let guest = Self::new();
        executable(&guest.write(".venv/bin/componentize-py", TOOL));
        guest
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    fn run(&self, program: Program) -> Finished {
        let probe = guest("probe");
        program
            .env("PROBE", probe.to_str().expect("UTF-8"))
            .env("VIRTUAL_ENV", "another")
            .env("RUST_BACKTRACE", "1")
            .arg("run")
            .arg(self.0.path())
            .arg("len")
            .run()
    }

    /// Returns the calls of the tool so far.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.0.path().join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }
}

fn executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permissions");
}

#[test]
fn are_built_with_the_tool_in_their_environment() {
    let guest = Guest::with_tool();
    let finished = guest.run(localmap());
    assert_eq!(finished.ok(), "0\n");
    // What the app prints while it is built is not the output of the guest.
    assert!(
        finished.stderr.contains("Building `"),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stderr.contains("printed by the app"),
        "{}",
        finished.stderr
    );
    let calls = guest.calls();
    let environment = guest.0.path().join(".venv");
    let call = "--quiet --wit-path wit componentize app --output";
    assert!(calls[0].starts_with(call), "{calls:?}");
    let told = format!(" env={} backtrace=none", environment.display());
    assert!(calls[0].ends_with(&told), "{calls:?}");
    let mut built: Vec<_> = fs::read_dir(guest.0.path().join("build"))
        .expect("the folder of what was built")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    built.sort();
    assert_eq!(built, ["app.inputs", "app.wasm"]);
}

#[test]
fn are_built_again_only_after_a_change() {
    let guest = Guest::with_tool();
    let unchanged = |why: &str| {
        let before = guest.calls().len();
        let finished = guest.run(localmap());
        assert_eq!(finished.ok(), "0\n");
        assert_eq!(guest.calls().len(), before, "{why}");
        assert_eq!(finished.stderr, "");
    };
    let changed = |why: &str| {
        let before = guest.calls().len();
        guest.run(localmap()).ok();
        assert_eq!(guest.calls().len(), before + 1, "{why}");
        unchanged(why);
    };
    changed("never built");
    guest.write("access.log", "a log");
    guest.write("__pycache__/app.py", "");
    guest.write(".git/hook.py", "");
    guest.write("env/pyvenv.cfg", "");
    guest.write("env/lib/module.py", "");
    unchanged("other files");
    guest.write("app.py", "import words");
    changed("another app");
    let module = guest.write("more/words.py", "x");
    changed("another module");
    fs::remove_file(module).expect("a file");
    changed("a module less");
    guest.write("wit/deps/other/other.wit", "");
    changed("another dependency of the world");
    guest.write("requirements.txt", "componentize-py==0.25.1");
    changed("another requirement");
    guest.write(".venv/lib/python3.12/site-packages/words/__init__.py", "");
    changed("another package");
    fs::remove_file(guest.0.path().join("build/app.wasm")).expect("a file");
    changed("nothing that is built");
    let before = guest.calls().len();
    let program = localmap().in_folder(guest.0.path());
    assert_eq!(program.args(["run", ".", "len"]).run().ok(), "0\n");
    assert_eq!(guest.calls().len(), before, "another name of the folder");
    std::os::unix::fs::symlink(guest.0.path(), guest.0.path().join("wit/circle")).expect("a link");
    unchanged("a circle of links");
}

#[test]
fn that_do_not_build_say_so_and_do_not_run_as_they_were() {
    let guest = Guest::with_tool();
    guest.run(localmap()).ok();
    guest.write("app.py", "nonsense");
    for _ in 0..2 {
        let finished = guest.run(localmap());
        finished.refused(&[
            "NameError: name 'nonsense' is not defined",
            "cannot build the guest in `",
            "`componentize-py` failed (exit status: 1)",
        ]);
        assert_eq!(finished.text(), "");
    }
    guest.write("app.py", "");
    assert_eq!(guest.run(localmap()).ok(), "0\n");
}

#[test]
fn need_a_tool_which_is_named_if_it_is_missing() {
    let guest = Guest::new();
    // The path has a Python, but no componentize-py.
    let path = guest.0.path().join("bin");
    executable(&guest.write("bin/python3", ""));
    let without = || localmap().env("PATH", path.to_str().expect("UTF-8"));
    let install = "`.venv/bin/pip install componentize-py==";
    let create = "`python3 -m venv .venv` and ";
    guest.run(without()).refused(&[
        "componentize-py is not installed; in that folder, run ",
        create,
        install,
    ]);
    guest.write("requirements.txt", "componentize-py==0.25.1\n");
    let install = "`.venv/bin/pip install -r requirements.txt`";
    guest.run(without()).refused(&[create, install]);
    guest.write(".venv/bin/pip", "");
    let finished = guest.run(without());
    finished.refused(&["in that folder, run ", install]);
    assert!(!finished.stderr.contains(create), "{}", finished.stderr);
    let nothing = || localmap().env("PATH", "/nowhere");
    fs::remove_file(guest.0.path().join(".venv/bin/pip")).expect("a file");
    guest
        .run(nothing())
        .refused(&[create, "that needs Python 3.10 or newer"]);

    // A tool on the path will do, in the environment that is active.
    executable(&guest.write("bin/componentize-py", TOOL));
    let both = format!("{}:/usr/bin:/bin", path.display());
    guest.run(localmap().env("PATH", &both)).ok();
    assert!(
        guest.calls()[0].contains(" env=another "),
        "{:?}",
        guest.calls()
    );

    // The path may have folders that are relative to the one in which the program runs.
    let folder = guest.0.path();
    let name = folder.file_name().expect("a name").to_string_lossy();
    let parent = folder.parent().expect("a parent");
    let relative = format!("{name}/bin:/usr/bin:/bin");
    guest.write("app.py", "# changed");
    guest
        .run(localmap().in_folder(parent).env("PATH", &relative))
        .ok();
    assert_eq!(guest.calls().len(), 2);
}

#[test]
fn whose_environment_was_moved_are_told_what_to_do() {
    let guest = Guest::new();
    let tool = guest.write(".venv/bin/componentize-py", "#!/no/such/python3\n");
    executable(&tool);
    guest.run(localmap()).refused(&[
        "cannot start `",
        ".venv/bin/componentize-py`",
        "delete its folder .venv and create it again",
    ]);
}

#[test]
fn need_a_world_and_no_option_of_crates() {
    let guest = Guest::with_tool();
    let path = guest.0.path().to_owned();
    localmap()
        .args(["run", "--with-cargo-component"])
        .arg(&path)
        .run()
        .refused(&["--with-cargo-component is for crates"]);
    fs::remove_dir_all(path.join("wit")).expect("a folder");
    guest
        .run(localmap())
        .refused(&["no folder wit", "localmap new --python"]);
}

#[test]
fn the_version_that_is_named_is_the_tested_one() {
    let example = root().join("guest/examples/python/requirements.txt");
    let pinned = fs::read_to_string(example).expect("a file");
    let guest = Guest::new();
    let wanted = format!("pip install {}`", pinned.trim());
    guest
        .run(localmap().env("PATH", "/nowhere"))
        .refused(&[&wanted]);
}
