//! `localmap top`, against a server that answers as an admin address.

mod fake;
#[cfg(target_os = "linux")]
mod screen;

use crate::serve::client::{Server, wait_for};
use fake::{program, server};
use localmap_tests::localmap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Returns what one block of lines shows, without the time in its first line.
fn once(address: &str, options: &[&str]) -> String {
    let finished = localmap()
        .args(["top", "--once", "--interval", "100ms", address])
        .args(options)
        .run();
    assert_eq!(finished.stderr, "");
    let text = finished.ok();
    let (_, rest) = text.split_once("Z  ").expect("a time");
    rest.to_owned()
}

#[test]
fn a_block_of_lines_shows_the_rates_of_the_last_interval() {
    let address = server(program()).to_string();
    let shown = once(&address, &[]);
    let expected = r"  localmap 0.1.0  up 1h
requests          100/s  p50 3µs  p99 3.98µs  failed 1/s
operations         1k/s  p50 1.5µs  p99 1.99µs  hits 90%
evictions           7/s  expired 0/s  refused 0/s  limited 0/s
memory          3.0 MiB  payload 33.3%  overhead 16.7%  free 50%
maps          3 of 1000  waiting 0  refused 0  memory denied 0
NAME                        CLASS  ENTRIES      BYTES  R+W/S  HITS  EVICTED/S  REFUSED    IDLE
alice                       gold         4    1.0 MiB     10   90%          2        0  in use
日本                        gold         4  128.0 KiB     10   90%          5        0  in use
\u{1b}]0;evil\u{7}\xff      gold         4   64.0 KiB     10   90%          0        0  in use
(map server)                gold         4        0 B     10   90%          0        0  in use

";
    let normal = |text: &str| {
        let words = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        words.collect::<Vec<_>>()
    };
    assert_eq!(normal(&shown), normal(&format!("{address}{expected}")));
}

#[test]
fn a_server_answers_it() {
    let options = ["--admin", "127.0.0.1:0", "--map-scope", "header:x-tenant"];
    let server = Server::start(&options);
    let line = server.line("Admin on ");
    let address = line.strip_prefix("Admin on ").expect("an address");
    let mut client = server.connect();
    for tenant in ["alice", "bob \u{202e}"] {
        for path in ["/set/k/v", "/get/k"] {
            client.ask("GET", path, &[("x-tenant", tenant)], b"").ok();
        }
    }
    wait_for("both tenants", || {
        let shown = once(address, &["--sort", "name"]);
        let rows: Vec<&str> = shown
            .lines()
            .rev()
            .skip_while(|row| row.is_empty())
            .collect();
        assert!(shown.contains("\nrequests "), "{shown}");
        assert!(shown.contains("\nmaps          2 of 1000 "), "{shown}");
        rows.len() > 2 && rows[1].starts_with("alice ") && rows[0].starts_with(r"bob \u{202e} ")
    });
}

#[test]
fn rows_are_ordered_filtered_and_limited() {
    let address = format!("http://{}/", server(program()));
    let shown = once(&address, &["--sort", "evicted", "--rows", "1"]);
    assert!(
        shown.contains("\n日本 ") && !shown.contains("alice"),
        "{shown}"
    );
    assert!(shown.ends_with("\nand 3 more\n\n"), "{shown}");
    let shown = once(&address, &["--filter", "ali"]);
    assert!(
        shown.contains("\nalice ") && !shown.contains("日本"),
        "{shown}"
    );
    let shown = once(&address, &["--sort", "name", "--reverse"]);
    assert!(shown.find("\nalice ") > shown.find("\n日本 "), "{shown}");
}

#[test]
fn nothing_that_a_terminal_obeys_is_written() {
    let address = server(program()).to_string();
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!once(&address, &[]).contains(control));
}

#[cfg(unix)]
#[test]
fn a_socket_is_read_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("admin.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    let answer = program();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            fake::answer_one(stream, &answer);
        }
    });
    let address = format!("unix:{}", path.display());
    assert!(once(&address, &[]).starts_with(&format!("{address}  localmap 0.1.0")));
}

#[test]
fn what_is_no_admin_address_is_an_error() {
    let free = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address")
    };
    let html = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>";
    for (address, text) in [
        (free, "cannot connect"),
        (fixed(""), "it does not speak HTTP"),
        (fixed("SSH-2.0-OpenSSH_9.2\r\n"), "it does not speak HTTP"),
        (
            fixed(html),
            "its answer to `/stats` is not that of an admin address",
        ),
        (
            fixed("HTTP/1.1 404 Not Found\r\n\r\nno such page\n"),
            "it answers `/stats` with the status 404: no such page",
        ),
        (
            fixed("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}"),
            "the connection was cut off",
        ),
    ] {
        let address = address.to_string();
        let finished = localmap().args(["top", "--once", &address]).run();
        let unreadable = format!("cannot read the telemetry at {address}");
        finished.refused(&[&unreadable, "--admin", text]);
    }
}

fn fixed(answer: &'static str) -> SocketAddr {
    server(move |_| answer.into())
}

#[test]
fn an_answer_that_does_not_end_is_given_up() {
    let address = server(|_| {
        let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        endless.resize(20 << 20, b' ');
        endless
    });
    let finished = localmap().args(["top", &address.to_string()]).run();
    finished.refused(&["it answers with more than 16 MiB"]);
}

#[test]
fn a_program_that_goes_away_is_waited_for() {
    let (gone, answer) = (Arc::new(AtomicBool::new(false)), program());
    let is_gone = Arc::clone(&gone);
    let address = server(move |path| match is_gone.load(Ordering::Relaxed) {
        true => Vec::new(),
        false => answer(path),
    });
    let mut child = localmap()
        .args(["top", "--interval", "100ms", &address.to_string()])
        .into_command()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut shown = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut complaints = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let mut block = || shown.find(|line| line.as_ref().is_ok_and(|line| line.contains("up 1h")));
    assert!(block().is_some());
    gone.store(true, Ordering::Relaxed);
    let complaint = complaints.next().expect("a line").expect("text");
    assert!(
        complaint.ends_with("it does not speak HTTP; trying again"),
        "{complaint}"
    );
    gone.store(false, Ordering::Relaxed);
    // Blocks that were written before may be left.
    for _ in 0..50 {
        assert!(block().is_some());
    }
    // The reader goes away.
    drop(shown);
    assert_eq!(child.wait().expect("it ends").code(), Some(141));
}
