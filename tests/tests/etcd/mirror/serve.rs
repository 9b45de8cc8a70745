//! `localmap serve --mirror` with a real etcd, and the example guest `flags`.

use crate::cluster::{Cluster, PASSWORD, Setup, until};
use localmap_tests::{Running, guest, localmap};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A server whose guest answers with flags.
struct Server {
    running: Running,
    address: String,
}

/// An answer of the guest: where the flag comes from, how old it is in milliseconds, and its value.
#[derive(Debug, PartialEq)]
struct Answer {
    source: String,
    age: Option<u64>,
    value: String,
}

impl Server {
    fn start(cluster: &Cluster, options: &[&str]) -> Self {
        let endpoints = cluster.endpoints().join(",").replace("http://", "");
        let mirror = format!("flags=etcd://{endpoints}/flags/");
        let serve = localmap()
            .args(["serve", "--addr", "127.0.0.1:0", "--map-scope", "server"])
            .args(["--mirror", &mirror])
            .args(["--mirror-probe", "100ms", "--mirror-max-stale", "1s"])
            .args(options)
            .arg(guest("flags"));
        let running = Running::start(serve.into_command());
        let listening = running.complaint("Listening on http://");
        let address = listening.rsplit('/').next().unwrap_or_default().to_owned();
        Self { running, address }
    }

    /// Asks for a flag.
    fn ask(&self, flag: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let request = format!("GET /{flag} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it is read");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("a response");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 "), "{response}");
        let header = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            let mut values = lines.filter(|(found, _)| *found == name);
            values.next().map(|(_, value)| value.to_owned())
        };
        Answer {
            source: header("flag-source").expect("a source"),
            age: header("flag-age-ms").map(|age| age.parse().expect("a number")),
            value: body.trim_end().to_owned(),
        }
    }

    /// Asks for a flag until its value comes from this source.
    async fn until(&self, flag: &str, source: &str) -> Answer {
        let mut answer = self.ask(flag);
        let from_source = || {
            answer = self.ask(flag);
            answer.source == source
        };
        until(source, from_source).await;
        answer
    }

    /// Ends the server. Returns what it has written to standard error.
    fn ended(mut self) -> String {
        self.running.signal("TERM");
        assert_eq!(self.running.end(), Some(0));
        self.running.stderr().join("\n")
    }
}

async fn put(cluster: &Cluster, flag: &str, value: &str) {
    let mut client = cluster.client().await;
    let put = client.put(format!("/flags/{flag}"), value, None).await;
    put.expect("it is stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_reads_etcd_and_knows_when_it_cannot() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    put(&cluster, "dark-mode", "on").await;
    let server = Server::start(&cluster, &["--quiet"]);
    let answer = server.until("dark-mode", "fresh").await;
    assert_eq!(answer.value, "on");
    assert!(answer.age.is_some_and(|age| age < 200), "{answer:?}");
    put(&cluster, "dark-mode", "off").await;
    until("the change", || server.ask("dark-mode").value == "off").await;

    cluster.stop(0);
    let stale = server.until("dark-mode", "stale").await;
    assert_eq!(stale.value, "off");
    let memory = server.until("dark-mode", "memory").await;
    assert_eq!((memory.age, memory.value.as_str()), (None, "off"));
    assert_eq!(server.ask("never-read").source, "default");
    server.running.complaint("Mirror flags: error: ");
    cluster.resume(0);
    server.until("dark-mode", "fresh").await;

    // The log says when and why, and no request is in it.
    let log = server.ended();
    for text in [
        "Mirror flags: fresh: revision ",
        "Mirror flags: stale (",
        "Mirror flags: error: ",
    ] {
        assert!(log.contains(text), "{text}: {log}");
    }
    assert!(
        log.contains(cluster.endpoint(0)) && !log.contains("GET /"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_without_etcd_and_gets_a_copy_later() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    put(&cluster, "dark-mode", "on").await;
    cluster.kill(0);
    let began = Instant::now();
    let server = Server::start(&cluster, &[]);
    assert!(
        began.elapsed() >= Duration::from_secs(5),
        "it waits for etcd"
    );
    let answer = server.ask("dark-mode");
    assert_eq!(
        (answer.source.as_str(), answer.value.as_str()),
        ("default", "off")
    );
    cluster.restart(0).await;
    let answer = server.until("dark-mode", "fresh").await;
    assert_eq!(answer.value, "on");
    let log = server.ended();
    let before = log.split("Listening on").next().unwrap_or_default();
    assert!(before.contains("Mirror flags: "), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_stands_in_a_file() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    put(&cluster, "dark-mode", "on").await;
    cluster.enable_auth().await;
    let folder = tempfile::tempdir().expect("a folder");
    let user = folder.path().join("user");
    fs::write(&user, format!("root:{PASSWORD}\n")).expect("a file");
    let user = user.display().to_string();
    let server = Server::start(&cluster, &["--etcd-user-file", &user]);
    assert_eq!(server.until("dark-mode", "fresh").await.value, "on");
    let log = server.ended();
    assert!(!log.contains(PASSWORD), "{log}");
}

/// Starts a server that is refused before it connects. Returns its standard error.
fn refused(options: &[&str]) -> String {
    let serve = localmap().args(["serve", "--addr", "127.0.0.1:0"]);
    let refused = serve.args(options).arg(guest("flags")).run();
    assert_ne!(refused.code, Some(0), "{options:?}");
    assert!(!refused.stderr.contains("Listening"), "{}", refused.stderr);
    refused.stderr
}

#[test]
fn a_mirror_has_a_url_with_a_prefix_and_no_user() {
    for bad in ["http://a/x/", "etcd://a", "etcd:///x/", "etcd://a:99999/x/"] {
        let text = refused(&["--mirror", &format!("flags={bad}")]);
        assert!(text.contains("invalid value"), "{bad}: {text}");
    }
    // A password would be visible to all users of the machine.
    let text = refused(&["--mirror", "flags=etcd://user:password@a/x/"]);
    assert!(text.contains("--etcd-user-file"), "{text}");
}

#[test]
fn two_mirrors_have_two_names() {
    let mirror = ["--mirror", "flags=etcd://127.0.0.1:9/x/"];
    let text = refused(&[mirror, mirror].concat());
    assert!(text.contains("two mirrors have the name `flags`"), "{text}");
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let mirror = ["--mirror", "flags=etcd://127.0.0.1:9/x/"];
    for option in ["--etcd-user-file", "--etcd-ca"] {
        let text = refused(&[&mirror[..], &[option, "/no/such/file"]].concat());
        assert!(
            text.contains(option) && text.contains("/no/such/file"),
            "{text}"
        );
    }
}
