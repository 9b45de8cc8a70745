//! HTTP/2 with prior knowledge: each stream is treated as HTTP/1 treats a connection.

use super::client::{PATIENCE, Server, wait_for};
use super::http2_client::Client;
use bytes::Bytes;
use h2::Reason;
use localmap_serve::hyper::HeaderMap;
use localmap_tests::guest;
use std::future::poll_fn;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Runs a test. The tasks of its connections continue while it waits for a line of the server.
pub(super) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    runtime.expect("a thread").block_on(test);
}

#[test]
fn both_versions_of_http_share_a_port() {
    let server = Server::start(&["--map-scope", "server"]);
    run(async {
        let client = Client::connect(&server).await;
        for n in [1, 3] {
            let counted = client.get("/count").await;
            assert_eq!(counted.ok(), format!("{n}\n"));
            assert!(counted.header("date").is_some());
            assert_eq!(counted.header("content-length"), Some("2"));
            assert_eq!(server.text("/count"), format!("{}\n", n + 1));
        }
    });
    for id in [1, 3] {
        let line = server.line(&format!(" id={id} "));
        assert!(line.contains(" \"GET /count HTTP/2.0\" 200 "), "{line}");
        assert!(line.ends_with(" map=server"), "{line}");
    }
}

#[test]
fn a_hundred_streams_are_answered_at_a_time() {
    let server = Server::start(&["--map-scope", "server"]);
    run(async {
        let client = Client::connect(&server).await;
        let mut waiting = Vec::new();
        for _ in 0..100 {
            waiting.push(client.begin("POST", "/length", &[]).await);
        }
        // All of them have a guest before one has its body.
        let last = waiting.iter_mut().rev();
        for exchange in last {
            let body = Bytes::from_static(b"abc");
            exchange.upload.send_data(body, true).expect("it is open");
        }
        for exchange in waiting {
            assert_eq!(exchange.response().await.ok(), "3");
        }
        let mut counting = JoinSet::new();
        for _ in 0..100 {
            let client = client.clone();
            counting.spawn(async move { client.get("/count").await.ok() });
        }
        let mut counts: Vec<u32> = counting
            .join_all()
            .await
            .iter()
            .map(|count| count.trim().parse().expect("a count"))
            .collect();
        counts.sort_unstable();
        assert!(counts.into_iter().eq(1..=100));
    });
}

#[test]
fn the_streams_of_a_connection_share_its_map() {
    let server = Server::start(&["--map-scope", "connection", "--max-maps", "2"]);
    run(async {
        let (one, other) = (
            Client::connect(&server).await,
            Client::connect(&server).await,
        );
        for n in 1..4 {
            assert_eq!(one.get("/count").await.ok(), format!("{n}\n"));
            assert_eq!(other.get("/count").await.ok(), format!("{n}\n"));
        }
        let third = Client::connect(&server).await;
        let refused = third.get("/count").await;
        assert_eq!(refused.status, 503);
        assert_eq!(refused.header("retry-after"), Some("1"));
        drop(one);
        while third.get("/count").await.status != 200 {}
        assert_eq!(other.get("/count").await.ok(), "4\n");
    });
}

#[test]
fn bodies_of_any_size_pass_in_both_directions() {
    let server = Server::start(&["-W", "timeout=60s"]);
    run(async {
        let client = Client::connect(&server).await;
        let body: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let echoed = client.ask("POST", "/echo", &[], &body).await;
        assert_eq!((echoed.status, echoed.reset), (200, None));
        assert!(echoed.body == body);
        assert_eq!(client.get("/big/20000000").await.ok().len(), 20_000_000);
        let streamed = client.get("/stream/3/1").await;
        assert_eq!(streamed.ok(), "0\n1\n2\n");
        assert_eq!(streamed.header("transfer-encoding"), None);
        assert_eq!(client.ask("POST", "/length", &[], b"").await.ok(), "0");
    });
}

