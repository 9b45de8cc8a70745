//! `--admin`: what operators and probes see while a program runs.

use crate::serve::client::{Client, PATIENCE, Response, Server, wait_for};
use crate::sidecar::client::{Sidecar, get, set};
use localmap_tests::{guest, localmap};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// The admin address of a program.
struct Admin(String);

impl Admin {
    /// Finds the address in a line of standard error.
    fn of(line: &str) -> Self {
        let address = line.strip_prefix("Admin on http://").expect("an address");
        Self(address.trim_end_matches('/').to_owned())
    }

    fn ask(&self, path: &str) -> Response {
        let stream = TcpStream::connect(&self.0).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut client = Client(BufReader::new(stream));
        client.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes());
        client.response(false)
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.ask(path).ok()).expect("it is JSON")
    }

    fn metrics(&self) -> Metrics {
        Metrics(self.ask("/metrics").ok())
    }
}

/// Metrics, as a scraper reads them.
struct Metrics(String);

impl Metrics {
    /// Returns the sum of the samples that have these labels.
    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let samples = self.0.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (known, of) = series.split_once('{').unwrap_or((series, ""));
            let fits = |(label, value): &(&str, &str)| of.contains(&format!("{label}=\"{value}\""));
            let wanted = known == name && labels.iter().all(fits);
            wanted.then(|| value.parse::<f64>().expect("a number"))
        });
        samples.sum()
    }

    #[track_caller]
    fn check(&self, name: &str, labels: &[(&str, &str)], expected: u32) {
        let sum = self.sum(name, labels);
        let differs = (sum - f64::from(expected)).abs() > 0.5;
        assert!(
            !differs,
            "{name} {labels:?} is {sum}, not {expected}:\n{}",
            self.0
        );
    }
}

fn start(options: &[&str]) -> (Server, Admin) {
    let server = Server::start(&[&["--admin", "127.0.0.1:0"], options].concat());
    let admin = Admin::of(&server.line("Admin on "));
    (server, admin)
}

fn ask(server: &Server, tenant: &str, path: &str) -> Response {
    let headers = [("x-tenant", tenant)];
    server.connect().ask("GET", path, &headers, b"")
}

const HEADER: [&str; 2] = ["--map-scope", "header:x-tenant"];

#[test]
fn the_locks_of_a_guard_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules = folder.path().join("rules.toml");
    let text = r#"
        otherwise = "refuse"
        [[rule]]
        path = "/{*command}"
        key = "{header:x-key}"
        wait = "0s"
    "#;
    std::fs::write(&rules, text).expect("a file");
    let rules = rules.display().to_string();
    let (server, admin) = start(&["--map-scope", "server", "--guard", &rules]);
    let mut holder = server.connect();
    holder.begin("PUT", "/stream/2/600000", &[("x-key", "a")], 0);
    assert_eq!(holder.head().status, 200);
    let ask = |key| {
        server
            .connect()
            .ask("PUT", "/method", &[("x-key", key)], b"")
    };
    assert_eq!((ask("a").status, ask("b").status), (423, 200));
    let metrics = admin.metrics();
    metrics.check("localmap_guard_available", &[], 1);
    metrics.check("localmap_guard_acquired_total", &[], 2);
    let held = [("reason", "held")];
    metrics.check("localmap_guard_refused_total", &held, 1);
    metrics.check("localmap_guard_refused_total", &[], 1);
    metrics.check("localmap_guard_leases_total", &[], 0);
}

#[test]
fn the_operations_of_served_guests_are_counted_exactly() {
    // A map begins with an entry, which no guest has set.
    let options = ["--max-value", "3", "--entry", "first=1"];
    let (server, admin) = start(&[&HEADER[..], &options].concat());
    for tenant in ["a", "b", "b"] {
        ask(&server, tenant, "/set/k/v").ok();
        ask(&server, tenant, "/get/k").ok();
        ask(&server, tenant, "/get/other").ok();
    }
    assert_eq!(ask(&server, "a", "/set/k/four").status, 500);
    assert_eq!(server.get("/get/k").status, 400);
    let metrics = admin.metrics();
    let operation = |operation, outcome, count| {
        let labels = [
            ("class", "default"),
            ("operation", operation),
            ("outcome", outcome),
        ];
        metrics.check("localmap_operations_total", &labels, count);
    };
    operation("set", "ok", 3);
    operation("set", "value_too_large", 1);
    operation("get", "hit", 3);
    operation("get", "miss", 3);
    metrics.check("localmap_operations_total", &[], 10);
    let gets = [("operation", "get")];
    metrics.check("localmap_operation_duration_seconds_count", &gets, 6);
    // The statistics of maps are up to a second old.
    wait_for("a survey", || {
        admin.metrics().sum("localmap_hits_total", &[]) > 2.5
    });
    let metrics = admin.metrics();
    for (tenant, hits) in [("a", 1), ("b", 2)] {
        metrics.check("localmap_tenant_hits_total", &[("tenant", tenant)], hits);
    }
    metrics.check("localmap_tenants", &[("class", "default")], 2);
    // The last byte of a response is on its way before its request has ended.
    let requests = |status, count: u32| {
        wait_for("the end of the requests", || {
            let labels = [("protocol", "http"), ("method", "GET"), ("status", status)];
            admin.metrics().sum("localmap_requests_total", &labels) >= f64::from(count)
        });
    };
    requests("200", 9);
    requests("500", 1);
    requests("400", 1);
    admin.metrics().check("localmap_requests_total", &[], 11);
    admin.metrics().check("localmap_requests_in_flight", &[], 0);
}

