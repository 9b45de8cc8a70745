//! `localmap new` makes guests that build, run and pass their test at once.

use localmap_tests::{Program, localmap, root};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Returns the program in a folder, with a target folder that all guests share and that is kept
/// from run to run.
fn localmap_in(folder: &Path) -> Program {
    localmap().in_folder(folder).env(
        "CARGO_TARGET_DIR",
        concat!(env!("CARGO_TARGET_TMPDIR"), "/new"),
    )
}

fn new_guest(folder: &Path, name: &str) -> String {
    localmap_in(folder).args(["new", name]).run().ok()
}

/// Runs `cargo` in a folder, independently of the `cargo` that runs this test.
fn cargo(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO"))
        .args(args)
        .current_dir(folder)
        .env(
            "CARGO_TARGET_DIR",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/new"),
        )
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTC_WRAPPER")
        .output()
        .expect("cargo")
}

fn well(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Uses the versions that the repository locks, so that nothing else must be downloaded.
fn lock(guest: &Path) {
    fs::copy(root().join("Cargo.lock"), guest.join("Cargo.lock")).expect("a file");
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    names.sort();
    names
}

#[test]
fn a_new_guest_builds_runs_and_passes_its_test() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = new_guest(folder.path(), "my-guests/tea_2");
    assert!(told.contains("localmap run my-guests/tea_2\n"), "{told}");
    let client = root().join("guest/client");
    assert!(told.contains(client.to_str().expect("UTF-8")), "{told}");
    let guest = folder.path().join("my-guests/tea_2");
    assert_eq!(
        names(&guest),
        [".gitignore", "Cargo.toml", "README.md", "src"]
    );
    lock(&guest);

    well(&cargo(&guest, &["build", "--target", "wasm32-wasip2"]));
    let tests = well(&cargo(&guest, &["test"]));
    assert!(tests.contains("test result: ok. 2 passed"), "{tests}");
    well(&cargo(&guest, &["fmt", "--check"]));

    // The command in its README, without the release profile, which would be another build.
    let readme = fs::read_to_string(guest.join("README.md")).expect("a README");
    let shown = readme.split("```text\n").nth(1).expect("an output");
    let shown = shown.split("```").next().expect("its end");
    assert!(readme.contains("printf 'tea\\ntea\\nmilk\\n' | localmap run .\n"));
    let run = localmap_in(folder.path())
        .args(["run", "--profile", "dev", "my-guests/tea_2"])
        .run_with(b"tea\ntea\nmilk\n");
    assert_eq!(run.ok(), shown);

    // A line too long for a key is reported, but is no reason to exit. Windows end by the clock.
    let long = "x".repeat(200);
    let input = format!("1000000000 a\n{long}\n1000000059 a\n1000000060 b\n");
    let run = localmap_in(&guest)
        .args(["run", "--profile", "dev", "--clock", "unix", "."])
        .run_with(input.as_bytes());
    let told = run.ok();
    assert!(
        told.ends_with("\n2 different lines, the last one: 1000000060 b\n"),
        "{told}"
    );
    assert!(
        run.stderr.contains(": the key has 206 bytes: shorten it"),
        "{}",
        run.stderr
    );
}

