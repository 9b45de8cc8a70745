//! `localmap mirror` with a real etcd.

use super::{PREFIX, fill, key};
use crate::cluster::{Cluster, PASSWORD, Proxy, Setup, certificate};
use etcd_client::{Permission, PermissionType};
use localmap_tests::{Finished, Running, localmap};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Returns the options of a mirror of [`PREFIX`].
fn mirror(endpoint: &str, options: &[&str]) -> localmap_tests::Program {
    localmap()
        .args(["mirror", "--etcd", endpoint, "--prefix", PREFIX])
        .args(options)
}

/// Runs an action to its end.
fn run(cluster: &Cluster, options: &[&str]) -> Finished {
    mirror(cluster.endpoint(0), options).run()
}

/// Follows until the test ends.
fn follow(endpoint: &str, options: &[&str]) -> Running {
    let options = [options, &["--probe", "100ms", "--max-stale", "1s"]].concat();
    Running::start(mirror(endpoint, &options).into_command())
}

/// Checks that a run could not tell what was asked for.
fn undecided(finished: &Finished, texts: &[&str]) {
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.stdout.is_empty(), "{finished:?}");
    for text in texts {
        assert!(finished.stderr.contains(text), "{text}: {finished:?}");
    }
}

#[tokio::test]
async fn a_value_is_printed_as_it_is() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mut client = cluster.client().await;
    let values: [(&[u8], Vec<u8>); 4] = [
        (b"color", b"blue".to_vec()),
        (b"empty", Vec::new()),
        (b"bytes \xff\n", (0..=255).collect()),
        (b"large", vec![b'x'; 1 << 20]),
    ];
    for (name, value) in &values {
        let key = [PREFIX.as_bytes(), name].concat();
        client
            .put(key, value.clone(), None)
            .await
            .expect("it is stored");
    }
    for (name, value) in &values {
        // Arguments are bytes.
        let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name);
        let finished = mirror(cluster.endpoint(0), &["--get"]).arg(name).run();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert!(finished.stdout == *value, "{name:?}");
        assert_eq!(finished.stderr, "");
    }
    let finished = run(&cluster, &["--get", "colour"]);
    assert_eq!(
        (finished.code, finished.stdout.len()),
        (Some(1), 0),
        "{finished:?}"
    );
    assert!(
        finished
            .stderr
            .contains("\"colour\" is absent at revision "),
        "{finished:?}"
    );
    // A key with its prefix is a mistake that is easily made.
    let finished = run(&cluster, &["--get", &key("color")]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished
            .stderr
            .contains("without the prefix, the key is \"color\""),
        "{finished:?}"
    );
    // The status goes to standard error, so that the value stays as it is.
    let finished = run(&cluster, &["--get", "color", "--status-json"]);
    assert_eq!(finished.stdout, b"blue", "{finished:?}");
    let status: Value = serde_json::from_str(&finished.stderr).expect("JSON");
    assert_eq!(
        (&status["readable"], &status["entries"]),
        (&true.into(), &4.into())
    );
}

