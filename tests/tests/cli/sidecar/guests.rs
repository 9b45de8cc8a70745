//! Guests of the sidecar: their calls, their failures, and their limits.

mod hostile;
mod refused;

use super::client::{Sidecar, get, set};
use crate::serve::client::PATIENCE;
use localmap_sidecar_client::{Client, Mirror, MirrorOptions};
use localmap_sidecar_proto::CallGuestRequest;
use localmap_sidecar_proto::call_guest_response::Result as Answer;
use localmap_sidecar_proto::maps_client::MapsClient;
use localmap_tests::{guest, localmap};
use std::time::{Duration, Instant};
use tonic::transport::Channel;
use tonic::{Code, Status};

/// Returns the option for a guest with this name.
fn option(name: &str, component: &str) -> String {
    format!("{name}={}", guest(component).display())
}

/// Starts a sidecar with the guest `handled`.
fn start(options: &[&str]) -> Sidecar {
    let handled = option("handled", "handled");
    Sidecar::start(&[&["--guest", &handled], options].concat())
}

/// Calls the guest `handled`. The inner error is the one that it returns.
async fn call(
    client: &mut MapsClient<Channel>,
    tenant: &str,
    request: impl Into<Vec<u8>>,
) -> Result<Result<Vec<u8>, String>, Status> {
    call_guest(client, tenant, "handled", request).await
}

async fn call_guest(
    client: &mut MapsClient<Channel>,
    tenant: &str,
    guest: &str,
    request: impl Into<Vec<u8>>,
) -> Result<Result<Vec<u8>, String>, Status> {
    let request = CallGuestRequest {
        tenant: tenant.to_owned(),
        guest: guest.to_owned(),
        request: request.into().into(),
    };
    let response = client.call_guest(request).await?.into_inner();
    Ok(match response.result.expect("a result") {
        Answer::Response(response) => Ok(response.into()),
        Answer::Error(error) => Err(error),
    })
}

/// Calls the guest, which must respond with text.
async fn ask(client: &mut MapsClient<Channel>, tenant: &str, request: &str) -> String {
    let response = call(client, tenant, request).await.expect("it is answered");
    String::from_utf8(response.expect("a response")).expect("text")
}

#[tokio::test]
async fn a_guest_answers_any_bytes_and_its_error_is_an_answer() {
    let sidecar = start(&[]);
    let client = &mut sidecar.client().await;
    let all: Vec<u8> = (0..=u8::MAX).collect();
    let reversed: Vec<u8> = all.iter().rev().copied().collect();
    let answered = call(client, "acme", all).await.expect("an answer");
    assert_eq!(answered, Ok(reversed));
    let failed = call(client, "acme", "fail as it\nwas töld").await;
    assert_eq!(
        failed.expect("an answer"),
        Err("as it\nwas töld".to_owned())
    );
}

#[tokio::test]
async fn each_call_has_an_instance_of_its_own_with_the_map_of_its_tenant() {
    let sidecar = start(&[]);
    let client = &mut sidecar.client().await;
    set(client, "acme", b"stored").await;
    assert_eq!(ask(client, "acme", "get stored").await, "v");
    let absent = call(client, "other", "get stored").await;
    assert_eq!(absent.expect("an answer"), Err("no stored".to_owned()));
    for count in ["1", "2", "3"] {
        assert_eq!(ask(client, "acme", "count n").await, count);
    }
    assert_eq!(ask(client, "other", "count n").await, "1");
    let counter = get(client, "acme", b"n").await.expect("an answer");
    assert_eq!(counter.as_deref(), Some(&3_u64.to_le_bytes()[..]));
}

#[tokio::test]
async fn calls_for_one_tenant_run_at_the_same_time() {
    let sidecar = start(&[]);
    let channel = sidecar.channel().await;
    let (mut a, mut b) = (MapsClient::new(channel.clone()), MapsClient::new(channel));
    let (a, b) = tokio::join!(
        ask(&mut a, "acme", "meet a b"),
        ask(&mut b, "acme", "meet b a")
    );
    assert_eq!((a.as_str(), b.as_str()), ("met", "met"));
}

#[tokio::test]
async fn messages_have_at_most_4_mib() {
    let sidecar = start(&[]);
    let client = &mut sidecar.client().await;
    let longest = (4 << 20) - 16;
    for command in ["bytes", "fail-long"] {
        let answer = call(client, "acme", format!("{command} {longest}")).await;
        let len = answer
            .expect("an answer")
            .map_or_else(|error| error.len(), |bytes| bytes.len());
        assert_eq!(len, longest);
        let refused = call(client, "acme", format!("{command} {}", longest + 1)).await;
        let refused = refused.expect_err("it is too long");
        assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
        assert!(refused.message().contains("4194289 bytes"), "{refused}");
        // More than the guest may pass at all.
        let huge = call(client, "acme", format!("{command} {}", 64 << 20)).await;
        assert_eq!(huge.expect_err("it is too long").code(), Code::Internal);
    }
    let request = vec![0xff; (4 << 20) - 100];
    let answered = call(client, "acme", request.clone()).await;
    assert_eq!(answered.expect("an answer"), Ok(request));
}