/// The parts of a response follow as the client makes room for them.
#[test]
fn a_client_with_little_room_gets_all_of_a_response() {
    let server = Server::start(&["-W", "timeout=60s"]);
    run(async {
        for window in [1, 100] {
            let client = Client::with_window(&server, window).await;
            let mut asking = JoinSet::new();
            for _ in 0..10 {
                let client = client.clone();
                asking.spawn(async move { client.get("/big/5000").await.ok().len() });
            }
            assert_eq!(asking.join_all().await, [5_000; 10]);
        }
    });
    assert!(!server.line("GET /big").contains("cause"));
}

#[test]
fn a_guest_of_wasi_0_3_reads_and_writes_at_a_time() {
    for options in [&[][..], &["--reuse", "10,10"]] {
        let options = [&["--map-scope", "connection", "-W", "timeout=60s"], options].concat();
        let server = Server::serving(&guest("wasip3_handler"), &options);
        run(async {
            let client = Client::connect(&server).await;
            for n in 1..4 {
                assert_eq!(client.get("/count").await.ok(), format!("{n}\n"));
            }
            // Each part comes back before the next is sent.
            let mut exchange = client.begin("POST", "/echo", &[]).await;
            let response = (&mut exchange.response).await.expect("it begins");
            let mut body = response.into_body();
            for part in ["one", "two", "three"] {
                exchange
                    .upload
                    .send_data(part.into(), false)
                    .expect("it is open");
                let mut echoed = Vec::new();
                while echoed.len() < part.len() {
                    let data = timeout(PATIENCE, body.data()).await.expect("in time");
                    echoed.extend_from_slice(&data.expect("more").expect("it is open"));
                }
                assert_eq!(echoed, part.as_bytes());
            }
            exchange
                .upload
                .send_data(Bytes::new(), true)
                .expect("it is open");
            assert!(
                body.data()
                    .await
                    .is_none_or(|data| data.is_ok_and(|data| data.is_empty()))
            );
            let summed = client.get("/trailers").await;
            assert!(
                summed
                    .trailers
                    .is_some_and(|trailers| trailers.contains_key("x-sum"))
            );
            let cut = client.get("/broken").await;
            assert_eq!((cut.status, cut.reset), (200, Some(Reason::INTERNAL_ERROR)));
        });
    }
}

#[test]
fn a_head_has_no_body() {
    let server = Server::start(&[]);
    run(async {
        let client = Client::connect(&server).await;
        for path in ["/", "/big/100000", "/status/404", "/trap"] {
            let head = client.ask("HEAD", path, &[], b"").await;
            let status = match path {
                "/status/404" => 404,
                "/trap" => 500,
                _ => 200,
            };
            assert_eq!((head.status, head.reset), (status, None), "{path}");
            assert_eq!(head.text(), "", "{path}");
        }
        let head = client.ask("HEAD", "/", &[], b"").await;
        assert_eq!(head.header("content-length"), Some("6"));
        for status in [204, 304] {
            let empty = client.get(&format!("/status/{status}")).await;
            assert_eq!((empty.status, empty.text().as_str()), (status, ""));
        }
        // Otherwise, a client would miss its bytes.
        let empty = client.get("/status/204/6").await;
        assert_eq!((empty.status, empty.reset), (204, None));
        assert_eq!(empty.header("content-length"), None);
    });
    assert!(!server.line("HEAD /big").contains("cause"));
}

#[test]
fn trailers_pass_in_both_directions() {
    let server = Server::start(&[]);
    run(async {
        let client = Client::connect(&server).await;
        let summed = client.get("/trailers").await;
        assert_eq!(summed.ok(), "a body");
        let trailers = summed.trailers.expect("the guest sends some");
        assert_eq!(trailers.get("x-sum").expect("a trailer"), "6");

        let mut exchange = client.begin("POST", "/trailers-of/x-sum", &[]).await;
        let body = Bytes::from_static(b"a body");
        exchange.upload.send_data(body, false).expect("it is open");
        let mut trailers = HeaderMap::new();
        trailers.append("x-sum", "6".parse().expect("a value"));
        exchange.upload.send_trailers(trailers).expect("it is open");
        assert_eq!(exchange.response().await.ok(), "6");
    });
    let line = server.line("GET /trailers ");
    assert!(line.contains(" 200 ") && !line.contains("cause"), "{line}");
}