#[tokio::test]
async fn entries_are_printed_in_their_order() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mut client = cluster.client().await;
    let empty = run(&cluster, &["--dump"]);
    assert_eq!((empty.code, empty.stdout.len()), (Some(0), 0), "{empty:?}");
    assert!(empty.stderr.contains("0 entries at revision "), "{empty:?}");
    let equal = run(&cluster, &["--verify"]);
    assert_eq!(equal.code, Some(0), "{equal:?}");

    for (name, value) in [
        (&b"b"[..], &b"2"[..]),
        (b"a", b"one \"two\"\n"),
        (b"\xff", b"\0\x1b[2J"),
    ] {
        let key = [PREFIX.as_bytes(), name].concat();
        client.put(key, value, None).await.expect("it is stored");
    }
    client
        .put(key("large"), "too long", None)
        .await
        .expect("it is stored");
    client
        .put(PREFIX, "none", None)
        .await
        .expect("it is stored");
    let finished = run(&cluster, &["--dump", "--max-value", "5B", "--max-key", "4"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let first = cluster.entries(PREFIX, None)[&b"b"[..]].mod_revision;
    let expected = format!(
        "\"b\" \"2\" revision {first}\n\"\\xff\" \"\\x00\\x1b[2J\" revision {}\n",
        first + 2
    );
    assert_eq!(
        String::from_utf8_lossy(&finished.stdout),
        expected,
        "{finished:?}"
    );
    for text in [
        "2 entries at revision ",
        "\"\" is omitted: the key is empty after the prefix",
        "\"a\" is omitted: the value has 10 bytes; at most 5 are allowed",
        "\"large\" is omitted: the value has 8 bytes",
    ] {
        assert!(finished.stderr.contains(text), "{text}: {finished:?}");
    }
    let omitted = run(&cluster, &["--get", "large", "--max-value", "5B"]);
    undecided(
        &omitted,
        &["\"large\" is not in the copy: the value has 8 bytes; at most 5 are allowed"],
    );
    let equal = run(&cluster, &["--verify", "--max-value", "5B"]);
    assert_eq!(equal.code, Some(0), "{equal:?}");
    let text = String::from_utf8_lossy(&equal.stdout);
    assert!(
        text.starts_with("equal: 5 keys at revision ") && text.ends_with(", 3 of them omitted\n"),
        "{text}"
    );
    // An empty prefix is all of etcd.
    let all = localmap().args([
        "mirror",
        "--etcd",
        cluster.endpoint(0),
        "--prefix",
        "",
        "--get",
        &key("b"),
    ]);
    assert_eq!(all.run().stdout, b"2");
}

#[tokio::test]
async fn a_prefix_that_does_not_fit_is_an_error_at_once() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mut client = cluster.client().await;
    fill(&mut client, "k", 0..200, b"v").await;
    let began = Instant::now();
    let finished = run(
        &cluster,
        &["--dump", "--max-entries", "199", "--timeout", "60s"],
    );
    undecided(
        &finished,
        &["does not fit", "199", "raise --max-entries or --max-bytes"],
    );
    assert!(began.elapsed() < Duration::from_secs(30));
    let finished = run(&cluster, &["--verify", "--max-entries", "200"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

#[tokio::test]
async fn it_tells_each_change_of_its_state() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mut client = cluster.client().await;
    fill(&mut client, "k", 0..10, b"v").await;
    let endpoint = cluster.endpoint(0).to_owned();
    let mut mirror = follow(&endpoint, &["--admin", "127.0.0.1:0"]);
    let admin = mirror.complaint("Admin on http://");
    let admin = admin
        .trim_start_matches("Admin on http://")
        .trim_end_matches('/')
        .to_owned();
    let (_, connected) = mirror.line(" connected to ", 0);
    assert!(connected.contains(&format!("{endpoint}: etcd {}, cluster ", cluster.version())));
    let (fresh, line) = mirror.line(" fresh: revision ", 0);
    assert!(line.contains(", 10 entries, "), "{line}");
    // Freshness of old servers is known otherwise, which is told.
    let is_old = ["3.4.23", "3.5.1"].contains(&cluster.version());
    if is_old {
        let notice = mirror.complaint("answers requests for progress too early");
        assert!(notice.contains("--audit 10m"), "{notice}");
    }
    assert!(ask(&admin, "/readyz").starts_with("HTTP/1.1 200 "));
    let metrics = ask(&admin, "/metrics");
    for series in [
        "localmap_mirror_readable{mirror=\"/config/\"} 1\n",
        "localmap_mirror_state{mirror=\"/config/\",state=\"live\"} 1\n",
        "localmap_mirror_entries{mirror=\"/config/\"} 10\n",
        "localmap_mirror_lists_total{mirror=\"/config/\"} 1\n",
    ] {
        assert!(metrics.contains(series), "{series}: {metrics}");
    }

    cluster.kill(0);
    let (stale, line) = mirror.line(" stale (", fresh);
    assert!(line.contains("reconnecting"), "{line}");
    let (error, _) = mirror.line(" error: the mirror may be ", stale);
    assert!(ask(&admin, "/readyz").starts_with("HTTP/1.1 503 "));
    assert!(ask(&admin, "/metrics").contains("localmap_mirror_readable{mirror=\"/config/\"} 0\n"));
    cluster.restart(0).await;
    mirror.line(" fresh: revision ", error);
    mirror.signal("TERM");
    assert_eq!(mirror.end(), Some(0), "{:?}", mirror.stderr());
    // Few lines, and each with its time.
    let lines = mirror.stdout();
    assert!(lines.len() < 40, "{lines:?}");
    for line in lines {
        let time = line.split(' ').next().unwrap_or_default();
        assert!(
            time.ends_with('Z') && time.len() == "2026-01-01T00:00:00.000Z".len(),
            "{line}"
        );
    }
}

/// Returns an answer of an admin address.
fn ask(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    answer
}

#[tokio::test]
async fn states_are_objects_on_a_line() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mirror = follow(cluster.endpoint(0), &["--status-json"]);
    let (fresh, _) = mirror.line("\"fresh\":true", 0);
    cluster.kill(0);
    let (stale, _) = mirror.line("\"fresh\":false", fresh);
    let (error, _) = mirror.line("\"readable\":false", stale);
    let lines: Vec<Value> = mirror
        .stdout()
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines[fresh]["state"], "live", "{lines:?}");
    assert_eq!(lines[fresh]["version"], cluster.version());
    assert_eq!(
        (&lines[fresh]["lists"], &lines[fresh]["entries"]),
        (&1.into(), &0.into())
    );
    assert!(lines[stale]["why"].is_string(), "{lines:?}");
    assert!(lines[error]["age_ms"].as_u64() > Some(1_000), "{lines:?}");
    assert!(lines[error]["error"].is_string(), "{lines:?}");
}

