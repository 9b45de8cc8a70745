//! What is found when the server starts, instead of by its first client.

use super::client::{PATIENCE, Server};
use localmap_tests::{guest, localmap};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Writes a handler whose core module has these fields. Its handler does nothing.
fn handler(folder: &Path, fields: &str) -> std::path::PathBuf {
    let text = format!(
        r#"(component
            (import "wasi:http/types@0.2.0" (instance $types
                (export "incoming-request" (type (sub resource)))
                (export "response-outparam" (type (sub resource)))))
            (alias export $types "incoming-request" (type $request))
            (alias export $types "response-outparam" (type $out))
            (core module $module {fields}
                (func (export "handle") (param i32 i32)))
            (core instance $instance (instantiate $module))
            (func $handle (param "request" (own $request)) (param "response-out" (own $out))
                (canon lift (core func $instance "handle")))
            (instance $handler (export "handle" (func $handle)))
            (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))"#
    );
    let file = folder.join("handler.wasm");
    let bytes = wat::parse_str(text).expect("a component");
    std::fs::write(&file, bytes).expect("a file");
    file
}

fn refused(fields: &str, options: &[&str], words: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    localmap()
        .args(["serve", "--addr", "127.0.0.1:0"])
        .args(options)
        .arg(handler(folder.path(), fields))
        .run()
        .refused(&[&["cannot serve", "cannot be instantiated"], words].concat());
}

#[test]
fn a_guest_that_cannot_be_instantiated_is_refused_with_the_cause() {
    refused(
        "(memory 5000)",
        &[],
        &["327680000 bytes", "268435456", "raise -W max-memory-size"],
    );
    refused(
        "(memory 100) (memory 100)",
        &["-W", "max-memory-size=8MiB"],
        &["13107200 bytes", "8388608", "raise -W max-memory-size"],
    );
    refused(
        "(table 150000 funcref)",
        &[],
        &["150000 table elements", "100000"],
    );
    refused(
        "(table 60000 funcref) (table 60000 funcref)",
        &[],
        &["120000 table elements", "100000"],
    );
    refused(
        "(func $start unreachable) (start $start)",
        &[],
        &["the guest trapped", "unreachable"],
    );
    refused(
        "(func $start (loop $again (br $again))) (start $start)",
        &["-W", "timeout=300ms"],
        &["longer than 300ms", "raise -W timeout"],
    );
    localmap()
        .args([
            "serve",
            "--addr",
            "127.0.0.1:0",
            "-W",
            "max-memory-size=64KiB",
        ])
        .arg(guest("served"))
        .run()
        .refused(&[
            "cannot be instantiated",
            "65536",
            "raise -W max-memory-size",
        ]);
}

/// The same guests are served as soon as they may have what they need.
#[test]
fn a_guest_that_fits_is_served() {
    for (fields, options) in [
        ("(memory 5000)", &["-W", "max-memory-size=1GiB"][..]),
        (
            "(memory 100) (memory 100)",
            &["-W", "max-memory-size=16MiB"],
        ),
        ("(table 90000 funcref)", &[]),
        ("(table 100 funcref) (memory 1)", &[]),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let server = Server::serving(&handler(folder.path(), fields), options);
        assert_eq!(server.get("/").status, 500, "it returns no response");
        assert!(server.line("GET / ").contains("no response"), "{fields}");
    }
}

/// A probe of the port succeeds only when a guest can answer.
#[test]
fn nobody_can_connect_before_the_guest_has_been_tried() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = free.local_addr().expect("an address");
    drop(free);
    let folder = tempfile::tempdir().expect("a folder");
    let slow = "(func $start (loop $again (br $again))) (start $start)";
    let mut command = localmap()
        .args(["serve", "-W", "timeout=1s", "--addr", &addr.to_string()])
        .arg(handler(folder.path(), slow))
        .into_command();
    let mut child = command.stderr(Stdio::null()).spawn().expect("it starts");
    let began = Instant::now();
    let ended = loop {
        assert!(TcpStream::connect(addr).is_err());
        assert!(began.elapsed() < PATIENCE);
        if let Some(ended) = child.try_wait().expect("it can be waited for") {
            break ended;
        }
    };
    assert_eq!(ended.code(), Some(1));
}

