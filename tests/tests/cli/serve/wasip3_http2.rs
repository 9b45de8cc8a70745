//! Handlers of WASI 0.3 behind HTTP/2: what a stream of HTTP has, the streams of the guest have.

use super::client::PATIENCE;
use super::http2::run;
use super::http2_client::Client;
use super::wasip3::start;
use bytes::Bytes;
use h2::Reason;
use localmap_serve::hyper::HeaderMap;
use std::future::poll_fn;
use tokio::time::timeout;

#[test]
fn bodies_and_trailers_pass_in_both_directions() {
    let server = start(&["-W", "timeout=60s"]);
    run(async {
        let client = Client::connect(&server).await;
        let summed = client.get("/trailers").await;
        assert_eq!(summed.ok(), "a body");
        let trailers = summed.trailers.expect("the guest sends some");
        assert_eq!(trailers.get("x-sum").expect("a trailer"), "6");
        for path in ["/trailers-of", "/relay", "/echo"] {
            let mut exchange = client.begin("POST", path, &[]).await;
            let body = Bytes::from_static(b"a body");
            exchange.upload.send_data(body, false).expect("it is open");
            let mut trailers = HeaderMap::new();
            trailers.append("x-sum", "6".parse().expect("a value"));
            exchange.upload.send_trailers(trailers).expect("it is open");
            let response = exchange.response().await;
            if path == "/trailers-of" {
                assert_eq!(response.ok(), "x-sum: 6\n");
                continue;
            }
            assert_eq!(response.ok(), "a body", "{path}");
            let trailers = response.trailers.expect("they are passed on");
            assert_eq!(trailers.get("x-sum").expect("a trailer"), "6", "{path}");
        }
        assert_eq!(client.get("/big/3000000").await.ok().len(), 3_000_000);
    });
}

#[test]
fn a_client_that_asks_first_is_told_to_continue_if_its_body_is_that_of_the_response() {
    let server = start(&["-W", "timeout=60s"]);
    run(async {
        let client = Client::connect(&server).await;
        let expect = [("expect", "100-continue")];
        let mut exchange = client.begin("POST", "/relay", &expect).await;
        let informed = poll_fn(|context| exchange.response.poll_informational(context));
        let informed = timeout(PATIENCE, informed).await.expect("in time");
        let informed = informed.expect("a response").expect("it is valid");
        assert_eq!(informed.status().as_u16(), 100);
        let body = Bytes::from_static(b"abc");
        exchange.upload.send_data(body, true).expect("it is open");
        assert_eq!(exchange.response().await.ok(), "abc");
    });
}

#[test]
fn a_guest_that_fails_fails_only_its_stream() {
    let server = start(&["--map-scope", "connection"]);
    run(async {
        let client = Client::connect(&server).await;
        for (path, status) in [("/trap", 500), ("/error", 500), ("/exit/1", 500)] {
            let failed = client.get(path).await;
            assert_eq!((failed.status, failed.reset), (status, None), "{path}");
        }
        // A client must not mistake a part for the whole.
        for path in ["/trap-late", "/broken"] {
            let cut = client.get(path).await;
            assert_eq!(cut.status, 200, "{path}");
            assert_eq!(cut.reset, Some(Reason::INTERNAL_ERROR), "{path}");
        }
        assert_eq!(client.get("/count").await.ok(), "1\n");
    });
}

/// The streams of a connection share its instances. One of them traps.
#[test]
fn a_trap_among_the_streams_of_a_connection_ends_at_most_its_instance() {
    let server = start(&["--map-scope", "connection", "--reuse", "1000,8"]);
    run(async {
        let client = Client::connect(&server).await;
        let mut waiting = Vec::new();
        for _ in 0..60 {
            waiting.push(client.begin("GET", "/sleep/500", &[]).await);
        }
        let trap = client.begin("GET", "/trap", &[]).await;
        assert_eq!(trap.response().await.status, 500);
        let mut failed = 0;
        for waiting in waiting {
            let status = waiting.response().await.status;
            assert!(matches!(status, 200 | 500), "{status}");
            failed += u32::from(status == 500);
        }
        assert!(failed <= 7, "{failed}");
        assert_eq!(client.get("/count").await.ok(), "1\n");
    });
}