#[tokio::test]
async fn users_and_rights_that_are_missing_are_named_at_once() {
    let Some(mut cluster) = Cluster::start(Setup::one().flags(&["--bcrypt-cost=4"])).await else {
        return;
    };
    let mut client = cluster.client().await;
    client
        .put(key("color"), "blue", None)
        .await
        .expect("it is stored");
    client.role_add("reader").await.expect("a role");
    let read = Permission::new(PermissionType::Read, PREFIX).with_prefix();
    client
        .role_grant_permission("reader", read)
        .await
        .expect("it is granted");
    for (user, roles) in [("reader", &["reader"][..]), ("nobody", &[])] {
        client.user_add(user, PASSWORD, None).await.expect("a user");
        for role in roles {
            client
                .user_grant_role(user, *role)
                .await
                .expect("it is granted");
        }
    }
    cluster.enable_auth().await;
    let folder = TempDir::new().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let reader = file("reader", &format!("reader:{PASSWORD}\nmore\n"));
    let nobody = file("nobody", &format!("nobody:{PASSWORD}"));
    let wrong = file("wrong", "reader:wr0ng");
    let get = ["--get", "color", "--timeout", "60s"];
    let finished = run(&cluster, &[&get[..], &["--user-file", &reader]].concat());
    assert_eq!(finished.stdout, b"blue", "{finished:?}");
    let finished = run(&cluster, &["--verify", "--user-file", &reader]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let began = Instant::now();
    for (options, text) in [
        (
            &[][..],
            "name a file with a user and a password with --user-file",
        ),
        (
            &["--user-file", &wrong],
            "check the user and the password in the file of --user-file",
        ),
        (
            &["--user-file", &nobody],
            "the user needs a role that may read the prefix",
        ),
    ] {
        let finished = run(&cluster, &[&get[..], options].concat());
        undecided(&finished, &[text]);
        assert!(!finished.stderr.contains("wr0ng"), "{finished:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(40));
}

#[tokio::test]
async fn certificates_are_checked() {
    let Some(cluster) = Cluster::start(Setup::one().tls()).await else {
        return;
    };
    let mut client = cluster.client().await;
    client
        .put(key("color"), "blue", None)
        .await
        .expect("it is stored");
    let file = |name| certificate(name).display().to_string();
    let (ca, cert, secret) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let full = [
        "--get", "color", "--ca", &ca, "--cert", &cert, "--key", &secret,
    ];
    let finished = run(&cluster, &full);
    assert_eq!(finished.stdout, b"blue", "{finished:?}");
    let get = ["--get", "color", "--timeout", "3s"];
    // Without the authority, and without a certificate of the client.
    undecided(
        &run(
            &cluster,
            &[&get[..], &["--cert", &cert, "--key", &secret]].concat(),
        ),
        &[],
    );
    undecided(&run(&cluster, &[&get[..], &["--ca", &ca]].concat()), &[]);
}

#[tokio::test]
async fn a_server_that_comes_later_is_waited_for() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mut client = cluster.client().await;
    client
        .put(key("color"), "blue", None)
        .await
        .expect("it is stored");
    cluster.kill(0);
    let options = ["--get", "color", "--timeout", "60s"];
    let mut get = Running::start(mirror(cluster.endpoint(0), &options).into_command());
    tokio::time::sleep(Duration::from_millis(300)).await;
    cluster.restart(0).await;
    assert_eq!(get.end(), Some(0), "{:?}", get.stderr());
    assert_eq!(get.stdout(), ["blue"]);
}

// The proxy needs a thread of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_shows_how_far_it_has_come() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mut client = cluster.client().await;
    fill(&mut client, "k", 0..45_000, b"some value").await;
    // Two pages and a part, of which each takes some seconds.
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    proxy.limit(1_000_000);
    let mirror = follow(&proxy.endpoint(), &[]);
    let (_, line) = mirror.line(" of 45000 keys", 0);
    assert!(line.contains(" listing: "), "{line}");
    mirror.line(" fresh: revision ", 0);
}
