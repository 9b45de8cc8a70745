//! The HTTP server with a guard: the order of its checks, and what holds a lock for how long.

use http_body_util::BodyExt;
use localmap::{TenantClass, TenantsOptions, lock};
use localmap_lease::{Guard, Locks, Rules};
use localmap_serve::hyper::{Request, Response, StatusCode};
use localmap_serve::{
    Connection, Handler, HandlerOptions, LogSink, MapScope, RequestRecord, ResponseBody, Reuse,
};
use localmap_tests::guest;
use std::fs;
use std::sync::{Arc, Mutex};
use tokio::task::yield_now;

const RULES: &str = r#"
    otherwise = "refuse"
    max-waiters = 1

    [[rule]]
    path = "/header/{name}"
    mode = "pass"

    # Commands of the guest.
    [[rule]]
    path = "/{*command}"
    key = "{header:x-key}"
    wait = "60s"
"#;

#[derive(Default)]
struct Records(Mutex<Vec<RequestRecord>>);

impl LogSink for Records {
    fn request(&self, record: &RequestRecord) {
        lock(&self.0).push(record.clone());
    }
}

struct Fixture {
    handler: Handler,
    locks: Locks,
    connection: Connection,
    records: Arc<Records>,
}

impl Fixture {
    fn new(rules: &str, options: HandlerOptions) -> Self {
        let rules: Rules = rules.parse().expect("the rules are valid");
        let locks = Locks::in_process(rules.lock_limits());
        let records = Arc::new(Records::default());
        let options = options
            .guard(Guard::new(locks.clone(), rules))
            .log(records.clone());
        let component = fs::read(guest("served")).expect("it is built");
        let local = ([127, 0, 0, 1], 80).into();
        Self {
            handler: Handler::new(&component, &options).expect("it is a handler"),
            locks,
            connection: Connection::new(([127, 0, 0, 1], 50_000).into(), local),
            records,
        }
    }

    async fn begin(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Response<ResponseBody> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in [("host", "localhost")].iter().chain(headers) {
            request = request.header(*name, *value);
        }
        let request = request.body(String::new()).expect("a request");
        self.handler.handle(&self.connection, request).await
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let response = self.begin(method, path, headers).await;
        let status = response.status().as_u16();
        (status, text(response).await)
    }

    /// Returns the cause of the last request in the log.
    fn cause(&self) -> String {
        let records = lock(&self.records.0);
        let record = records.last().expect("it has ended");
        record.cause.clone().unwrap_or_default()
    }
}

async fn text(response: Response<ResponseBody>) -> String {
    let body = response.into_body().collect().await.expect("a body");
    String::from_utf8_lossy(&body.to_bytes()).into_owned()
}

fn server() -> HandlerOptions {
    HandlerOptions::new().map_scope(MapScope::Server)
}

const A: (&str, &str) = ("x-key", "a");
const B: (&str, &str) = ("x-key", "b");

fn at_once() -> String {
    RULES.replace("60s", "0s")
}

#[tokio::test]
async fn a_request_has_its_lock_until_its_guest_has_ended() {
    for options in [server(), server().reuse(Reuse::new(10))] {
        let fixture = Fixture::new(&at_once(), options);
        let first = fixture.begin("PUT", "/stream/2/1000", &[A]).await;
        assert_eq!(first.status(), StatusCode::OK);
        let locked = (423, "the resource is locked\n".to_owned());
        assert_eq!(fixture.ask("GET", "/len", &[A]).await, locked);
        assert_eq!(fixture.cause(), "the guard: others hold the lock (`a`)");
        assert_eq!(fixture.ask("GET", "/len", &[B]).await.0, 200);
        assert_eq!(text(first).await, "0\n1\n");
        fixture.handler.guests_ended().await;
        assert_eq!(fixture.ask("GET", "/len", &[A]).await.0, 200);
        // A client that leaves does not end its guest.
        let first = fixture.begin("PUT", "/after/1000", &[A]).await;
        assert_eq!(text(first).await, "before");
        assert_eq!(fixture.ask("GET", "/get/after", &[A]).await, locked);
        fixture.handler.guests_ended().await;
        let after = fixture.ask("GET", "/get/after", &[A]).await;
        assert_eq!(after, (200, "done".to_owned()));
    }
}

#[tokio::test]
async fn readers_share_a_lock() {
    let fixture = Fixture::new(&at_once(), server());
    let readers = [
        fixture.begin("GET", "/stream/1/5000", &[A]).await,
        fixture.begin("HEAD", "/stream/1/5000", &[A]).await,
    ];
    assert!(
        readers
            .iter()
            .all(|reader| reader.status() == StatusCode::OK)
    );
    for method in ["PUT", "POST", "DELETE", "PATCH"] {
        assert_eq!(fixture.ask(method, "/len", &[A]).await.0, 423, "{method}");
    }
    drop(readers);
    fixture.handler.guests_ended().await;
    assert_eq!(fixture.ask("DELETE", "/len", &[A]).await.0, 200);
}

