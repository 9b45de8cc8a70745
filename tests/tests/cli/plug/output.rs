//! The file that `plug` writes: what the name stands for, and what an existing file keeps.

use super::plug;
use localmap_tests::{Finished, guest, localmap};
use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn plug_to(output: impl AsRef<Path>) -> Finished {
    plug().arg("-o").arg(output.as_ref()).run()
}

/// Returns what `plug` writes.
fn component() -> Vec<u8> {
    let finished = plug().args(["-o", "-"]).run();
    finished.ok();
    finished.stdout
}

/// Asserts that the folder contains these names and nothing else.
fn contains(folder: &TempDir, names: &[&str]) {
    let entries = fs::read_dir(folder.path()).expect("it");
    let mut found: Vec<String> = entries
        .map(|entry| entry.expect("it").file_name().into_string().expect("UTF-8"))
        .collect();
    found.sort();
    assert_eq!(found, names);
}

#[test]
fn a_hyphen_is_standard_output() {
    let folder = folder();
    let app = guest("sessions");
    let mut command = localmap().into_command();
    let command = command.current_dir(folder.path());
    let output = command.arg("plug").arg(app).args(["-o", "-"]).output();
    let output = output.expect("it runs");
    assert!(output.status.success());
    assert!(output.stdout.starts_with(b"\0asm"));
    contains(&folder, &[]);
}

#[test]
fn a_new_file_has_the_mode_that_the_user_wants() {
    let folder = folder();
    let out = folder.path().join("out.wasm");
    let script = r#"umask 027; exec "$@""#;
    let program = localmap().into_command();
    let status = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(program.get_program())
        .arg("plug")
        .arg(guest("sessions"))
        .arg("-o")
        .arg(&out)
        .status();
    assert!(status.expect("it runs").success());
    assert_eq!(fs::metadata(&out).expect("it").mode() & 0o777, 0o640);
    assert_eq!(fs::read(&out).expect("it"), component());
    contains(&folder, &["out.wasm"]);
}

#[test]
fn an_existing_file_keeps_its_mode_its_links_and_its_identity() {
    let folder = folder();
    for before in ["short", &"long".repeat(1 << 20)] {
        let (out, link) = (folder.path().join("out.wasm"), folder.path().join("link"));
        fs::write(&out, before).expect("a file");
        fs::set_permissions(&out, Permissions::from_mode(0o600)).expect("a mode");
        fs::hard_link(&out, &link).expect("a link");
        let inode = fs::metadata(&out).expect("it").ino();
        plug_to(&out).ok();
        let after = fs::metadata(&out).expect("it");
        assert_eq!((after.mode() & 0o777, after.ino()), (0o600, inode));
        assert_eq!(fs::read(&link).expect("it"), component());
        fs::remove_file(link).expect("it");
    }
    contains(&folder, &["out.wasm"]);
}

#[test]
fn symbolic_links_are_followed_also_to_a_file_that_does_not_exist() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    symlink("second", path("first")).expect("a link");
    symlink("out.wasm", path("second")).expect("a link");
    for _ in ["new", "existing"] {
        plug_to(path("first")).ok();
        assert_eq!(fs::read(path("out.wasm")).expect("it"), component());
        for link in ["first", "second"] {
            let kind = fs::symlink_metadata(path(link)).expect("it");
            assert!(kind.is_symlink(), "{link}");
        }
    }
    symlink("circle", path("circle")).expect("a link");
    plug_to(path("circle")).refused(&["cannot write `", "circle"]);
    contains(&folder, &["circle", "first", "out.wasm", "second"]);
}

/// As with `/dev/stdout`, which this test does not touch: as root it could be replaced.
#[test]
fn a_link_to_standard_output_is_standard_output() {
    let folder = folder();
    let link = folder.path().join("o");
    symlink("/proc/self/fd/1", &link).expect("a link");
    if fs::metadata(&link).is_err() {
        return; // no /proc
    }
    let piped = plug_to(&link);
    piped.ok();
    assert_eq!(piped.stdout, component());

    let redirected = folder.path().join("redirected");
    fs::write(&redirected, "before ").expect("a file");
    let appended = File::options().append(true).open(&redirected);
    let mut command = plug().arg("-o").arg(&link).into_command();
    let status = command.stdout(appended.expect("it")).status();
    assert!(status.expect("it runs").success());
    let found = fs::read(&redirected).expect("it");
    assert_eq!(found, [&b"before "[..], &component()].concat());
    contains(&folder, &["o", "redirected"]);
}

#[test]
fn a_pipe_is_written_to_and_stays() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let read = thread::spawn({
        let pipe = pipe.clone();
        move || fs::read(pipe).expect("it is read")
    });
    plug_to(&pipe).ok();
    assert_eq!(read.join().expect("no panic"), component());
    contains(&folder, &["pipe"]);
}

#[test]
fn a_pipe_that_nobody_reads_ends_it_with_141() {
    let mut command = plug().args(["-o", "-"]).into_command();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(141));
    let mut stderr = String::new();
    let mut pipe = child.stderr.take().expect("a pipe");
    pipe.read_to_string(&mut stderr).expect("text");
    assert_eq!(stderr, "");
}

/// The limit on the size of files stands for a disk that is full. Its signal does not end the
/// program in the middle.
#[test]
fn without_room_an_existing_file_stays_and_a_new_one_does_not() {
    let folder = folder();
    let out = folder.path().join("out.wasm");
    let limited = |kib: &str| {
        let script = r#"ulimit -f "$1"; shift; exec "$@""#;
        let program = localmap().into_command();
        let output = Command::new("bash")
            .args(["-c", script, "bash", kib])
            .arg(program.get_program())
            .arg("plug")
            .arg(guest("sessions"))
            .arg("-o")
            .arg(&out)
            .env_remove("RUST_BACKTRACE")
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("cannot write `"), "{stderr}");
    };
    limited("64");
    contains(&folder, &[]);
    let before = b"before".repeat(10_000);
    fs::write(&out, &before).expect("a file");
    limited("64");
    assert_eq!(fs::read(&out).expect("it"), before);
}

#[test]
fn names_that_cannot_be_written_say_why() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("file"), "").expect("a file");
    for (output, words) in [
        (path(""), "it is a folder"),
        (path("file/out.wasm"), "Not a directory"),
        (path("no/out.wasm"), "No such file or directory"),
        (path("new/"), "Is a directory"),
        (path(&"n".repeat(300)), "too long"),
        ("/dev/full".into(), "No space left"),
    ] {
        plug_to(&output).refused(&["cannot write `", words]);
    }
    contains(&folder, &["file"]);
}