#[tokio::test]
async fn an_unknown_guest_is_not_found_and_the_known_ones_are_named() {
    let quota = option("quota", "quota");
    let sidecar = start(&["--guest", &quota]);
    let client = &mut sidecar.client().await;
    let unknown = call_guest(client, "acme", "handler", "").await;
    let unknown = unknown.expect_err("there is none");
    assert_eq!(unknown.code(), Code::NotFound);
    assert!(unknown.message().contains("handled, quota"), "{unknown}");

    let without = Sidecar::start(&[]);
    let client = &mut without.client().await;
    let none = call_guest(client, "acme", "handled", "").await;
    let none = none.expect_err("there is none");
    assert_eq!(none.code(), Code::NotFound);
    assert!(none.message().contains("--guest"), "{none}");
}

#[tokio::test]
async fn a_guest_gets_what_it_is_granted_and_its_output_is_in_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "granted").expect("a file");
    let dir = format!("{}::/data", folder.path().display());
    let sidecar = start(&["--env", "LIMIT=7", "--dir", &dir]);
    let client = &mut sidecar.client().await;
    assert_eq!(ask(client, "acme", "env LIMIT").await, "7");
    assert_eq!(ask(client, "acme", "read /data/file").await, "granted");
    assert_eq!(ask(client, "acme", "say three words").await, "");
    assert_eq!(sidecar.line("three words"), "[3] three words");

    let plain = start(&["--no-logging-prefix"]);
    let client = &mut plain.client().await;
    for refused in ["env HOME", "read /data/file", "read /etc/passwd"] {
        let answer = call(client, "acme", refused).await.expect("an answer");
        assert!(answer.is_err(), "{refused}: {answer:?}");
    }
    assert_eq!(ask(client, "acme", "say words").await, "");
    assert_eq!(plain.line("words"), "words");
}

#[tokio::test]
async fn the_writes_of_guests_fit_the_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("schema.toml");
    let schema = "format = 1\nversion = 1\n[[prefix]]\nprefix = \"user:\"\nmax-value = 3\n";
    std::fs::write(&text, schema).expect("a file");
    let loaded = folder.path().join("loaded");
    std::fs::create_dir(&loaded).expect("a folder");
    let preload = localmap().args(["schema", "preload"]);
    preload.arg(&text).arg(&loaded).run().ok();
    let loaded = loaded.to_str().expect("UTF-8");
    let sidecar = start(&["--schema", loaded, "--enforce-schema"]);
    let client = &mut sidecar.client().await;
    assert!(!ask(client, "acme", "set user:1 ada").await.is_empty());
    for rejected in ["set user:2 lovelace", "set other ada"] {
        let answer = call(client, "acme", rejected).await.expect("an answer");
        assert!(answer.is_err(), "{rejected}: {answer:?}");
    }
}

/// While the guest is still running.
#[tokio::test]
async fn mirrors_are_told_of_the_writes_of_guests() {
    let sidecar = start(&[]);
    let acme = Client::connect(sidecar.socket())
        .expect("a path")
        .tenant("acme");
    let mirror = Mirror::open(&acme, MirrorOptions::new())
        .await
        .expect("a mirror");
    mirror.wait_until_synced(PATIENCE).await.expect("a copy");
    let mut client = sidecar.client().await;
    let waits = tokio::spawn(async move { call(&mut client, "acme", "count-and-wait n").await });
    let began = Instant::now();
    while mirror.get("n").is_none() {
        assert!(began.elapsed() < PATIENCE, "the mirror was never told");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    waits.abort();
}

/// The example decides in one call.
#[tokio::test]
async fn quota_lets_each_client_take_its_tokens() {
    let quota = option("quota", "quota");
    let options = [
        "--guest",
        &quota,
        "--env",
        "QUOTA_LIMIT=3",
        "--env",
        "QUOTA_WINDOW=1h",
    ];
    let sidecar = Sidecar::start(&options);
    let client = &mut sidecar.client().await;
    for (request, answer) in [
        ("alice", "allowed 2"),
        ("alice 2", "allowed 0"),
        ("bob", "allowed 2"),
    ] {
        let answered = call_guest(client, "acme", "quota", request).await;
        assert_eq!(answered.expect("an answer"), Ok(answer.into()), "{request}");
    }
    let wait = call_guest(client, "acme", "quota", "alice").await;
    let wait = wait.expect("an answer").expect("a response");
    assert!(wait.starts_with(b"wait "), "{}", wait.escape_ascii());
    let never = call_guest(client, "acme", "quota", "alice 4").await;
    assert!(
        never
            .expect("an answer")
            .is_err_and(|error| error.contains("never"))
    );
    let other = call_guest(client, "other", "quota", "alice 3").await;
    assert_eq!(other.expect("an answer"), Ok(b"allowed 0".to_vec()));
}