#[tokio::test]
async fn the_guest_gets_the_token_and_no_client_can_set_it() {
    let rules = at_once().replace("/header/{name}", "/header/host");
    let fixture = Fixture::new(&rules, server());
    let forged = ("localmap-fence", "999999");
    let mut last = 0;
    for method in ["PUT", "GET"] {
        let (_, token) = fixture
            .ask(method, "/header/localmap-fence", &[A, forged, forged])
            .await;
        let token: u64 = token.parse().expect("one number");
        assert!(token > last && token < 999_999, "{token}");
        last = token;
        fixture.handler.guests_ended().await;
    }
    let fixture = Fixture::new(&at_once(), server());
    let forged = [forged];
    let passed = fixture.ask("PUT", "/header/localmap-fence", &forged).await;
    assert_eq!(passed, (200, String::new()));
}

#[tokio::test]
async fn requests_that_wait_take_no_places_and_no_maps() {
    let options = HandlerOptions::new().max_requests(2).max_maps(2);
    let fixture = Fixture::new(RULES, options);
    let first = fixture.begin("PUT", "/stream/1/5000", &[A]).await;
    let mut waiting = Box::pin(fixture.ask("PUT", "/len", &[A]));
    while fixture.locks.waiting() == 0 {
        tokio::select! {
            biased;
            answer = &mut waiting => panic!("it did not wait: {answer:?}"),
            () = yield_now() => {}
        }
    }
    assert_eq!(fixture.handler.live_maps(), 1);
    assert_eq!(fixture.ask("PUT", "/len", &[B]).await.0, 200);
    // One more would wait, but the rules allow one.
    let (status, text) = fixture.ask("PUT", "/len", &[A]).await;
    assert_eq!(
        (status, text.as_str()),
        (503, "too many requests wait for the resource\n")
    );
    drop(first);
    assert_eq!(waiting.await, (200, "0".to_owned()));
    assert_eq!(fixture.locks.waiting(), 0);
}

#[tokio::test]
async fn a_client_that_leaves_while_it_waits_gives_its_place_up() {
    let fixture = Fixture::new(RULES, server());
    let first = fixture.begin("PUT", "/stream/1/5000", &[A]).await;
    let mut waiting = Box::pin(fixture.ask("PUT", "/len", &[A]));
    while fixture.locks.waiting() == 0 {
        tokio::select! {
            biased;
            answer = &mut waiting => panic!("it did not wait: {answer:?}"),
            () = yield_now() => {}
        }
    }
    drop(waiting);
    assert_eq!(fixture.locks.waiting(), 0);
    drop(first);
    fixture.handler.guests_ended().await;
    assert_eq!(fixture.ask("PUT", "/len", &[A]).await.0, 200);
}

#[tokio::test]
async fn refusals_are_for_the_protocol_of_the_client() {
    let fixture = Fixture::new(&at_once(), server());
    let (status, text) = fixture.ask("PUT", "/len", &[]).await;
    assert_eq!(
        (status, text.as_str()),
        (400, "missing header `x-key`, which names what to lock\n")
    );
    assert_eq!(fixture.ask("PUT", "/a/../len", &[A]).await.0, 400);
    let (status, text) = fixture.ask("PUT", "/", &[A]).await;
    assert_eq!(
        (status, text.as_str()),
        (403, "the request is not allowed\n")
    );
    assert_eq!(
        fixture.cause(),
        "the guard: no rule of the guard names the request"
    );
    let grpc = ("content-type", "application/grpc");
    let response = fixture.begin("POST", "/len", &[grpc]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["grpc-status"], "3");
    assert_eq!(response.headers()["content-type"], "application/grpc");
    assert_eq!(self::text(response).await, "");
    let holder = fixture.begin("PUT", "/stream/1/5000", &[A]).await;
    let response = fixture.begin("PUT", "/len", &[A]).await;
    assert_eq!(response.headers()["retry-after"], "1");
    drop(holder);
}

#[tokio::test]
async fn a_tenant_that_may_do_nothing_locks_nothing() {
    let known = TenantClass::new("known").matching(|name| name == b"known");
    let options = HandlerOptions::new()
        .map_scope("header:x-tenant".parse().expect("a scope"))
        .tenants(TenantsOptions::new().class(known));
    let fixture = Fixture::new(&at_once(), options);
    let holder = fixture
        .begin("PUT", "/stream/1/5000", &[A, ("x-tenant", "known")])
        .await;
    assert_eq!(holder.status(), StatusCode::OK);
    let unknown = [A, ("x-tenant", "unknown")];
    assert_eq!(fixture.ask("PUT", "/len", &unknown).await.0, 403);
    let known = [A, ("x-tenant", "known")];
    assert_eq!(fixture.ask("PUT", "/len", &known).await.0, 423);
}

/// A client that reads nothing does not keep the lock of a guest that has ended.
#[tokio::test]
async fn a_client_that_does_not_read_does_not_keep_the_lock() {
    let fixture = Fixture::new(&at_once(), server());
    let unread = fixture.begin("PUT", "/before/100000", &[A]).await;
    fixture.handler.guests_ended().await;
    assert_eq!(fixture.ask("PUT", "/len", &[A]).await.0, 200);
    assert_eq!(text(unread).await.len(), 100_000);
}