#[test]
fn each_scope_is_a_class() {
    for (scope, maps) in [("request", 2), ("connection", 1), ("server", 1)] {
        let (server, admin) = start(&["--map-scope", scope]);
        let mut client = server.connect();
        client.get("/get/k").ok();
        client.get("/get/k").ok();
        let metrics = admin.metrics();
        metrics.check("localmap_operations_total", &[("class", scope)], 2);
        let created = metrics.sum("localmap_maps_created_total", &[]);
        assert!(created >= f64::from(maps), "{scope}: {created}");
        let listed = u64::from(scope == "server");
        wait_for("a survey", || admin.json("/maps")["total"] == listed);
    }
}

/// Also of maps that end before anybody looks.
#[test]
fn reads_and_writes_of_each_scope_are_counted() {
    for (options, class, paths) in [
        (&[][..], "request", ["/set/k/v", "/get/k", "/get/k"]),
        (
            &["--map-scope", "connection"],
            "connection",
            ["/set/k/v", "/get/k", "/get/other"],
        ),
        (
            &["--map-scope", "server"],
            "server",
            ["/set/k/v", "/get/k", "/get/other"],
        ),
    ] {
        let (server, admin) = start(options);
        // From the start, so that rates have a first value.
        wait_for("the class", || {
            admin.json("/stats")["classes"][0]["name"] == class
        });
        let mut client = server.connect();
        for path in paths {
            client.get(path).ok();
        }
        drop(client);
        let hits = u32::from(class != "request");
        let misses = 2 - hits;
        wait_for("a survey", || {
            admin.json("/stats")["classes"][0]["misses"] == misses
        });
        let of = &admin.json("/stats")["classes"][0];
        assert_eq!((&of["hits"], &of["writes"]), (&hits.into(), &1.into()));
        let counts = of["operations"].as_array().expect("operations").iter();
        let counts = counts.map(|operation| operation["count"].as_u64());
        assert_eq!(counts.sum::<Option<u64>>(), Some(3));
        let metrics = admin.metrics();
        let labels = [("class", class)];
        metrics.check("localmap_hits_total", &labels, hits);
        metrics.check("localmap_misses_total", &labels, misses);
        metrics.check("localmap_writes_total", &labels, 1);
        metrics.check("localmap_refused_writes_total", &labels, 0);
        assert!(metrics.0.contains("localmap_refused_writes_total{"));
    }
}

#[test]
fn probes_see_when_requests_are_served() {
    let (mut server, admin) = start(&[]);
    wait_for("readiness", || admin.ask("/readyz").status == 200);
    let mut client = server.connect();
    client.begin("GET", "/stream/2/1500", &[], 0);
    assert_eq!(client.head().status, 200);
    server.signal("TERM");
    // While the last request is still answered.
    wait_for("the end of readiness", || {
        admin.ask("/readyz").status == 503
    });
    assert_eq!(admin.ask("/healthz").status, 200);
    assert!(client.rest());
    assert_eq!(server.wait().code(), Some(0));
    assert!(TcpStream::connect(&admin.0).is_err());
}

