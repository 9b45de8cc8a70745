//! Guests that fail, never return or take what they can, and callers that leave.

use super::{ask, call, start};
use crate::serve::client::wait_for;
use crate::sidecar::client::{Sidecar, get, set};
use localmap_sidecar_proto::maps_client::MapsClient;
use std::time::{Duration, Instant};
use tonic::transport::Channel;
use tonic::{Code, Status};

async fn fails(client: &mut MapsClient<Channel>, request: &str) -> Status {
    let failed = call(client, "acme", request).await;
    failed.expect_err("it fails")
}

/// Waits until a counter has been written, by a call that is running.
async fn counted(sidecar: &Sidecar, key: &str) {
    let client = &mut sidecar.client().await;
    let began = Instant::now();
    while get(client, "acme", key.as_bytes())
        .await
        .expect("an answer")
        .is_none()
    {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{key} was never written"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_guest_that_traps_fails_its_own_call_alone() {
    let sidecar = start(&[]);
    let client = &mut sidecar.client().await;
    let trapped = fails(client, "count-and-panic n").await;
    assert_eq!(trapped.code(), Code::Internal);
    let text = trapped.message();
    assert!(
        text.starts_with("call 1 of the guest handled: the guest trapped: "),
        "{text}"
    );
    let line = sidecar.line("failed: the guest trapped: ");
    assert!(line.contains("[1] guest=handled tenant=acme "), "{line}");
    // What it has written stays.
    assert_eq!(ask(client, "acme", "count n").await, "2");

    let exited = fails(client, "exit 1").await;
    assert_eq!(exited.code(), Code::Internal);
    assert!(exited.message().contains("exited with code 1"), "{exited}");
    assert!(
        sidecar
            .lines()
            .iter()
            .all(|line| !line.contains("rust_panic"))
    );
}

#[tokio::test]
async fn a_backtrace_is_in_the_log_if_it_is_wanted() {
    let sidecar = start(&["--backtrace"]);
    let client = &mut sidecar.client().await;
    let trapped = fails(client, "count-and-panic n").await;
    assert!(!trapped.message().contains('\n'), "{trapped}");
    let frame = sidecar.line("rust_panic");
    assert!(frame.starts_with("[1] "), "{frame}");
}

#[tokio::test]
async fn a_guest_that_does_not_return_is_ended_and_delays_nobody() {
    let sidecar = start(&["-W", "timeout=2s", "--guest-workers", "1"]);
    let channel = sidecar.channel().await;
    let mut busy = MapsClient::new(channel.clone());
    let spins = tokio::spawn(async move { fails(&mut busy, "count-and-spin spin").await });
    let mut idle = MapsClient::new(channel.clone());
    let waits = tokio::spawn(async move { fails(&mut idle, "count-and-wait wait").await });
    counted(&sidecar, "spin").await;
    counted(&sidecar, "wait").await;
    let client = &mut MapsClient::new(channel);
    // The map is not locked, and other calls take their turns.
    set(client, "acme", b"k").await;
    assert_eq!(ask(client, "acme", "get k").await, "v");
    for ended in [spins, waits] {
        let ended = ended.await.expect("no panic");
        assert_eq!(ended.code(), Code::DeadlineExceeded);
        assert!(ended.message().contains("timed out after 2s"), "{ended}");
    }
    sidecar.line("failed: it timed out after 2s");
}

#[tokio::test]
async fn a_guest_gets_no_more_memory_than_its_limit() {
    let sidecar = start(&["-W", "max-memory-size=16MiB"]);
    let client = &mut sidecar.client().await;
    let before = sidecar.resident();
    for _ in 0..10 {
        assert_eq!(fails(client, "allocate").await.code(), Code::Internal);
    }
    let grown = sidecar.resident().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more");
    assert_eq!(ask(client, "acme", "count n").await, "1");
}

#[tokio::test]
async fn output_without_end_is_not_collected() {
    let sidecar = start(&["-W", "timeout=1s"]);
    let client = &mut sidecar.client().await;
    let before = sidecar.resident();
    let flood = fails(client, "flood").await;
    assert_eq!(flood.code(), Code::DeadlineExceeded);
    let grown = sidecar.resident().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more");
}

#[tokio::test]
async fn more_calls_than_allowed_are_refused_at_once() {
    let sidecar = start(&["--max-guest-calls", "1"]);
    let channel = sidecar.channel().await;
    let mut busy = MapsClient::new(channel.clone());
    let waits = tokio::spawn(async move { call(&mut busy, "acme", "count-and-wait n").await });
    counted(&sidecar, "n").await;
    let client = &mut MapsClient::new(channel);
    let refused = fails(client, "count n").await;
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("--max-guest-calls"), "{refused}");
    waits.abort();
}

/// The limit of one call shows when the first one has ended, long before its timeout.
#[tokio::test]
async fn a_call_whose_caller_has_left_ends() {
    for command in ["count-and-spin", "count-and-wait"] {
        let sidecar = start(&["--max-guest-calls", "1", "-W", "timeout=1h"]);
        let mut leaving = sidecar.client().await;
        let request = format!("{command} n");
        let calls = tokio::spawn(async move { call(&mut leaving, "acme", request).await });
        counted(&sidecar, "n").await;
        calls.abort();
        let client = &mut sidecar.client().await;
        let began = Instant::now();
        while let Err(refused) = call(client, "acme", "count m").await {
            assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "it goes on: {command}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn the_end_of_the_sidecar_cuts_off_guests_after_its_grace() {
    let mut sidecar = start(&["--shutdown-grace", "100ms", "-W", "timeout=1h"]);
    let mut busy = sidecar.client().await;
    let spins = tokio::spawn(async move { fails(&mut busy, "count-and-spin n").await });
    counted(&sidecar, "n").await;
    sidecar.signal("TERM");
    assert!(sidecar.wait().success());
    // The connection may close before the status is sent.
    let ended = spins.await.expect("no panic").code();
    assert!(
        matches!(ended, Code::Unavailable | Code::Unknown),
        "{ended}"
    );
    sidecar.line(" cut off");
}

#[tokio::test]
async fn a_guest_whose_tenant_is_at_its_rate_is_not_called() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tenants.toml");
    let classes = "[[class]]\nname = \"slow\"\nrequests-per-second = 1\nburst = 2\n";
    std::fs::write(&file, classes).expect("a file");
    let sidecar = start(&["--tenants", file.to_str().expect("UTF-8")]);
    let client = &mut sidecar.client().await;
    let mut limited = None;
    for _ in 0..100 {
        limited = call(client, "acme", "fail").await.err();
        if limited.is_some() {
            break;
        }
    }
    let limited = limited.expect("it has used up its rate");
    assert_eq!(limited.code(), Code::ResourceExhausted, "{limited}");
}

/// There may be millions of failures.
#[tokio::test]
async fn failures_without_end_do_not_fill_the_log() {
    let sidecar = start(&[]);
    let client = &mut sidecar.client().await;
    for _ in 0..50 {
        fails(client, "exit 1").await;
    }
    wait_for("the first failure", || !sidecar.lines().is_empty());
    let lines = sidecar.lines();
    let failures = lines
        .iter()
        .filter(|line| line.contains("failed: the guest exited"));
    let failures = failures.count();
    assert!((1..=30).contains(&failures), "{failures}");
}
