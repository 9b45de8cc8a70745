//! Peers that do what no client should: they cost others nothing, and memory within bounds.

use super::client::{Sidecar, get, set};
use super::raw;
use futures::future::join_all;
use localmap_sidecar_proto::SetRequest;
use localmap_sidecar_proto::maps_client::MapsClient;
use localmap_tests::localmap;
use std::io::Write;
use std::time::Duration;
use tonic::transport::Channel;
use tonic::{Code, Status};

/// Much more than the sidecar needs, and much less than what hostile peers ask for.
const MEMORY: u64 = 256 << 20;

#[tokio::test]
async fn a_thousand_connections_keep_nobody_out() {
    let sidecar = Sidecar::start(&[]);
    let client = &mut sidecar.client().await;
    set(client, "t", b"k").await;
    let idle: Vec<_> = (0..1_000).map(|_| sidecar.connect()).collect();
    // Neither those who come later nor probes.
    let later = &mut sidecar.client().await;
    assert!(get(later, "t", b"k").await.expect("a response").is_some());
    let check = localmap()
        .args(["sidecar", "--check"])
        .arg(sidecar.socket());
    check.run().ok();
    drop(idle);
    assert!(get(client, "t", b"k").await.is_ok(), "it connects again");
    assert!(sidecar.resident() < MEMORY);
}

#[tokio::test]
async fn connections_that_are_busy_keep_their_places() {
    let sidecar = Sidecar::start(&["--max-connections", "3"]);
    let call = [
        raw::beginning(),
        raw::call(1, "localhost", "Pipeline"),
        raw::ping(),
    ]
    .concat();
    let busy: Vec<_> = (0..3)
        .map(|_| {
            let mut stream = sidecar.connect();
            stream.write_all(&call).expect("it is read");
            raw::read_until_pong(&mut stream);
            stream
        })
        .collect();
    let check = localmap()
        .args(["sidecar", "--check"])
        .arg(sidecar.socket());
    // A probe that failed would end the sidecar, with its maps.
    check.run().ok();
    let late = &mut sidecar.client().await;
    let denied = get(late, "t", b"k").await.expect_err("no place");
    assert_eq!(denied.code(), Code::ResourceExhausted);
    assert!(denied.message().contains("--max-connections"), "{denied}");
    sidecar.line("all 3 connections are in use");
    drop(busy);
    sidecar.line("connection=3");
    let client = &mut sidecar.client().await;
    set(client, "t", b"k").await;
}

#[tokio::test]
async fn ten_thousand_calls_at_a_time_are_answered() {
    let sidecar = Sidecar::start(&[]);
    let client = sidecar.client().await;
    set(&mut client.clone(), "t", b"k").await;
    let calls = (0..10_000).map(|_| {
        let mut client = client.clone();
        async move { get(&mut client, "t", b"k").await }
    });
    for answer in join_all(calls).await {
        assert!(answer.expect("a response").is_some());
    }
}

#[tokio::test]
async fn calls_that_never_finish_stop_nobody_else() {
    let sidecar = Sidecar::start(&[]);
    let mut hostile = Vec::new();
    for _ in 0..8 {
        let mut stream = sidecar.connect();
        stream.write_all(&raw::beginning()).expect("it is read");
        stream
            .set_write_timeout(Some(Duration::from_secs(1)))
            .expect("a timeout");
        for call in 0..1_000 {
            let number = 2 * call + 1;
            let half = [
                raw::call(number, "localhost", "Set"),
                raw::data(number, &raw::message(4 << 20)),
                raw::data(number, &[0; 100]),
            ]
            .concat();
            // It may have been told to go away.
            if stream.write_all(&half).is_err() {
                break;
            }
        }
        hostile.push(stream);
    }
    let client = &mut sidecar.client().await;
    set(client, "t", b"k").await;
    assert!(get(client, "t", b"k").await.expect("a response").is_some());
    assert!(sidecar.resident() < MEMORY);
}

/// Stores a value of 1 MiB for the tenant `t` and the key `k`.
async fn set_large(client: &mut MapsClient<Channel>) -> Result<(), Status> {
    let request = SetRequest {
        tenant: "t".to_owned(),
        key: "k".into(),
        value: vec![7; 1 << 20].into(),
        ttl: None,
    };
    client.set(request).await.map(drop)
}

#[tokio::test]
async fn values_that_are_not_read_are_bounded() {
    let sidecar = Sidecar::start(&[]);
    let client = &mut sidecar.client().await;
    set_large(client).await.expect("a response");
    let before = sidecar.resident();
    let mut hostile = sidecar.connect();
    hostile.write_all(&raw::beginning()).expect("it is read");
    let request = [&raw::message(6)[..], b"\x0a\x01t\x12\x01k"].concat();
    for call in 0..200 {
        let number = 2 * call + 1;
        let get = [
            raw::call(number, "localhost", "Get"),
            raw::last_data(number, &request),
        ];
        hostile.write_all(&get.concat()).expect("it is read");
    }
    hostile.write_all(&raw::ping()).expect("it is read");
    raw::read_until_pong(&mut hostile);
    assert!(get(client, "t", b"k").await.expect("a response").is_some());
    let more = sidecar.resident().saturating_sub(before);
    assert!(
        more < 64 << 20,
        "{more} bytes for 200 MiB that are not read"
    );
}

#[tokio::test]
async fn large_requests_at_a_time_are_stored_or_refused() {
    let sidecar = Sidecar::start(&[]);
    let client = sidecar.client().await;
    let calls = (0..100).map(|_| {
        let mut client = client.clone();
        async move { set_large(&mut client).await }
    });
    for answer in join_all(calls).await {
        if let Err(status) = answer {
            assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
            assert!(status.message().contains("complete some"), "{status}");
        }
    }
    set_large(&mut client.clone())
        .await
        .expect("the connection goes on");
}

#[tokio::test]
async fn what_is_no_http_2_ends_its_connection_alone() {
    let sidecar = Sidecar::start(&[]);
    for bytes in [
        &b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00",
        &[0; 4_096],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        let mut stream = sidecar.connect();
        stream.write_all(bytes).expect("it is read");
        drop(std::io::Read::read_to_end(&mut stream, &mut Vec::new()));
    }
    let client = &mut sidecar.client().await;
    set(client, "t", b"k").await;
    let ended = sidecar.line("connection=1 ");
    assert!(
        ended.contains("ended after") && ended.contains("0 calls:"),
        "{ended}"
    );
}

/// As gRPC for Python does, unless it is told not to.
#[test]
fn an_authority_that_is_a_path_is_answered_in_the_log_once_a_minute() {
    let sidecar = Sidecar::start(&["--quiet"]);
    let mut stream = sidecar.connect();
    let call = [
        raw::beginning(),
        raw::call(1, "tmp%2Fmap.sock", "Get"),
        raw::call(3, "tmp%2Fmap.sock", "Get"),
    ]
    .concat();
    stream.write_all(&call).expect("it is read");
    let mut refused = 0;
    while refused < 2 {
        let frame = raw::read_frame(&mut stream);
        if frame.kind == 3 {
            assert_eq!(frame.payload, [0, 0, 0, 1]);
            refused += 1;
        }
    }
    let line = sidecar.line("grpc.default_authority=localhost");
    assert!(
        line.contains(&format!("pid={}", std::process::id())),
        "{line}"
    );
    let lines = sidecar.lines();
    let hints = lines
        .iter()
        .filter(|line| line.contains("default_authority"));
    assert_eq!(hints.count(), 1);
}
