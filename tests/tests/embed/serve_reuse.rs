//! Instances that answer several requests. The tests run on one thread, so that a request has begun
//! when the next is sent.

use http_body_util::BodyExt;
use localmap::lock;
use localmap_serve::hyper::{Request, Response, StatusCode};
use localmap_serve::{
    Connection, Handler, HandlerError, HandlerOptions, LogSink, MapScope, RequestRecord,
    ResponseBody, Reuse, ReuseError, SandboxConfig,
};
use localmap_tests::guest;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::{JoinHandle, yield_now};

#[derive(Default)]
struct Records(Mutex<Vec<RequestRecord>>);

impl LogSink for Records {
    fn request(&self, record: &RequestRecord) {
        lock(&self.0).push(record.clone());
    }
}

impl Records {
    /// Returns the record of a path.
    fn of(&self, path: &str) -> RequestRecord {
        let records = lock(&self.0);
        let mut found = records.iter().filter(|record| {
            let line = record.request.as_ref();
            line.is_some_and(|line| line.uri.path() == path)
        });
        found.next().expect("it has ended").clone()
    }
}

/// A handler whose instances answer several requests, and its log.
struct Fixture {
    handler: Handler,
    records: Arc<Records>,
}

impl Fixture {
    fn new(name: &str, reuse: Reuse, timeout: Duration) -> Self {
        let records = Arc::new(Records::default());
        let options = HandlerOptions::new()
            .map_scope(MapScope::Server)
            .sandbox(SandboxConfig::new().timeout(Some(timeout)))
            .reuse(reuse)
            .log(records.clone());
        let component = fs::read(guest(name)).expect("it is built");
        Self {
            handler: Handler::new(&component, &options).expect("it is a handler"),
            records,
        }
    }

    /// Sends a request, and waits until its guest waits. Returns its response.
    async fn begin(&self, path: &str) -> JoinHandle<Response<ResponseBody>> {
        let handler = self.handler.clone();
        let request = Request::get(path).header("host", "localhost");
        let request = request.body(String::new()).expect("a request");
        let response = tokio::spawn(async move {
            let local = ([127, 0, 0, 1], 80).into();
            let connection = Connection::new(([127, 0, 0, 1], 50_000).into(), local);
            handler.handle(&connection, request).await
        });
        for _ in 0..100 {
            yield_now().await;
        }
        response
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let response = self.begin(path).await.await.expect("no panic");
        let status = response.status();
        let body = response.into_body().collect().await;
        let body = body.map(|body| body.to_bytes().to_vec());
        let text = body.map_or("(cut off)".to_owned(), |body| {
            String::from_utf8_lossy(&body).into_owned()
        });
        (status, text)
    }
}

const LONG: Duration = Duration::from_secs(60);

fn ok(text: &str) -> (StatusCode, String) {
    (StatusCode::OK, text.to_owned())
}

/// Reads the next chunk of a body.
async fn chunk(response: &mut Response<ResponseBody>) -> Option<Vec<u8>> {
    let frame = response.body_mut().frame().await?.ok()?;
    frame.into_data().ok().map(|data| data.to_vec())
}

#[tokio::test]
async fn requests_are_in_one_instance_at_the_same_time() {
    let fixture = Fixture::new("wasip3_handler", Reuse::new(100).concurrent(4), LONG);
    for _ in 0..3 {
        let mut met = Vec::new();
        for _ in 0..4 {
            met.push(fixture.begin("/meet/4").await);
        }
        for met in met {
            assert_eq!(met.await.expect("no panic").status(), 200);
        }
        fixture.handler.guests_ended().await;
    }
    assert_eq!(fixture.get("/nth").await, ok("13"));
    // A fifth request at a time has another instance.
    let mut begun = Vec::new();
    for _ in 0..5 {
        begun.push(fixture.begin("/sleep/50").await);
    }
    assert_eq!(fixture.get("/nth").await, ok("2"));
    for begun in begun {
        assert_eq!(begun.await.expect("no panic").status(), 200);
    }
}

#[tokio::test]
async fn an_instance_ends_after_its_last_request() {
    let fixture = Fixture::new("wasip3_handler", Reuse::new(3).concurrent(2), LONG);
    for n in ["1", "2", "3", "1", "2", "3", "1"] {
        assert_eq!(fixture.get("/nth").await, ok(n));
        fixture.handler.guests_ended().await;
    }
    let records = lock(&fixture.records.0);
    let instances: Vec<_> = records.iter().map(|record| record.instance).collect();
    assert_eq!(instances, [1, 1, 1, 4, 4, 4, 7].map(Some));
}

