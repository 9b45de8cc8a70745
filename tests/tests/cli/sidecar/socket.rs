//! The socket: who can use it, and what happens to what was there before.

use super::client::{Sidecar, get, set};
use crate::serve::client::{PATIENCE, wait_for};
use localmap_tests::localmap;
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Runs a sidecar that must not start, and returns what it says.
fn refused(socket: &Path, texts: &[&str]) {
    let run = localmap().args(["sidecar", "--socket"]).arg(socket).run();
    run.refused(texts);
}

/// Watches a folder while something happens. Returns all modes that a socket has had in it.
fn modes_while(folder: &Path, during: impl FnOnce()) -> Vec<u32> {
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut modes = Vec::new();
            loop {
                // Looks once more after the end.
                let last = ended.load(Ordering::Relaxed);
                for name in ["map.sock", "map.sock.new"] {
                    let Ok(found) = fs::symlink_metadata(folder.join(name)) else {
                        continue;
                    };
                    let mode = found.mode() & 0o777;
                    if !modes.contains(&mode) {
                        modes.push(mode);
                    }
                }
                if last {
                    return modes;
                }
            }
        });
        during();
        ended.store(true, Ordering::Relaxed);
        watching.join().expect("no panic")
    })
}

#[test]
fn the_socket_is_never_more_open_than_its_mode() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("map.sock");
    for (umask, options, mode) in [
        ("000", &[][..], 0o600),
        ("022", &[], 0o600),
        ("077", &["--mode", "0660"], 0o660),
    ] {
        let modes = modes_while(folder.path(), || {
            let mut command = Command::new("sh");
            let program = localmap().args(["sidecar", "--socket"]).arg(&socket);
            let program = program.args(options).into_command();
            command
                .arg("-c")
                .arg(format!("umask {umask}; exec \"$0\" \"$@\""))
                .arg(program.get_program())
                .args(program.get_args());
            let sidecar = Sidecar::of(&mut command, &socket);
            let found = fs::symlink_metadata(&socket).expect("a socket");
            assert_eq!(found.mode() & 0o777, mode);
            drop(sidecar);
        });
        assert!(modes.contains(&mode), "{modes:?}");
        for seen in modes {
            assert_eq!(seen & !mode, 0, "umask {umask}: {seen:o}");
        }
    }
}

#[tokio::test]
async fn a_socket_of_a_killed_sidecar_is_replaced_and_its_state_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("map.sock");
    let mut first = Sidecar::at(&socket, &[]);
    set(&mut first.client().await, "t", b"k").await;
    first.signal("KILL");
    first.wait();
    assert!(socket.exists(), "nobody has removed it");
    UnixStream::connect(&socket).expect_err("nobody serves it");
    let second = Sidecar::at(&socket, &[]);
    let found = get(&mut second.client().await, "t", b"k").await;
    assert_eq!(found.expect("it is answered"), None);
}

#[tokio::test]
async fn one_sidecar_at_a_time_serves_a_socket() {
    let sidecar = Sidecar::start(&[]);
    refused(sidecar.socket(), &["another process serves", "map.sock"]);
    set(&mut sidecar.client().await, "t", b"k").await;
}

#[test]
fn a_sidecar_removes_its_own_socket_at_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("map.sock");
    let mut sidecar = Sidecar::at(&socket, &[]);
    sidecar.signal("TERM");
    assert_eq!(sidecar.wait().code(), Some(0));
    assert!(!socket.exists());
    let mut sidecar = Sidecar::at(&socket, &[]);
    fs::remove_file(&socket).expect("a socket");
    let _other = UnixListener::bind(&socket).expect("a socket");
    sidecar.signal("TERM");
    assert_eq!(sidecar.wait().code(), Some(0));
    UnixStream::connect(&socket).expect("it is the other's");
}

