//! The example guest `flags`, behind the HTTP server.

use super::{Driven, MS};
use http_body_util::BodyExt;
use localmap_mirror::{MirrorState, Mirrors};
use localmap_serve::hyper::Request;
use localmap_serve::{
    Connection, Handler, HandlerError, HandlerOptions, MapScope, SandboxConfig, misfits,
};
use localmap_tests::guest;
use std::fs;

fn handler(mirrors: Mirrors) -> Result<Handler, HandlerError> {
    let component = fs::read(guest("flags")).expect("it is built");
    let sandbox = SandboxConfig::new()
        .mirrors(mirrors)
        .env("DEFAULT", "unknown");
    let options = HandlerOptions::new()
        .sandbox(sandbox)
        .map_scope(MapScope::Server);
    Handler::new(&component, &options)
}

/// Asks for a flag. Returns the status, the source, the age and the value.
async fn ask(handler: &Handler, path: &str) -> (u16, String, Option<u64>, String) {
    let local = ([127, 0, 0, 1], 80).into();
    let connection = Connection::new(([127, 0, 0, 1], 50_000).into(), local);
    let request = Request::get(path).header("host", "localhost");
    let request = request.body(String::new()).expect("a request");
    let response = handler.handle(&connection, request).await;
    let header = |name: &str| {
        let value = response.headers().get(name)?.to_str().expect("text");
        Some(value.to_owned())
    };
    let source = header("flag-source").unwrap_or_default();
    let age = header("flag-age-ms").map(|age| age.parse().expect("a number"));
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body");
    let text = String::from_utf8(body.to_bytes().to_vec()).expect("UTF-8");
    (status, source, age, text)
}

fn answer(source: &str, age: Option<u64>, value: &str) -> (u16, String, Option<u64>, String) {
    (200, source.to_owned(), age, format!("{value}\n"))
}

#[tokio::test]
async fn a_flag_is_that_of_the_mirror_then_the_last_one_seen_then_a_default() {
    let mirror = Driven::new();
    let handler = handler(mirror.alone()).expect("it fits");
    assert_eq!(
        ask(&handler, "/dark-mode").await,
        answer("default", None, "unknown")
    );

    mirror.list(7, &[(b"dark-mode", b"on", 5)]);
    mirror.clock.advance(30 * MS);
    assert_eq!(
        ask(&handler, "/dark-mode?user=1").await,
        answer("fresh", Some(30), "on")
    );
    assert_eq!(
        ask(&handler, "/absent").await,
        answer("fresh", Some(30), "unknown")
    );
    mirror.apply(8, &[(b"dark-mode", b"off")]);
    mirror
        .feed
        .enter(MirrorState::Reconnecting, Some("it is gone"));
    assert_eq!(
        ask(&handler, "/dark-mode").await,
        answer("stale", Some(30), "off")
    );

    mirror.clock.advance(5_000 * MS);
    assert_eq!(
        ask(&handler, "/dark-mode").await,
        answer("memory", None, "off")
    );
    assert_eq!(
        ask(&handler, "/absent").await,
        answer("memory", None, "unknown")
    );
    assert_eq!(
        ask(&handler, "/never-read").await,
        answer("default", None, "unknown")
    );

    mirror.feed.answered(mirror.feed.now(), 8);
    mirror.feed.enter(MirrorState::Live, None);
    assert_eq!(
        ask(&handler, "/dark-mode").await,
        answer("fresh", Some(0), "off")
    );
    // It ends, and with it what a guest can read.
    drop(mirror);
    assert_eq!(
        ask(&handler, "/dark-mode").await,
        answer("memory", None, "off")
    );
    for path in ["/", &format!("/{}", "x".repeat(101))] {
        assert_eq!(ask(&handler, path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_mirror_of_another_name_is_no_reason_for_a_default() {
    let mirror = Driven::new();
    mirror.list(7, &[(b"dark-mode", b"on", 5)]);
    let handler = handler(Mirrors::new().mirror("other", mirror.feed.reader())).expect("it fits");
    assert_eq!(ask(&handler, "/dark-mode").await.0, 500);
}

#[test]
fn a_guest_that_reads_mirrors_is_served_only_with_some() {
    let error = handler(Mirrors::new()).expect_err("there is none");
    let HandlerError::NoMirrors { import, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(import, localmap::names::MIRROR);
    // It would be with one.
    let component = fs::read(guest("flags")).expect("it is built");
    let found = localmap::inspect(&component).expect("a component");
    assert_eq!(misfits(&component, &found).len(), 0);
    assert_eq!(found.mirror_import(), Some(localmap::names::MIRROR));
}

/// The client is one crate, of which a guest contains what it uses.
#[test]
fn guests_that_read_no_mirror_do_not_import_the_interface() {
    for name in [
        "http-limiter",
        "limiter",
        "quota",
        "watchdog",
        "http_feed",
        "served",
    ] {
        let component = fs::read(guest(name)).expect("it is built");
        let found = localmap::inspect(&component).expect("a component");
        assert_eq!(found.mirror_import(), None, "{name}");
        assert!(found.app.is_empty(), "{name}");
    }
}

/// The interface is not part of a map.
#[test]
fn a_guest_may_read_mirrors_without_a_map() {
    let component = super::relay::reader("large_values", wit_component::StringEncoding::UTF8);
    let found = localmap::inspect(&component).expect("a component");
    assert_eq!(found.mirror_import(), Some(localmap::names::MIRROR));
    assert!(matches!(
        found.app[..],
        [localmap::Incompatibility::NoMapImport]
    ));
}