#[tokio::test]
async fn a_trap_ends_all_requests_of_its_instance_and_no_others() {
    let fixture = Fixture::new("wasip3_handler", Reuse::new(100).concurrent(3), LONG);
    let mut streams = fixture
        .begin("/stream/1000/50")
        .await
        .await
        .expect("no panic");
    assert_eq!(chunk(&mut streams).await.as_deref(), Some(&b"0\n"[..]));
    let waits = fixture.begin("/sleep/60000").await;
    let traps = fixture.begin("/trap-after/20").await;
    // It is in another instance, since that of the others has three requests.
    let other = fixture.begin("/sleep/200").await;
    assert_eq!(traps.await.expect("no panic").status(), 500);
    assert_eq!(waits.await.expect("no panic").status(), 500);
    while chunk(&mut streams).await.is_some() {}
    assert!(
        streams.into_body().collect().await.is_err(),
        "it is cut off"
    );
    assert_eq!(other.await.expect("no panic").status(), 200);
    fixture.handler.guests_ended().await;
    let cause = fixture.records.of("/sleep/60000").cause.expect("a cause");
    assert!(cause.starts_with("the guest trapped: "), "{cause}");
    assert!(
        cause.ends_with("(its instance had 2 other requests)"),
        "{cause}"
    );
    // A single one of them is counted as one.
    let waits = fixture.begin("/sleep/60000").await;
    assert_eq!(fixture.get("/trap-after/21").await.0, 500);
    assert_eq!(waits.await.expect("no panic").status(), 500);
    fixture.handler.guests_ended().await;
    let cause = fixture.records.of("/trap-after/21").cause;
    let cause = cause.expect("a cause");
    assert!(
        cause.ends_with("(its instance had 1 other request)"),
        "{cause}"
    );
    // The map remains.
    assert_eq!(fixture.get("/count").await, ok("1\n"));
    assert_eq!(fixture.get("/count").await, ok("2\n"));
}

/// A guest can let no other request in while it answers one.
#[tokio::test]
async fn a_guest_that_lets_no_request_in_is_given_none() {
    let fixture = Fixture::new("wasip3_handler", Reuse::new(100).concurrent(3), LONG);
    let serial = fixture.begin("/serial/300").await;
    assert_eq!(fixture.get("/nth").await, ok("1"));
    assert_eq!(serial.await.expect("no panic").status(), 200);
    fixture.handler.guests_ended().await;
    assert_eq!(fixture.records.of("/serial/300").instance, Some(1));
    assert_eq!(fixture.records.of("/nth").instance, Some(2));
    assert_eq!(fixture.get("/nth").await, ok("2"));
}

/// Each request has its own time.
#[tokio::test]
async fn a_request_whose_time_is_up_ends_alone() {
    let timeout = Duration::from_secs(2);
    let fixture = Fixture::new("wasip3_handler", Reuse::new(100).concurrent(3), timeout);
    let mut begun = fixture.begin("/unfinished").await.await.expect("no panic");
    assert!(chunk(&mut begun).await.is_some());
    let never = fixture.begin("/never").await;
    tokio::time::sleep(timeout / 2).await;
    let later = fixture.begin("/sleep/1500").await;
    assert_eq!(never.await.expect("no panic").status(), 504);
    assert!(begun.into_body().collect().await.is_err(), "it is cut off");
    assert!(!later.is_finished());
    // The instance takes no more requests.
    assert_eq!(fixture.get("/nth").await, ok("1"));
    assert_eq!(later.await.expect("no panic").status(), 200);
    fixture.handler.guests_ended().await;
    let first = fixture.records.of("/unfinished");
    assert_eq!(first.cause.as_deref(), Some("the guest timed out after 2s"));
    assert_eq!(fixture.records.of("/sleep/1500").instance, first.instance);
}

/// It holds up those that are in the instance already, and no others.
#[tokio::test]
async fn a_loop_takes_along_the_requests_of_its_instance() {
    let timeout = Duration::from_secs(1);
    let fixture = Fixture::new("wasip3_handler", Reuse::new(100).concurrent(3), timeout);
    let waits = fixture.begin("/sleep/200").await;
    let spins = fixture.begin("/spin").await;
    // The guest computes, so that its instance takes no more, although it has room for one.
    assert_eq!(fixture.get("/nth").await, ok("1"));
    assert_eq!(spins.await.expect("no panic").status(), 504);
    assert_eq!(waits.await.expect("no panic").status(), 504);
    fixture.handler.guests_ended().await;
    assert_eq!(fixture.records.of("/spin").instance, Some(1));
    let cause = fixture.records.of("/sleep/200").cause;
    assert_eq!(cause.as_deref(), Some("the guest timed out after 1s"));
}