#[test]
fn one_that_answers_requests_builds_and_passes_its_test() {
    let folder = tempfile::tempdir().expect("a folder");
    let new = localmap_in(folder.path()).args(["new", "--http", "web"]);
    let told = new.run().ok();
    assert!(
        told.contains("localmap serve --map-scope server web\n"),
        "{told}"
    );
    let guest = folder.path().join("web");
    lock(&guest);
    well(&cargo(&guest, &["build", "--target", "wasm32-wasip2"]));
    let tests = well(&cargo(&guest, &["test"]));
    assert!(tests.contains("test result: ok. 2 passed"), "{tests}");
    well(&cargo(&guest, &["fmt", "--check"]));
    let built = concat!(
        env!("CARGO_TARGET_TMPDIR"),
        "/new/wasm32-wasip2/debug/web.wasm"
    );
    let told = localmap().args(["inspect", built]).run().ok();
    for part in [
        "localmap:core/local-map@0.1.0",
        "wasi:http/incoming-handler@0.2",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn one_for_wasi_0_3_builds_and_passes_its_test() {
    let folder = tempfile::tempdir().expect("a folder");
    for (args, name, step, export) in [
        (
            &[][..],
            "tea-3",
            " | localmap run tea-3\n",
            "wasi:cli/run@0.3",
        ),
        (
            &["--http"],
            "web-3",
            "localmap serve --map-scope server web-3\n",
            "wasi:http/handler@0.3",
        ),
    ] {
        let new = localmap_in(folder.path()).args(["new", "--wasi", "0.3", name]);
        let told = new.args(args).run().ok();
        assert!(told.contains(step), "{told}");
        let guest = folder.path().join(name);
        assert_eq!(
            names(&guest),
            [".gitignore", "Cargo.toml", "README.md", "src"]
        );
        lock(&guest);
        well(&cargo(&guest, &["build", "--target", "wasm32-wasip2"]));
        let tests = well(&cargo(&guest, &["test"]));
        assert!(tests.contains("test result: ok. 2 passed"), "{tests}");
        well(&cargo(&guest, &["fmt", "--check"]));
        // Its README names the file, which is that of a library.
        let file = format!("{}.wasm", name.replace('-', "_"));
        let readme = fs::read_to_string(guest.join("README.md")).expect("a README");
        assert!(
            readme.contains(&format!("wasip2/release/{file}`")),
            "{readme}"
        );
        let built = concat!(env!("CARGO_TARGET_TMPDIR"), "/new/wasm32-wasip2/debug");
        let built = Path::new(built).join(file);
        let told = localmap().arg("inspect").arg(built).run().ok();
        for part in ["localmap:core/local-map@0.1.0", export] {
            assert!(told.contains(part), "{told}");
        }
    }
    let readme = fs::read_to_string(folder.path().join("tea-3/README.md")).expect("a README");
    let shown = readme.split("```text\n").nth(1).expect("an output");
    let shown = shown.split("```").next().expect("its end");
    let run = localmap_in(folder.path())
        .args(["run", "--profile", "dev", "tea-3"])
        .run_with(b"tea\ntea\nmilk\n");
    assert_eq!(run.ok(), shown);
}

#[test]
fn one_in_python_has_the_module_the_contract_and_its_tool() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = localmap_in(folder.path())
        .args(["new", "--python", "my guests/9 lives"])
        .run()
        .ok();
    for step in [
        "    cd 'my guests/9 lives'\n",
        "    .venv/bin/pip install -r requirements.txt\n",
        " | localmap run .\n",
    ] {
        assert!(told.contains(step), "{told}");
    }
    let guest = folder.path().join("my guests/9 lives");
    let files = [
        ".gitignore",
        "README.md",
        "app.py",
        "localmap.py",
        "requirements.txt",
        "wit",
    ];
    assert_eq!(names(&guest), files);
    let same = |file: &str, original: &str| {
        let read = |path: &Path| fs::read_to_string(path).expect("a file");
        assert_eq!(read(&guest.join(file)), read(&root().join(original)));
    };
    same("localmap.py", "guest/python/localmap.py");
    same("requirements.txt", "guest/examples/python/requirements.txt");
    let readme = fs::read_to_string(guest.join("README.md")).expect("a file");
    assert!(readme.starts_with("# 9 lives\n"), "{readme}");

    assert_eq!(imports(&guest), [localmap::names::LOCAL_MAP]);

    let new = |args: &[&str]| localmap_in(folder.path()).arg("new").args(args).run();
    new(&["--python", "my guests/9 lives"])
        .refused(&["cannot create a guest in `my guests/9 lives`", "not empty"]);
    new(&["--python", "--http", "web"]).refused(&["--python --http", "add --wasi 0.3"]);
    new(&["--python", "--wasi", "0.3", "web"]).refused(&["add --http", "leave out --wasi"]);
    assert_eq!(names(folder.path()), ["my guests"]);
}

/// Returns the imports of the world in the folder `wit` of a guest, which can be parsed.
fn imports(guest: &Path) -> Vec<String> {
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir(guest.join("wit")).expect("WIT");
    let world = resolve.select_world(&[package], None).expect("a world");
    let imports = resolve.worlds[world].imports.keys();
    imports.map(|key| resolve.name_world_key(key)).collect()
}

#[test]
fn one_in_python_for_wasi_0_3_answers_requests() {
    let folder = tempfile::tempdir().expect("a folder");
    let new = |args: &[&str]| localmap_in(folder.path()).arg("new").args(args).run();
    let told = new(&["--python", "--http", "--wasi", "0.3", "web"]).ok();
    assert!(
        told.ends_with("    localmap serve --map-scope server .\n"),
        "{told}"
    );
    let guest = folder.path().join("web");
    let imports = imports(&guest);
    assert_eq!(
        imports,
        [localmap::names::LOCAL_MAP, "wasi:http/types@0.3.0"]
    );
    let app = fs::read_to_string(guest.join("app.py")).expect("a file");
    assert!(app.contains("async def handle"), "{app}");
}

#[test]
fn one_in_javascript_is_for_wasi_0_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let new = |args: &[&str]| localmap_in(folder.path()).arg("new").args(args).run();
    new(&["--javascript", "--wasi", "0.3", "web"]).refused(&["--wasi 0.3", "--python --http"]);
    new(&["--javascript", "--http", "web"]).refused(&["--http", "wasi:http/incoming-handler"]);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn inside_of_a_workspace_it_is_a_member_or_one_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let around = "[workspace]\nresolver = \"3\"\nmembers = [\"guests/*\"]\n";
    fs::write(folder.path().join("Cargo.toml"), around).expect("a file");
    for (name, own) in [("apart", true), ("guests/member", false)] {
        new_guest(folder.path(), name);
        let guest = folder.path().join(name);
        let manifest = fs::read_to_string(guest.join("Cargo.toml")).expect("a manifest");
        assert_eq!(manifest.contains("\n[workspace]\n"), own, "{manifest}");
        let args = ["metadata", "--no-deps", "--offline", "--format-version=1"];
        let metadata = well(&cargo(&guest, &args));
        let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("JSON");
        let workspace = if own { &guest } else { folder.path() };
        let workspace = workspace.canonicalize().expect("it is there");
        assert_eq!(metadata["workspace_root"].as_str(), workspace.to_str());
    }
    let after = fs::read_to_string(folder.path().join("Cargo.toml")).expect("a file");
    assert_eq!(after, around);
}

