//! Writes through a mirror, and reads past it.

use super::verify::verify;
use super::{etcd, fill, fresh, has, key, open, options};
use crate::cluster::{Cluster, Proxy, Setup, soon, until};
use localmap::Limits;
use localmap_mirror::{Expect, PutError, ReadError};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_is_stored_only_if_the_condition_is_met() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mirror = open(etcd(cluster.endpoints()), options()).await;
    let absent = mirror
        .put_if("k", "1", Expect::Absent)
        .await
        .expect("it is stored");
    // It is seen at once by the writer.
    assert!(absent.visible, "{absent:?}");
    let entry = mirror.get("k").expect("a copy").found.expect("it is there");
    assert_eq!(
        (&entry.value[..], entry.mod_revision),
        (&b"1"[..], absent.revision)
    );

    let conflict = mirror
        .put_if("k", "2", Expect::Absent)
        .await
        .expect_err("it is there");
    assert!(
        matches!(conflict, PutError::Conflict { revision: Some(revision), .. } if revision == absent.revision),
        "{conflict}"
    );
    let second = mirror
        .put_if("k", "2", Expect::Revision(absent.revision))
        .await;
    let second = second.expect("it is stored");
    assert!(second.revision > absent.revision);
    let conflict = mirror
        .put_if("k", "3", Expect::Revision(absent.revision))
        .await;
    assert!(
        matches!(conflict, Err(PutError::Conflict { .. })),
        "{conflict:?}"
    );
    let conflict = mirror.put_if("other", "3", Expect::Revision(7)).await;
    assert!(
        matches!(conflict, Err(PutError::Conflict { revision: None, .. })),
        "{conflict:?}"
    );
    // Each value was seen at its revision, so one of many writers wins each time.
    let mirror = Arc::new(mirror);
    let mut writers = Vec::new();
    for _ in 0..8 {
        let mirror = Arc::clone(&mirror);
        writers.push(tokio::spawn(async move {
            let mut added = 0;
            while added < 20 {
                let found = mirror.get("sum").expect("a copy").found;
                let (sum, expect) = match &found {
                    None => (0, Expect::Absent),
                    Some(entry) => {
                        let text = str::from_utf8(&entry.value).expect("a number");
                        (
                            text.parse().expect("a number"),
                            Expect::Revision(entry.mod_revision),
                        )
                    }
                };
                let sum: u64 = sum + 1;
                match mirror.put_if("sum", sum.to_string(), expect).await {
                    Ok(_) => added += 1,
                    Err(PutError::Conflict { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }));
    }
    for writer in writers {
        soon("all sums", writer).await.expect("no panic");
    }
    let sum = mirror.get("sum").expect("a copy").found.expect("a sum");
    assert_eq!(sum.value, b"160");
    verify(&cluster, &mirror).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_without_an_answer_has_an_unknown_outcome() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mirror = open(etcd(cluster.endpoints()), options()).await;
    cluster.stop(0);
    let written = soon("an error", mirror.put_if("k", "v", Expect::Absent)).await;
    assert!(
        matches!(written, Err(PutError::Unknown { .. })),
        "{written:?}"
    );
    eprintln!("{}", written.expect_err("it is unknown"));
    cluster.resume(0);
    fresh(&mirror).await;
    verify(&cluster, &mirror).await;

    // The answer is lost, and the value is stored.
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    let mirror = open(etcd([proxy.endpoint()]), options()).await;
    proxy.freeze_after(0);
    let written = soon("an error", mirror.put_if("lost", "v", Expect::Absent)).await;
    assert!(
        matches!(written, Err(PutError::Unknown { .. })),
        "{written:?}"
    );
    proxy.open();
    fresh(&mirror).await;
    verify(&cluster, &mirror).await;
}

/// Returns how many reads etcd has begun.
fn ranges(cluster: &Cluster) -> u64 {
    let address = cluster.endpoint(0).replace("http://", "");
    let mut stream = TcpStream::connect(&address).expect("a connection");
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut text = Vec::new();
    stream.read_to_end(&mut text).expect("an answer");
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text
        .lines()
        .find(|line| line.starts_with("grpc_server_started_total{") && line.contains("\"Range\""))
        .expect("a counter");
    line.rsplit(' ')
        .next()
        .and_then(|count| count.parse().ok())
        .expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_an_omitted_key_share_one_read_of_etcd() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let revision = fill(&mut cluster.client().await, "large", 0..1, &[b'v'; 5_000]).await;
    let options = options().limits(Limits::default().max_value(1_000));
    let mirror = Arc::new(open(etcd(cluster.endpoints()), options).await);
    has(&mirror, revision).await;
    let omitted = mirror.get("large0").expect_err("it is too large");
    assert!(matches!(omitted, ReadError::Omitted { .. }), "{omitted}");
    let (before, probes) = (ranges(&cluster), mirror.status().counts.probes);
    let mut readers = Vec::new();
    for _ in 0..1_000 {
        let mirror = Arc::clone(&mirror);
        readers.push(tokio::spawn(
            async move { mirror.get_through("large0").await },
        ));
    }
    for reader in readers {
        let read = soon("a read", reader)
            .await
            .expect("no panic")
            .expect("an answer");
        assert_eq!(read.found.expect("it is there").value.len(), 5_000);
    }
    let probes = mirror.status().counts.probes - probes;
    let read = ranges(&cluster) - before;
    // Readers that come after an answer need another one.
    assert!(
        read < 100 + 3 * probes,
        "{read} reads, {probes} of them probes"
    );
    // It is still not held.
    assert!(mirror.get("large0").is_err());
    let absent = mirror.get_through("absent").await.expect("an answer");
    assert!(absent.found.is_none());
    verify(&cluster, &mirror).await;
}

/// The mirror's own writes come back as events, and change nothing in their order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_writes_and_those_of_others_are_applied_in_their_order() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mirror = open(etcd(cluster.endpoints()), options()).await;
    let mut other = cluster.client().await;
    for round in 0..100 {
        let found = mirror.get("k").expect("a copy").found;
        let expect = found.map_or(Expect::Absent, |entry| Expect::Revision(entry.mod_revision));
        let ours = mirror.put_if("k", format!("ours {round}"), expect).await;
        let ours = ours.expect("nobody else writes now");
        let theirs = other.put(key("k"), format!("theirs {round}"), None).await;
        let theirs = theirs
            .expect("it is stored")
            .header()
            .expect("a header")
            .revision();
        has(&mirror, u64::try_from(theirs).expect("a revision")).await;
        let entry = mirror.get("k").expect("a copy").found.expect("it is there");
        assert_eq!(entry.value, format!("theirs {round}").into_bytes());
        assert!(entry.mod_revision > ours.revision);
    }
    until("live", || mirror.get("k").is_ok()).await;
    verify(&cluster, &mirror).await;
}