#[test]
fn what_is_no_stale_socket_is_an_error_and_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("map.sock");
    fs::write(&socket, "precious").expect("a file");
    refused(&socket, &["is no socket", "map.sock"]);
    assert_eq!(fs::read(&socket).expect("a file"), b"precious");
    fs::remove_file(&socket).expect("a file");
    let _other = UnixListener::bind(&socket).expect("a socket");
    refused(&socket, &["another program listens", "map.sock"]);
    UnixStream::connect(&socket).expect("it is the other's");
}

#[test]
fn paths_that_cannot_be_sockets_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let len = 108 - folder.path().as_os_str().len() - 1;
    let long = folder.path().join("s".repeat(len));
    refused(&long, &["108 bytes", "107"]);
    let sidecar = Sidecar::at(&folder.path().join("s".repeat(len - 1)), &[]);
    drop(sidecar.connect());
    refused(
        &folder.path().join("absent/map.sock"),
        &["the folder of", "absent/map.sock", "create it"],
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_that_names_it() {
    if is_root() {
        // Root writes everywhere but here.
        refused(
            Path::new("/proc/map.sock"),
            &["cannot open `/proc/map.sock.lock`"],
        );
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o500)).expect("ours");
    refused(
        &folder.path().join("map.sock"),
        &["map.sock.lock", "Permission denied"],
    );
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0)
}

/// Runs `--check` as another user. Only root can do that.
fn check_as_stranger(socket: &Path) -> Option<(Option<i32>, String)> {
    let program = localmap().args(["sidecar", "--check"]).arg(socket);
    let program = program.into_command();
    let run = Command::new("setpriv")
        .args([
            "--reuid",
            "65533",
            "--regid",
            "65533",
            "--clear-groups",
            "--",
        ])
        .arg(program.get_program())
        .args(program.get_args())
        .stdin(Stdio::null())
        .output()
        .ok()?;
    // The other user may be unable to read the program.
    if run.status.code() == Some(126) {
        return None;
    }
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    Some((run.status.code(), said))
}

#[test]
fn another_user_is_refused_unless_mode_and_option_allow_it() {
    if !is_root() {
        eprintln!("skipped: only root can be another user");
        return;
    }
    let open = |path: &Path| {
        fs::set_permissions(path, Permissions::from_mode(0o755)).expect("ours");
    };
    for (options, code, said, logged) in [
        (&[][..], 1, "Permission denied", None),
        (
            &["--mode", "0666"],
            1,
            "Not serving",
            Some("--allow-uid 65533"),
        ),
        (&["--allow-uid", "65533"], 1, "Permission denied", None),
        (&["--mode", "0666", "--allow-uid", "65533"], 0, "", None),
    ] {
        let sidecar = Sidecar::start(options);
        open(sidecar.socket().parent().expect("a folder"));
        let Some((ended, text)) = check_as_stranger(sidecar.socket()) else {
            eprintln!("skipped: there is no setpriv, or it cannot run the program");
            return;
        };
        assert_eq!(ended, Some(code), "{options:?}: {text}");
        assert!(text.contains(said), "{options:?}: {text}");
        if let Some(logged) = logged {
            sidecar.line(logged);
        }
    }
}

/// A stranger is cut off before the sidecar has read or written a byte.
#[test]
fn a_stranger_is_not_spoken_to() {
    if !is_root() {
        eprintln!("skipped: only root can run the sidecar as another user");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).expect("ours");
    let socket = folder.path().join("map.sock");
    let program = localmap()
        .args(["sidecar", "--no-cache", "--socket"])
        .arg(&socket);
    let program = program.into_command();
    let mut command = Command::new("setpriv");
    command
        .args([
            "--reuid",
            "65533",
            "--regid",
            "65533",
            "--clear-groups",
            "--",
        ])
        .arg(program.get_program())
        .args(program.get_args());
    let sidecar = Sidecar::of(&mut command, &socket);
    // Root can connect to any socket, and is a stranger, too.
    let mut stream = sidecar.connect();
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    assert!(bytes.is_empty(), "{read:?}: {bytes:?}");
    wait_for("the line", || {
        let lines = sidecar.lines();
        lines
            .iter()
            .any(|line| line.contains("uid=0") && line.contains("refused"))
    });
}