#[test]
fn a_hostile_tenant_breaks_no_output() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.json");
    let trace = path.display().to_string();
    let (mut server, admin) = start(&[&HEADER[..], &["--trace", &trace]].concat());
    let names = [
        "</script><script>alert(1)</script>",
        "\"} 1 \\",
        "\u{202e}\u{feff}\t'`${x}",
        "other",
        &"x".repeat(200),
    ];
    for name in names {
        ask(&server, name, "/count").ok();
    }
    wait_for("a survey of all tenants", || {
        admin.json("/maps")["total"] == names.len()
    });
    let text = admin.metrics().0;
    assert!(text.is_ascii(), "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(!series.contains('{') || series.ends_with('}'), "{line}");
    }
    let maps = admin.json("/maps");
    let mut found: Vec<_> = maps["tenants"]
        .as_array()
        .expect("tenants")
        .iter()
        .collect();
    found.retain(|row| row["kind"] == "tenant");
    assert_eq!(found.len(), names.len());
    for name in names {
        let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(found.iter().any(|row| row["name_hex"] == *hex), "{name}");
    }
    assert!(!admin.ask("/").ok().contains("alert(1)"));
    server.ended();
    let operations = super::trace::Trace::read(&path).operations();
    assert_eq!(operations.len(), names.len());
}

/// Maps of a header with secret values are known by their class alone.
#[test]
fn secret_tenants_are_not_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.json");
    let trace = path.display().to_string();
    let options = ["--map-scope", "header:authorization", "--trace", &trace];
    let (mut server, admin) = start(&options);
    let headers = [("authorization", "Bearer s3cret")];
    server.connect().ask("GET", "/count", &headers, b"").ok();
    let metrics = admin.metrics();
    metrics.check("localmap_operations_total", &[("class", "default")], 1);
    server.signal("USR1");
    server.line("The trace is in");
    let trace = std::fs::read_to_string(&path).expect("it was written");
    assert!(trace.contains("\"increment\""));
    for text in [
        metrics.0,
        admin.ask("/maps").ok(),
        admin.ask("/stats").ok(),
        trace,
    ] {
        assert!(!text.contains("s3cret"), "{text}");
    }
    server.ended();
}

#[test]
fn an_address_that_cannot_be_used_is_refused_before_the_guest_is_read() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken
        .local_addr()
        .map(|address| (address.to_string(), taken));
    let (taken, _listener) = taken.expect("it is bound");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let (file, missing) = (
        format!("unix:{}", file.display()),
        format!("unix:{}/missing/admin.sock", folder.path().display()),
    );
    let start = |address: &str| {
        let options = ["serve", "--addr", "127.0.0.1:0", "--admin", address];
        localmap().args(options).arg("missing.wasm").run()
    };
    for (address, texts) in [
        (
            taken.as_str(),
            &["--admin 127.0.0.1:", "another port, or port 0"][..],
        ),
        (&file, &["--admin unix:", "is no socket"]),
        (&missing, &["--admin unix:", "folder does not exist"]),
    ] {
        start(address).refused(texts);
    }
    for address in [
        "0.0.0.0:9090",
        "192.0.2.1:9090",
        "[::]:9090",
        "9090",
        "example.org:80",
    ] {
        let finished = start(address);
        assert_eq!(finished.code, Some(2));
        assert!(finished.stderr.contains("127.0.0.1"), "{finished:?}");
    }
    assert!(start("0.0.0.0:9090").stderr.contains("no password"));
}

#[test]
fn options_that_others_need_are_named() {
    for (options, needed) in [
        (&["--metrics-tenants", "5"][..], "--admin <ADDRESS>|--otlp"),
        (&["--trace-spans", "5"], "--trace <FILE>|--admin"),
        (&["--trace-keys"], "--trace <FILE>|--trace-spans"),
        (
            &["--trace-keys", "--admin", "127.0.0.1:0"],
            "--trace <FILE>|--trace-spans",
        ),
        (
            &["--trace-keys", "--trace-spans", "5"],
            "--trace <FILE>|--admin",
        ),
    ] {
        for command in ["serve", "run"] {
            let finished = localmap()
                .arg(command)
                .args(options)
                .arg("missing.wasm")
                .run();
            assert_eq!(finished.code, Some(2), "{options:?}");
            assert!(finished.stderr.contains(needed), "{finished:?}");
        }
    }
}

#[test]
fn clients_and_operators_have_different_addresses() {
    for (addr, admin) in [
        ("127.0.0.1:9", "127.0.0.1:9"),
        ("localhost:9", "localhost:9"),
        ("0.0.0.0:9", "127.0.0.1:9"),
        ("[::1]:9", "[::1]:9"),
    ] {
        let options = ["serve", "--addr", addr, "--admin", admin, "missing.wasm"];
        let finished = localmap().args(options).run();
        finished.refused(&["--addr", "--admin", "are the same"]);
    }
}