#[test]
fn a_client_that_asks_first_is_told_to_continue_when_the_guest_reads() {
    let server = Server::start(&["-W", "timeout=60s"]);
    run(async {
        let client = Client::connect(&server).await;
        let expect = [("expect", "100-continue")];
        let mut exchange = client.begin("POST", "/length", &expect).await;
        let informed = poll_fn(|context| exchange.response.poll_informational(context));
        let informed = timeout(PATIENCE, informed).await.expect("in time");
        let informed = informed.expect("a response").expect("it is valid");
        assert_eq!(informed.status().as_u16(), 100);
        let body = Bytes::from_static(b"abc");
        exchange.upload.send_data(body, true).expect("it is open");
        assert_eq!(exchange.response().await.ok(), "3");
        // The guest does not read: the client is asked not to send the body.
        let exchange = client.begin("POST", "/", &expect).await;
        assert_eq!(exchange.response().await.ok(), "hello\n");
    });
}

/// Others continue on the same connection.
#[test]
fn a_guest_that_fails_fails_only_its_stream() {
    let server = Server::start(&["--map-scope", "server"]);
    run(async {
        let client = Client::connect(&server).await;
        let mut other = client.begin("POST", "/echo", &[]).await;
        for (path, status, text) in [
            ("/trap", 500, "the guest failed\n"),
            ("/nothing", 500, "the guest failed\n"),
        ] {
            let failed = client.get(path).await;
            assert_eq!((failed.status, failed.reset), (status, None), "{path}");
            assert_eq!(failed.text(), text);
        }
        // A client must not mistake a part for the whole.
        for path in ["/trap-late", "/short/10", "/unfinished", "/dropped"] {
            let cut = client.get(path).await;
            assert_eq!(cut.status, 200, "{path}");
            assert_eq!(cut.reset, Some(Reason::INTERNAL_ERROR), "{path}");
            let line = server.line(&format!(" {path} "));
            assert!(line.contains(" 200 "), "{line}");
            assert!(line.contains(" cause=\"the guest "), "{line}");
        }
        // Of a body that is longer than declared, nothing is sent beyond that.
        let empty = client.get("/short/0").await;
        assert_eq!((empty.status, empty.reset), (200, None));
        assert_eq!(empty.text(), "");
        let long = client.get("/status/200/5").await;
        assert!(long.status == 500 || long.reset == Some(Reason::INTERNAL_ERROR));
        let body = Bytes::from_static(b"still there");
        other.upload.send_data(body, true).expect("it is open");
        assert_eq!(other.response().await.status, 200);
        assert_eq!(client.get("/count").await.ok(), "1\n");
    });
}

#[test]
fn a_guest_that_runs_out_of_time_is_a_504_or_incomplete() {
    let server = Server::start(&["-W", "timeout=500ms"]);
    run(async {
        let client = Client::connect(&server).await;
        let late = client.get("/sleep/60000").await;
        assert_eq!((late.status, late.reset), (504, None));
        assert_eq!(late.text(), "the guest ran out of time\n");
        // The guest waits for a body that never arrives.
        let exchange = client.begin("POST", "/length", &[]).await;
        assert_eq!(exchange.response().await.status, 504);
        let cut = client.get("/spin-late").await;
        assert_eq!((cut.status, cut.reset), (200, Some(Reason::INTERNAL_ERROR)));
    });
}

#[test]
fn a_client_that_resets_a_stream_has_left() {
    let server = Server::start(&["--map-scope", "server"]);
    run(async {
        let client = Client::connect(&server).await;
        let mut early = client.begin("GET", "/count-and-sleep/100", &[]).await;
        wait_for("its guest", || server.text("/len") == "1");
        early.upload.send_reset(Reason::CANCEL);
        let line = server.line("/count-and-sleep/100");
        assert!(line.contains(" HTTP/2.0\" - "), "{line}");
        let cause = " cause=\"the client disconnected before the response";
        assert!(line.contains(cause), "{line}");

        let mut late = client.begin("GET", "/stream/1000000/1", &[]).await;
        let response = (&mut late.response).await.expect("it begins");
        assert_eq!(response.status().as_u16(), 200);
        late.upload.send_reset(Reason::CANCEL);
        let line = server.line("/stream/1000000");
        assert!(line.contains(" 200 "), "{line}");
        assert!(line.contains("the client disconnected before the end of the response"));
        // The others are not affected, and the guest was not either.
        assert_eq!(client.get("/len").await.ok(), "1");
    });
}

