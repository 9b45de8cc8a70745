//! The HTTP server as embedders use it: a handler without a socket, and a server that drains.

use http_body_util::BodyExt;
use localmap::wasmtime::component::Linker;
use localmap::{Limits, Preload, Ttl, lock};
use localmap_serve::hyper::{Request, StatusCode, Version};
use localmap_serve::{
    Connection, Handler, HandlerError, HandlerOptions, HttpFailure, InstanceError, LogSink,
    MapError, MapScope, RequestRecord, Sandbox, SandboxConfig, Server, listen,
};
use localmap_tests::guest;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn handler(options: &HandlerOptions) -> Handler {
    let component = fs::read(guest("served")).expect("it is built");
    Handler::new(&component, options).expect("it is a handler")
}

fn connection() -> Connection {
    let local = ([127, 0, 0, 1], 80).into();
    Connection::new(([127, 0, 0, 1], 50_000).into(), local)
}

async fn get(handler: &Handler, connection: &Connection, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).header("host", "localhost");
    let request = request.body(String::new()).expect("a request");
    let response = handler.handle(connection, request).await;
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body");
    let text = String::from_utf8(body.to_bytes().to_vec()).expect("UTF-8");
    (status, text)
}

#[derive(Default)]
struct Records(Mutex<Vec<RequestRecord>>);

impl LogSink for Records {
    fn request(&self, record: &RequestRecord) {
        lock(&self.0).push(record.clone());
    }
}

#[tokio::test]
async fn a_handler_answers_requests_that_another_server_has_read() {
    let records = Arc::new(Records::default());
    let entry = Preload {
        key: b"seed".to_vec(),
        value: b"1".to_vec(),
        ttl: Ttl::Never,
    };
    let options = HandlerOptions::new()
        .map_scope(MapScope::Connection)
        .entries(vec![entry])
        .log(records.clone());
    let handler = handler(&options);
    let (one, other) = (connection(), connection());
    let ok = |text: &str| (StatusCode::OK, text.to_owned());
    assert_eq!(get(&handler, &one, "/count").await, ok("1\n"));
    assert_eq!(get(&handler, &one, "/count").await, ok("2\n"));
    assert_eq!(get(&handler, &other, "/count").await, ok("1\n"));
    assert_eq!(get(&handler, &other, "/get/seed").await, ok("1"));
    let (status, text) = get(&handler, &one, "/trap").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(text, "the guest failed\n");
    handler.guests_ended().await;
    assert_eq!(handler.running_guests(), 0);
    assert_eq!(handler.live_maps(), 2);
    // The map of a connection ends with it.
    drop(one);
    assert_eq!(handler.live_maps(), 1);
    let records = lock(&records.0);
    assert_eq!(records.len(), 5);
    assert!(
        records
            .iter()
            .all(|record| record.map.as_deref() == Some("connection"))
    );
    let cause = records[4].cause.as_deref().unwrap_or_default();
    assert!(cause.starts_with("the guest trapped"), "{cause}");
}

/// Another server may have read requests of other versions, whose targets have an authority.
#[tokio::test]
async fn a_handler_decides_the_authority_of_a_request() {
    let handler = handler(&HandlerOptions::new());
    let connection = connection();
    let ask = async |version, target: &str, hosts: &[&str]| {
        let mut request = Request::get(target).version(version);
        for host in hosts {
            request = request.header("host", *host);
        }
        let request = request.body(String::new()).expect("a request");
        let response = handler.handle(&connection, request).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body");
        (
            status,
            String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        )
    };
    for (version, target, hosts, authority) in [
        (Version::HTTP_2, "https://a/authority", &[][..], "a"),
        (Version::HTTP_2, "https://a/authority", &["b"], "a"),
        (Version::HTTP_2, "/authority", &["b"], "b"),
        (Version::HTTP_11, "http://a/authority", &["b"], "a"),
        (Version::HTTP_11, "/authority", &["b"], "b"),
        (Version::HTTP_10, "/authority", &[], "127.0.0.1:80"),
    ] {
        let answer = ask(version, target, hosts).await;
        assert_eq!(answer, (200, authority.to_owned()), "{target} {hosts:?}");
    }
    for (version, target, hosts) in [
        (Version::HTTP_2, "/authority", &[][..]),
        (Version::HTTP_2, "https://a/authority", &["[::1"]),
        (Version::HTTP_11, "http://a/authority", &[]),
        (Version::HTTP_11, "http://a/authority", &[""]),
        (Version::HTTP_11, "foo", &["a"]),
    ] {
        let (status, _) = ask(version, target, hosts).await;
        assert_eq!(status, 400, "{target} {hosts:?}");
    }
}

/// A log of the requests that guests could not send.
#[derive(Default)]
struct Failures(Mutex<Vec<String>>);

impl LogSink for Failures {
    fn request(&self, _record: &RequestRecord) {}

    fn http_failed(&self, record: &RequestRecord, failure: &HttpFailure) {
        let target = record.request.as_ref().map(|line| line.uri.to_string());
        let target = target.expect("a request");
        lock(&self.0).push(format!("{target}: {failure}"));
    }
}

