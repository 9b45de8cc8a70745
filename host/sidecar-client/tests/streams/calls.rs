//! Calls: what waits for a sidecar, and which error says what.

use crate::fake::{Fake, soon};
use localmap_sidecar_client::{Client, ClientOptions, Error};
use std::time::Duration;

fn impatient(path: &std::path::Path) -> Client {
    let options = ClientOptions::new().timeout(Duration::from_secs(1));
    Client::connect_with(path, &options).expect("a client")
}

#[tokio::test]
async fn a_call_waits_for_a_sidecar_that_starts_later() {
    let mut fake = Fake::start();
    let tenant = fake.client().tenant("t");
    let elsewhere = fake.path().with_extension("moved");
    std::fs::rename(fake.path(), &elsewhere).expect("it is moved");
    let reading = tokio::spawn(async move { tenant.get("k").await });
    // The call has failed to connect several times by then, or has not begun: it must succeed
    // either way.
    tokio::time::sleep(Duration::from_millis(20)).await;
    std::fs::rename(elsewhere, fake.path()).expect("it is moved back");
    let found = soon(reading).await.expect("no panic").expect("a response");
    assert_eq!(found, None);
    // A connection that was lost is made again.
    let tenant = fake.client().tenant("t");
    assert_eq!(tenant.get("k").await.expect("a response"), None);
    fake.restart().await;
    let mut again = tenant.get("k").await;
    if matches!(again, Err(Error::Unavailable { .. })) {
        // The end of the connection was not seen yet when the call was sent.
        again = tenant.get("k").await;
    }
    assert_eq!(again.expect("a response"), None);
}

#[tokio::test]
async fn a_sidecar_that_is_not_there_is_unreachable() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("none.sock");
    let error = impatient(&path)
        .tenant("t")
        .get("k")
        .await
        .expect_err("none");
    let Error::Unreachable { source, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    assert!(
        error.to_string().contains("localmap sidecar --socket"),
        "{error}"
    );
    assert!(error.is_temporary() && !error.may_have_happened());
}

#[tokio::test]
async fn a_socket_that_nobody_listens_at_is_unreachable() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("stale.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    let error = impatient(&path)
        .tenant("t")
        .get("k")
        .await
        .expect_err("none");
    let Error::Unreachable { source, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(source.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_rate_says_when_to_come_back() {
    let fake = Fake::start();
    let error = fake
        .client()
        .tenant("t")
        .get("rate")
        .await
        .expect_err("a rate");
    let Error::RateLimited { retry_after, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(retry_after, Duration::from_millis(40));
}

#[tokio::test]
async fn a_request_of_4_mib_is_sent_and_not_one_byte_more() {
    let fake = Fake::start();
    let tenant = fake.client().tenant("t");
    // Two tags, the tenant with its length, and the length of the key.
    let largest = (4 << 20) - (2 + 2 + 4);
    assert!(matches!(tenant.get(vec![0; largest]).await, Ok(None)));
    let larger = tenant.get(vec![0; largest + 1]).await;
    assert!(matches!(larger, Err(Error::TooLarge { .. })), "{larger:?}");
}

#[tokio::test]
async fn a_call_ends_at_its_timeout() {
    let fake = Fake::start();
    let error = impatient(&fake.path()).tenant("t").get("never").await;
    assert!(matches!(error, Err(Error::TimedOut { .. })), "{error:?}");
}

#[test]
fn a_client_needs_a_runtime() {
    let client = Client::connect("/run/localmap/maps.sock");
    assert!(matches!(client, Err(Error::NoRuntime)));
}

#[tokio::test]
async fn a_path_must_be_text() {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::OsStr::from_bytes(b"/run/\xff.sock");
    assert!(matches!(Client::connect(path), Err(Error::Invalid { .. })));
}