/// The client sends all of it, or is asked to stop.
#[test]
fn an_upload_that_no_guest_reads_costs_no_response() {
    let server = Server::start(&[]);
    run(async {
        let client = Client::connect(&server).await;
        let body = vec![b'x'; 20_000_000];
        for (path, status) in [("/", 200), ("/trap", 500), ("/status/404", 404)] {
            let response = client.ask("POST", path, &[], &body).await;
            assert_eq!((response.status, response.reset), (status, None), "{path}");
            assert_eq!(response.header("connection"), None);
        }
        assert_eq!(client.get("/").await.ok(), "hello\n");
    });
}

#[test]
fn the_authority_is_that_of_the_pseudo_header() {
    let server = Server::start(&["--map-scope", "header:host"]);
    run(async {
        let client = Client::connect(&server).await;
        let authority = server.addr.to_string();
        for headers in [&[][..], &[("host", "other.test")]] {
            let told = client.ask("GET", "/authority", headers, b"").await;
            assert_eq!(told.ok(), authority);
        }
        assert_eq!(client.get("/scheme").await.ok(), "Some(Scheme::Http)");
        let invalid = client.ask("GET", "/", &[("host", "a b")], b"").await;
        assert_eq!(invalid.status, 400);
    });
    server.line(&format!("map=host:{}", server.addr));
}

#[test]
fn cookies_that_were_split_arrive_as_one_header() {
    let server = Server::start(&[]);
    run(async {
        let client = Client::connect(&server).await;
        let cookies = [("cookie", "a=1"), ("x-a", "1"), ("cookie", "b=2")];
        let joined = client.ask("GET", "/header/cookie", &cookies, b"").await;
        assert_eq!(joined.ok(), "a=1; b=2");
    });
}

#[test]
fn headers_that_are_too_large_are_a_431() {
    let server = Server::start(&[]);
    run(async {
        let client = Client::connect(&server).await;
        for (len, status) in [(60_000, 200), (70_000, 431)] {
            let long = "x".repeat(len);
            let response = client.ask("GET", "/", &[("x-long", &long)], b"").await;
            assert_eq!(response.status, status);
        }
        let long = format!("/{}", "x".repeat(60_000));
        assert_eq!(client.get(&long).await.status, 200);
        assert_eq!(client.get("/").await.ok(), "hello\n");
    });
}

#[test]
fn running_streams_finish_when_the_server_stops() {
    let mut server = Server::start(&["-W", "timeout=60s", "--shutdown-grace", "60s"]);
    run(async {
        let (idle, busy) = (
            Client::connect(&server).await,
            Client::connect(&server).await,
        );
        assert_eq!(idle.get("/").await.ok(), "hello\n");
        let mut running = busy.begin("POST", "/echo", &[]).await;
        let response = (&mut running.response).await.expect("it begins");
        server.signal("TERM");
        // Their connections accept no more streams.
        for client in [&idle, &busy] {
            while let Ok(more) = client.try_begin("GET", "/", &[], true).await {
                let more = more.response().await;
                assert!([0, 200].contains(&more.status), "{more:?}");
            }
        }
        let body = Bytes::from_static(b"abcdef");
        running.upload.send_data(body, true).expect("it is open");
        let mut body = response.into_body();
        let mut echoed = Vec::new();
        while let Some(data) = body.data().await {
            echoed.extend_from_slice(&data.expect("all of it"));
        }
        assert_eq!(echoed, b"abcdef");
    });
    assert_eq!(server.wait().code(), Some(0));
    assert!(server.line("/echo").contains(" 200 "));
    assert!(!server.lines().iter().any(|line| line.contains("cut off")));
}