#[tokio::test]
async fn what_a_guest_could_not_send_is_reported_with_its_own_request() {
    let reported = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&reported);
    let sandbox = SandboxConfig::new()
        .allow_http("example.com".parse().expect("a host"))
        .on_http_failure(move |failure| lock(&to).push(failure.to_string()));
    let denied = (StatusCode::OK, "ErrorCode::HttpRequestDenied".to_owned());
    let told = "GET https://localhost: the host is not allowed";
    // Without a log, the sandbox reports.
    let plain = handler(&HandlerOptions::new().sandbox(sandbox.clone()));
    assert_eq!(get(&plain, &connection(), "/fetch").await, denied);
    assert_eq!(*lock(&reported), [told]);
    let failures = Arc::new(Failures::default());
    let options = HandlerOptions::new().sandbox(sandbox).log(failures.clone());
    let logged = handler(&options);
    assert_eq!(get(&logged, &connection(), "/fetch").await, denied);
    assert_eq!(*lock(&failures.0), [format!("/fetch: {told}")]);
    assert_eq!(lock(&reported).len(), 1);
}

/// A handler is created, but no request could be answered.
#[tokio::test]
async fn a_guest_that_cannot_be_instantiated_is_found_by_a_trial() {
    let tried = handler(&HandlerOptions::new()).try_instance().await;
    tried.expect("an instance");
    let few = SandboxConfig::new().max_memory(64 << 10);
    let tried = handler(&HandlerOptions::new().sandbox(few))
        .try_instance()
        .await;
    let denied = tried.expect_err("it needs more");
    assert!(
        matches!(
            denied,
            HandlerError::Instance(InstanceError::Memory { max: 65_536, .. })
        ),
        "{denied}"
    );
    // The only map may be that of the server.
    let one = HandlerOptions::new()
        .map_scope(MapScope::Server)
        .max_maps(1);
    handler(&one).try_instance().await.expect("an instance");
}

#[tokio::test]
async fn the_guest_of_a_dropped_request_runs_to_its_end() {
    let handler = handler(&HandlerOptions::new().map_scope(MapScope::Server));
    let connection = connection();
    let early = get(&handler, &connection, "/sleep/100");
    assert!(
        tokio::time::timeout(Duration::from_millis(20), early)
            .await
            .is_err()
    );
    assert_eq!(handler.running_guests(), 1);
    handler.guests_ended().await;
    let stats = handler.stats().expect("a map");
    assert_eq!(stats.entries, 0);
}

#[tokio::test]
async fn a_server_reports_the_requests_that_it_cut_off() {
    let sandbox = SandboxConfig::new().timeout(Some(Duration::from_secs(60)));
    let server = Server::new(handler(&HandlerOptions::new().sandbox(sandbox)));
    let listener = listen(([127, 0, 0, 1], 0).into()).expect("a port");
    let request = Request::get("/sleep/60000").header("host", "localhost");
    let request = request.body(String::new()).expect("a request");
    let connection = connection();
    tokio::select! {
        () = server.serve(listener) => {}
        _ = server.handler().handle(&connection, request) => {}
        () = tokio::time::sleep(Duration::from_millis(100)) => {}
    }
    assert_eq!(server.shutdown(Duration::from_millis(100)).await, 1);
    // A draining server accepts no connections.
    server
        .serve(listen(([127, 0, 0, 1], 0).into()).expect("a port"))
        .await;
}

#[test]
fn what_cannot_be_served_is_an_error_of_its_kind() {
    let refused = |path: &std::path::Path, options: &HandlerOptions| {
        let bytes = fs::read(path).expect("a file");
        Handler::new(&bytes, options).expect_err("it is refused")
    };
    let options = HandlerOptions::new();
    let command = refused(&guest("probe"), &options);
    assert!(matches!(command, HandlerError::Command), "{command}");
    let map = Handler::new(localmap::MAP_COMPONENT, &options).expect_err("it is refused");
    assert!(matches!(map, HandlerError::NotAHandler), "{map}");
    let text = Handler::new(b"text", &options).expect_err("it is refused");
    assert!(matches!(text, HandlerError::Component(_)), "{text}");
    let limits = HandlerOptions::new().limits(Limits::default().max_bytes(1));
    let limits = refused(&guest("served"), &limits);
    assert!(
        matches!(limits, HandlerError::Map(MapError::Create(_))),
        "{limits}"
    );
    let folder = SandboxConfig::new().dir("no-such-folder", "folder");
    let folder = refused(&guest("served"), &HandlerOptions::new().sandbox(folder));
    assert!(matches!(folder, HandlerError::Sandbox(_)), "{folder}");
}

/// Without a deadline of its own, a store on an engine that counts epochs would end at once.
#[test]
fn a_store_without_a_timeout_runs_what_was_compiled_with_one() {
    let component = wat::parse_str(
        r#"(component
            (core module $m (func (export "f") (local i32)
                (loop $again
                    (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                    (br_if $again (i32.lt_u (local.get 0) (i32.const 1000))))))
            (core instance $i (instantiate $m))
            (func (export "f") (canon lift (core func $i "f"))))"#,
    )
    .expect("a component");
    let with_timeout = SandboxConfig::new().timeout(Some(Duration::from_secs(60)));
    let component = with_timeout.compile(&component).expect("it compiles");
    let engine = component.engine();
    let call = |config: &SandboxConfig| {
        let wasi = config.wasi().expect("nothing is granted").build();
        let mut store = config.store(engine, Sandbox::new(wasi, None, ()));
        let instance = Linker::new(engine).instantiate(&mut store, &component)?;
        let f = instance.get_typed_func::<(), ()>(&mut store, "f")?;
        f.call(&mut store, ())
    };
    call(&with_timeout).expect("it has time");
    engine.increment_epoch();
    call(&SandboxConfig::new()).expect("it has no deadline");
    engine.increment_epoch();
    call(&SandboxConfig::new()).expect("it has none again");
}
