//! Preloads into folders and checks there: what is accepted, what is refused, and with which words.

use super::{Place, SCHEMA};
use localmap_schema::Digest;
use localmap_tests::localmap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::{Command, Stdio};

#[test]
fn what_was_preloaded_passes_the_check() {
    let place = Place::new(SCHEMA);
    let digest = Digest::of(SCHEMA.as_bytes());
    let summary = format!("version 5..7, 2 prefixes, 2 entries, sha256 {digest}\n");
    let first = place.preload(&[]).ok();
    assert_eq!(first, format!("dest/localmap-schema: written, {summary}"));
    let again = place.preload(&["--sha256", &digest.to_string()]).ok();
    assert_eq!(again, format!("dest/localmap-schema: unchanged, {summary}"));
    let checked = place
        .check(&["--schema-version", "7..9", "--sha256", &digest.to_string()])
        .ok();
    assert_eq!(checked, format!("dest: {summary}"));
    // A schema that is still to be preloaded is checked in the same way.
    let file = place
        .program()
        .args(["schema", "check", "schema.toml"])
        .run()
        .ok();
    assert_eq!(file, format!("schema.toml: {summary}"));
}

#[test]
fn a_schema_comes_from_standard_input_too() {
    let place = Place::new(SCHEMA);
    let preload = || place.program().args(["schema", "preload", "-", "dest"]);
    preload().run_with(SCHEMA.as_bytes()).ok();
    assert_eq!(place.check(&[]).code, Some(0));
    let text = "cannot use the schema from the standard input";
    preload()
        .run_with(b"")
        .refused(&[text, "the file is empty"]);
    preload()
        .run_with(&SCHEMA.as_bytes()[..85])
        .refused(&[text, "line 8, column 4: "]);
    // An endless input is read up to the limit.
    let preload = preload()
        .into_command()
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut preload = preload.expect("the program");
    let zeros = fs::File::open("/dev/zero").expect("zeros");
    let mut input = preload.stdin.take().expect("a pipe");
    let sent = std::io::copy(&mut &zeros, &mut input).expect_err("it is closed");
    assert_eq!(sent.kind(), std::io::ErrorKind::BrokenPipe);
    drop(input);
    let output = preload.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("is larger than 1MiB: raise `--max-size`"),
        "{said}"
    );
    assert_eq!(place.check(&[]).code, Some(0));
}

#[test]
fn a_check_says_what_is_wrong_and_what_to_do() {
    let place = Place::new(SCHEMA);
    let missing = "the schema is missing: there is no `localmap-schema` in dest. Run `localmap schema \
                   preload SRC dest` first";
    place.check(&[]).refused(&[missing]);
    place.preload(&[]).ok();
    let newer = "the schema in dest is newer: it serves version 5..7, but 4 is required";
    place.check(&["--schema-version", "4"]).refused(&[newer]);
    let older = "the schema in dest is older: it serves version 5..7, but 8.. is required: preload a \
                 newer schema";
    place.check(&["--schema-version", "8.."]).refused(&[older]);
    let other = "0".repeat(64);
    place
        .check(&["--sha256", &other])
        .refused(&["the schema in dest has the sha256 ", &other]);

    let whole = fs::read(place.file()).expect("a file");
    let mut changed = whole.clone();
    *changed.last_mut().expect("a byte") ^= 1;
    for bytes in [&whole[..200], &changed, b"", SCHEMA.as_bytes()] {
        fs::write(place.file(), bytes).expect("a file");
        place.check(&[]).refused(&[
            "the schema in dest is damaged: it",
            "Run `localmap schema preload` again",
        ]);
    }
    // Another run mends it.
    place.preload(&[]).ok();
    assert_eq!(place.check(&[]).code, Some(0));

    fs::remove_file(place.file()).expect("a file");
    symlink(place.path().join("schema.toml"), place.file()).expect("a link");
    place
        .check(&[])
        .refused(&["the schema in dest is unreadable: `localmap-schema` is a symbolic link"]);
}

/// A newer program may have written it.
#[test]
fn a_newer_format_is_called_newer() {
    let place = Place::new("format = 2\nversion = 1\nwhatever = 1\n");
    place
        .preload(&[])
        .refused(&["it has the format 2, which is newer than this program"]);
    let line = "# localmap schema, written by preload, layout 2: whatever\n";
    fs::write(place.file(), line).expect("a file");
    place.check(&[]).refused(&[
        "the schema in dest is newer",
        "layout 2",
        "use a newer localmap",
    ]);
}

#[test]
fn versions_and_digests_are_checked_before_anything_is_written() {
    let place = Place::new(SCHEMA);
    let other = "f".repeat(64);
    place
        .preload(&["--sha256", &other])
        .refused(&["`schema.toml` has the sha256 ", &other]);
    let older = "serves version 5..7, which is older than 8";
    place.preload(&["--schema-version", "8"]).refused(&[older]);
    place
        .preload(&["--max-size", "10B"])
        .refused(&["is larger than 10B"]);
    let empty = fs::read_dir(place.dest())
        .expect("a folder")
        .next()
        .is_none();
    assert!(empty);
}

#[test]
fn wrong_options_have_the_exit_code_2() {
    let place = Place::new(SCHEMA);
    for options in [
        &["--sha256", "abc"][..],
        &["--schema-version", "v7"],
        &["--schema-version", "7..5"],
        &["--mode", "755"],
        &["--mode", "rw"],
        &["--max-size", "1GiB"],
        &["--unknown"],
    ] {
        assert_eq!(place.preload(options).code, Some(2), "{options:?}");
    }
    for args in [
        &["schema"][..],
        &["schema", "preload", "schema.toml"],
        &["schema", "fetch"],
    ] {
        assert_eq!(localmap().args(args).run().code, Some(2), "{args:?}");
    }
}