#[test]
fn the_client_can_be_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = folder.path().join("a \"client\"");
    fs::create_dir(&other).expect("a folder");
    let new = |name: &str| {
        localmap_in(folder.path())
            .args(["new", "--client", "a \"client\"", name])
            .run()
    };
    new("none").refused(&["--client `a \"client\"`", "guest/client"]);
    fs::write(
        other.join("Cargo.toml"),
        "[package]\nname = \"localmap-client\"\n",
    )
    .expect("a file");
    new("one").ok();
    let manifest = fs::read_to_string(folder.path().join("one/Cargo.toml")).expect("a manifest");
    assert!(manifest.contains("/a \\\"client\\\"\" }"), "{manifest}");
}

#[test]
fn existing_files_are_not_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("full")).expect("a folder");
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    fs::write(folder.path().join("full/note"), "mine").expect("a file");
    fs::write(folder.path().join("file"), "mine").expect("a file");
    let new = |name: &str| localmap_in(folder.path()).args(["new", name]).run();
    new("full").refused(&[
        "cannot create a guest crate in `full`",
        "not empty",
        "choose another",
    ]);
    new("file").refused(&["`file`", "not a folder"]);
    new("file/below").refused(&["`file/below`", "cannot create the folder"]);
    new("..").refused(&["`..`", "--name"]);
    new("empty").ok();
    assert_eq!(names(folder.path()), ["empty", "file", "full"]);
    assert_eq!(names(&folder.path().join("full")), ["note"]);
    assert_eq!(
        fs::read(folder.path().join("file")).ok().as_deref(),
        Some(&b"mine"[..])
    );
}

#[test]
fn a_name_that_a_crate_cannot_have_makes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let new = |args: &[&str]| localmap_in(folder.path()).arg("new").args(args).run();
    for name in ["9lives", "fn", "tee sorten", "localmap-client"] {
        new(&[name]).refused(&[&format!("the name `{name}`"), "--name"]);
    }
    new(&["--name", "a.b", "fine"]).refused(&["the name `a.b`"]);
    assert!(names(folder.path()).is_empty());
    new(&["--name", "cats", "9lives"]).ok();
    let manifest = fs::read_to_string(folder.path().join("9lives/Cargo.toml")).expect("a file");
    assert!(manifest.contains("name = \"cats\"") && manifest.contains("\"component:cats\""));
}

/// Files cannot be written, as on a full disk.
#[cfg(unix)]
#[test]
fn nothing_is_left_after_a_failure_half_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = localmap().into_command();
    let script = format!(
        "ulimit -f 0; exec '{}' new a/b",
        program.get_program().to_string_lossy()
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .output()
        .expect("bash");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("cannot write `"), "{errors}");
    assert!(names(folder.path()).is_empty());
}