#[test]
fn an_export_needs_a_program_that_was_built_for_it() {
    let options = ["serve", "--otlp", "http://127.0.0.1:4317", "missing.wasm"];
    localmap().args(options).run().refused(&["--features otlp"]);
}

#[test]
fn a_socket_is_for_its_owner() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("admin.sock");
    let address = format!("unix:{}", path.display());
    let mut server = Server::start(&["--admin", &address]);
    assert_eq!(server.line("Admin on "), format!("Admin on {address}"));
    let metadata = std::fs::metadata(&path).expect("a socket");
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
    assert_eq!(mode & 0o777, 0o600);
    let mut stream = UnixStream::connect(&path).expect("it listens");
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .expect("it is read");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("a response");
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    server.ended();
    assert!(!path.exists());
}

#[test]
fn requests_are_answered_while_the_address_is_hammered() {
    let (server, admin) = start(&HEADER);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for path in ["/metrics", "/stats", "/maps?sort=bytes", "/"] {
            let (admin, stop) = (&admin, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(admin.ask(path).status, 200, "{path}");
                }
            });
        }
        let mut client = server.connect();
        for number in 0..200 {
            let tenant = format!("t{}", number % 20);
            let headers = [("x-tenant", tenant.as_str())];
            client.ask("GET", "/count", &headers, b"").ok();
        }
        stop.store(true, Ordering::Relaxed);
    });
    admin.metrics().check("localmap_operations_total", &[], 200);
    wait_for("a survey of all tenants", || {
        admin.json("/maps")["total"] == 20
    });
}

#[test]
fn spans_are_at_the_address_if_they_are_kept() {
    let (server, admin) = start(&["--trace-spans", "1K", "--map-scope", "server"]);
    server.text("/count");
    // There is no file, so the signal does nothing but say so.
    server.signal("USR1");
    server.line("SIGUSR1 has no effect without --trace FILE");
    server.text("/count");
    let trace = admin.json("/trace");
    let events = trace["traceEvents"].as_array().expect("events").iter();
    let operations = events.filter(|event| event["cat"] == "operation");
    assert_eq!(operations.count(), 2);
    let (server, admin) = start(&[]);
    assert_eq!(admin.ask("/trace").status, 404);
    server.signal("USR1");
    server.line("SIGUSR1 has no effect without --trace FILE");
    assert_eq!(admin.ask("/healthz").status, 200);
}

#[test]
fn a_run_can_be_watched() {
    let mut child = localmap()
        .args(["run", "--admin", "127.0.0.1:0"])
        .arg(guest("probe"))
        .args(["set", "k", "v", "then", "get", "k", "then", "echo"])
        .into_command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    let stderr = child.stderr.take().expect("it is piped");
    BufReader::new(stderr).read_line(&mut line).expect("a line");
    let admin = Admin::of(line.trim_end());
    let mut said = [0; 2];
    let stdout = child.stdout.as_mut().expect("it is piped");
    stdout.read_exact(&mut said).expect("it is printed");
    assert_eq!(&said, b"v\n");
    assert_eq!(admin.ask("/readyz").status, 200);
    let metrics = admin.metrics();
    metrics.check("localmap_operations_total", &[("class", "run")], 2);
    wait_for("a survey", || {
        admin.metrics().sum("localmap_entries", &[("class", "run")]) > 0.0
    });
    // There can be no tenants.
    assert!(!admin.metrics().0.contains("localmap_tenants{"));
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[tokio::test]
async fn the_calls_of_peers_are_counted() {
    let mut sidecar = Sidecar::start(&["--admin", "127.0.0.1:0"]);
    let admin = Admin::of(&sidecar.line("Admin on "));
    let client = &mut sidecar.client().await;
    set(client, "a", b"k").await;
    get(client, "a", b"k").await.expect("an answer");
    get(client, "b", b"k").await.expect("an answer");
    get(client, "", b"k").await.expect_err("no tenant");
    let metrics = admin.metrics();
    let calls = |method, status, count| {
        let labels = [("protocol", "grpc"), ("method", method), ("status", status)];
        metrics.check("localmap_requests_total", &labels, count);
    };
    calls("Set", "OK", 1);
    calls("Get", "OK", 2);
    calls("Get", "INVALID_ARGUMENT", 1);
    metrics.check("localmap_operations_total", &[("class", "default")], 3);
    wait_for("a survey of both", || admin.json("/maps")["total"] == 2);
    wait_for("readiness", || admin.ask("/readyz").status == 200);
    sidecar.signal("TERM");
    assert_eq!(sidecar.wait().code(), Some(0));
}