#[test]
fn the_mode_is_set_whatever_the_umask() {
    let place = Place::new(SCHEMA);
    let mode = || fs::metadata(place.file()).expect("a file").mode() & 0o7777;
    place.preload(&[]).ok();
    assert_eq!(mode(), 0o640);
    let program = place
        .program()
        .args(["schema", "preload", "--mode", "0444"]);
    let program = program.args(["schema.toml", "dest"]).into_command();
    let run = "umask 077; exec \"$@\"";
    let mut shell = Command::new("sh");
    shell
        .args(["-c", run, "sh"])
        .arg(program.get_program())
        .args(program.get_args());
    assert!(
        shell
            .current_dir(place.path())
            .status()
            .expect("sh")
            .success()
    );
    assert_eq!(mode(), 0o444);
}

#[test]
fn a_folder_that_is_a_link_or_missing_is_refused() {
    let place = Place::new(SCHEMA);
    symlink("dest", place.path().join("link")).expect("a link");
    for (folder, why) in [
        (
            "link",
            "cannot write into link: it is a symbolic link: name the folder to which it leads",
        ),
        ("link/", "it is a symbolic link"),
        (
            "none",
            "cannot write into none: it does not exist: create it, or mount a volume there",
        ),
        (
            "schema.toml",
            "cannot write into schema.toml: it is not a folder",
        ),
        (
            "dest/../dest",
            "its path has a `..`: write the path without it",
        ),
    ] {
        let preload = place
            .program()
            .args(["schema", "preload", "schema.toml", folder]);
        preload.run().refused(&[why]);
    }
    for folder in ["link", "dest/../dest"] {
        let check = place.program().args(["schema", "check", folder]).run();
        check.refused(&["is unreadable"]);
    }
}

/// With `unshare`, if this user may: a file system without room, and one that is read-only.
#[test]
fn a_full_and_a_read_only_folder_are_named_and_keep_what_they_have() {
    let place = Place::preloaded(SCHEMA);
    let before = fs::read(place.file()).expect("a file");
    let larger = format!("{SCHEMA}# {}\n", "x".repeat(100_000));
    let larger_file = place.path().join("larger.toml");
    fs::write(&larger_file, &larger).expect("a file");
    let program = localmap().into_command();
    let script = r#"
        set -e
        cp dest/localmap-schema kept
        mount -t tmpfs -o size=64k,mode=755 none dest
        cp kept dest/localmap-schema
        "$1" schema preload larger.toml dest 2> full.txt && exit 9
        ls -A dest > left.txt
        cmp dest/localmap-schema kept
        mount -o remount,ro dest
        "$1" schema preload larger.toml dest 2> read-only.txt && exit 9
        "$1" schema check dest > checked.txt
    "#;
    let ran = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
        .arg(program.get_program())
        .current_dir(place.path())
        .output();
    let text = |name: &str| fs::read_to_string(place.path().join(name)).unwrap_or_default();
    match ran {
        Ok(ran) if ran.status.success() => {}
        // No user namespaces here, or no `unshare`.
        Ok(ran) if text("full.txt").is_empty() => {
            println!("skipped: {}", String::from_utf8_lossy(&ran.stderr));
            return;
        }
        Ok(ran) => panic!("{ran:?}: {} {}", text("full.txt"), text("read-only.txt")),
        Err(error) => {
            println!("skipped: {error}");
            return;
        }
    }
    let full = text("full.txt");
    assert!(
        full.contains("cannot write the file in dest: no space is left"),
        "{full}"
    );
    assert!(full.contains("raise `sizeLimit` of the emptyDir"), "{full}");
    assert_eq!(text("left.txt"), "localmap-schema\n");
    let read_only = text("read-only.txt");
    assert!(
        read_only.contains("in dest: it is read-only. Mount it writable here"),
        "{read_only}"
    );
    assert!(text("checked.txt").contains("version 5..7"));
    assert_eq!(fs::read(place.file()).expect("a file"), before);
}

/// Root may write everywhere, so this test runs as another user if it can.
#[test]
fn a_folder_of_another_user_is_refused_with_a_hint() {
    let place = Place::preloaded(SCHEMA);
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    let program = localmap().into_command();
    let run = |args: &[&str]| {
        let mut run = match fs::metadata("/proc/self").expect("a process").uid() {
            0 => {
                let mut run = Command::new("setpriv");
                run.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
                run.arg(program.get_program());
                run
            }
            _ => {
                fs::set_permissions(place.dest(), fs::Permissions::from_mode(0o555))
                    .expect("a mode");
                fs::set_permissions(place.file(), fs::Permissions::from_mode(0o000))
                    .expect("a mode");
                Command::new(program.get_program())
            }
        };
        let output = run.args(args).current_dir(place.path()).output().ok()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // The program may be where only its user reaches it.
        (!said.contains("setpriv:")).then_some((output.status.code(), said))
    };
    // Another schema, since the same one would not be written.
    fs::write(place.path().join("schema.toml"), format!("{SCHEMA}#\n")).expect("a file");
    let Some((code, said)) = run(&["schema", "preload", "schema.toml", "dest"]) else {
        println!("skipped: there is no other user");
        return;
    };
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("in dest: this user may not. Set `fsGroup` of the pod"),
        "{said}"
    );
    let (code, said) = run(&["schema", "check", "dest"]).expect("it ran before");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is unreadable: Permission denied"), "{said}");
    assert!(
        said.contains("with `--mode` of `localmap schema preload`"),
        "{said}"
    );
    fs::set_permissions(place.dest(), fs::Permissions::from_mode(0o755)).expect("a mode");
}