/// A reader of standard error sees each message whole. A socket of datagrams keeps what is written
/// in one call apart.
#[test]
fn each_message_is_written_in_one_call() {
    let run = |args: &[&str], guest: &Path| {
        let (ours, theirs) = UnixDatagram::pair().expect("sockets");
        let mut command = localmap().args(args).arg(guest).into_command();
        command
            .stdin(Stdio::null())
            .stderr(Stdio::from(OwnedFd::from(theirs)));
        let child = command.spawn().expect("it starts");
        ours.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut message = [0; 1000];
        let len = ours.recv(&mut message).expect("a message");
        (child, String::from_utf8_lossy(&message[..len]).into_owned())
    };
    let serve = ["serve", "--addr", "127.0.0.1:0"];
    let (mut server, listening) = run(&serve, &guest("served"));
    server.kill().expect("it runs");
    server.wait().expect("it ends");
    let address = listening.strip_prefix("Listening on http://");
    let address = address.and_then(|address| address.strip_suffix('\n'));
    let parsed = address.map(str::parse::<SocketAddr>);
    assert!(matches!(parsed, Some(Ok(_))), "{listening:?}");
    let (mut ended, error) = run(&["run"], Path::new("none.wasm"));
    ended.wait().expect("it ends");
    assert!(error.starts_with("Error: ") && error.ends_with('\n'));
    assert!(error.contains("Caused by:"), "{error:?}");
}

/// Runs a server with this much address space, in KiB.
#[cfg(target_os = "linux")]
fn limited(kib: u64, options: &[&str]) -> Command {
    let serve = localmap()
        .args(["serve", "--addr", "127.0.0.1:0"])
        .args(options)
        .arg(guest("served"))
        .into_command();
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -v {kib} && exec \"$0\" \"$@\"")])
        .arg(serve.get_program())
        .args(serve.get_args())
        .stdout(Stdio::null());
    if let Some(folder) = serve.get_current_dir() {
        command.current_dir(folder);
    }
    for (name, value) in serve.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

#[cfg(target_os = "linux")]
#[test]
fn little_address_space_is_enough() {
    for (kib, options) in [
        (8_000_000, &["--map-scope", "server"][..]),
        (8_000_000, &["--map-scope", "request"]),
        (5_000_000, &["--map-scope", "connection"]),
        (3_000_000, &["-W", "max-memory-size=4GiB"]),
        (3_000_000, &["--max-bytes", "4GiB"]),
        (1_500_000, &["--map-scope", "server"]),
        (least(), &["--workers", "2"]),
    ] {
        let server = Server::of(&mut limited(kib, options));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut client = server.connect();
                    for _ in 0..5 {
                        client.get("/count").ok();
                    }
                });
            }
        });
    }
}

/// Returns the limit that the program says it needs, in KiB.
#[cfg(target_os = "linux")]
fn least() -> u64 {
    let refused = limited(300_000, &["--workers", "2"]).output();
    let refused = refused.expect("it starts");
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{stderr}");
    for words in ["too little address space", "ulimit -v", "localmap doctor"] {
        assert!(stderr.contains(words), "{stderr}");
    }
    let needed = stderr.split("at least ").nth(1).expect("a number");
    let needed = needed.split(' ').next().expect("a number");
    needed.parse().expect("a number")
}

/// What there is no room for is the request alone, not the server.
#[cfg(target_os = "linux")]
#[test]
fn maps_for_which_there_is_no_address_space_are_refused() {
    let options = ["--map-scope", "header:x-tenant", "--workers", "2"];
    let mut server = Server::of(&mut limited(least(), &options));
    let mut client = server.connect();
    let mut ask = |tenant: &str| {
        let headers = [("x-tenant", tenant)];
        client.ask("GET", "/count", &headers, b"").status
    };
    assert_eq!(ask("first"), 200);
    let tenants = (0..1_000).map(|tenant| tenant.to_string());
    let statuses: Vec<u16> = tenants.map(|tenant| ask(&tenant)).collect();
    let refused = statuses.iter().filter(|&&status| status == 503).count();
    assert!(refused > 0, "{statuses:?}");
    assert!(
        statuses.iter().all(|status| [200, 503].contains(status)),
        "{statuses:?}"
    );
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}