/// The work of a guest after its response counts for the request that ended last.
#[tokio::test]
async fn work_after_a_response_is_a_part_of_its_request() {
    let fixture = Fixture::new("wasip3_handler", Reuse::new(100).concurrent(2), LONG);
    assert_eq!(fixture.get("/after/50").await, ok("before"));
    assert_eq!(fixture.handler.running_guests(), 1);
    fixture.handler.guests_ended().await;
    assert_eq!(fixture.get("/get/after").await, ok("done"));
    assert_eq!(fixture.get("/trap-after-response/20").await, ok("before"));
    fixture.handler.guests_ended().await;
    let cause = fixture.records.of("/trap-after-response/20").cause;
    assert!(cause.is_some_and(|cause| cause.starts_with("the guest trapped: ")));
    assert_eq!(fixture.get("/nth").await, ok("1"));
}

#[tokio::test]
async fn an_idle_instance_ends_after_its_time_or_when_its_place_is_needed() {
    let short = Reuse::new(100).idle_timeout(Duration::from_millis(20));
    let fixture = Fixture::new("wasip3_handler", short, LONG);
    assert_eq!(fixture.get("/nth").await, ok("1"));
    while fixture.get("/nth").await != ok("1") {
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    // There is one place, which the instance of another map has.
    let header = "x-tenant".parse().expect("a name");
    let options = HandlerOptions::new()
        .map_scope(MapScope::Header(header))
        .reuse(Reuse::new(100).idle_timeout(LONG))
        .max_requests(1);
    let component = fs::read(guest("wasip3_handler")).expect("it is built");
    let handler = Handler::new(&component, &options).expect("it is a handler");
    let local = ([127, 0, 0, 1], 80).into();
    let connection = Connection::new(([127, 0, 0, 1], 50_000).into(), local);
    for (tenant, n) in [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2"), ("a", "1")] {
        let request = Request::get("/nth").header("host", "localhost");
        let request = request.header("x-tenant", tenant);
        let request = request.body(String::new()).expect("a request");
        let response = handler.handle(&connection, request).await;
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.expect("a body");
        assert_eq!(body.to_bytes(), n.as_bytes(), "{tenant}");
        handler.guests_ended().await;
    }
}

/// The instances of a map end with it, and so does the map with its instances.
#[tokio::test]
async fn instances_end_with_the_connection_of_their_map() {
    let options = HandlerOptions::new()
        .map_scope(MapScope::Connection)
        .reuse(Reuse::new(100).idle_timeout(LONG));
    let component = fs::read(guest("wasip3_handler")).expect("it is built");
    let handler = Handler::new(&component, &options).expect("it is a handler");
    let local = ([127, 0, 0, 1], 80).into();
    let connection = Connection::new(([127, 0, 0, 1], 50_000).into(), local);
    let request = Request::get("/count").header("host", "localhost");
    let request = request.body(String::new()).expect("a request");
    let response = handler.handle(&connection, request).await;
    drop(response.into_body().collect().await.expect("a body"));
    handler.guests_ended().await;
    assert_eq!(handler.live_maps(), 1);
    drop(connection);
    while handler.live_maps() > 0 {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_guest_of_wasi_0_2_is_reused_one_request_after_the_other() {
    let fixture = Fixture::new("served", Reuse::new(3), LONG);
    for n in ["1\n", "2\n", "3\n", "4\n"] {
        assert_eq!(fixture.get("/count").await, ok(n));
        fixture.handler.guests_ended().await;
    }
    assert_eq!(fixture.get("/nothing").await.0, 500);
    assert_eq!(fixture.get("/unfinished").await, ok("(cut off)"));
    assert_eq!(fixture.get("/trap").await.0, 500);
    fixture.handler.guests_ended().await;
    let records = lock(&fixture.records.0);
    let instances: Vec<_> = records.iter().map(|record| record.instance).collect();
    assert_eq!(instances, [1, 1, 1, 4, 4, 4, 7].map(Some));
}

#[test]
fn what_cannot_be_reused_is_an_error_of_its_kind() {
    let refused = |name: &str, options: HandlerOptions| {
        let component = fs::read(guest(name)).expect("it is built");
        match Handler::new(&component, &options) {
            Err(HandlerError::Reuse(error)) => error,
            other => unreachable!("{other:?}"),
        }
    };
    let reuse = HandlerOptions::new().reuse(Reuse::new(2));
    assert_eq!(refused("wasip3_handler", reuse), ReuseError::RequestScope);
    let concurrent = HandlerOptions::new()
        .map_scope(MapScope::Server)
        .reuse(Reuse::new(2).concurrent(2));
    assert_eq!(refused("served", concurrent), ReuseError::OneAtATime);
}
