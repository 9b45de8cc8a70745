//! Messages of a watch that are larger than the mirror takes in one piece.

use super::verify::verify;
use super::{etcd, fresh, has, key, open, options};
use crate::cluster::{Cluster, Proxy, Setup};
use etcd_client::{Txn, TxnOp};
use localmap_mirror::MirrorReader;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// The bytes of a value.
const VALUE: usize = 70_000;

/// The keys of a transaction. The events of a fragment are no multiple of them.
const KEYS: [&str; 3] = ["a", "b", "c"];

/// Stores the same value under all keys, in one transaction. Returns the revision.
async fn put_all(client: &mut etcd_client::Client, number: u8) -> u64 {
    let puts = KEYS.map(|name| TxnOp::put(key(name), vec![number; VALUE], None));
    let stored = client.txn(Txn::new().and_then(puts)).await;
    let stored = stored.expect("they are stored");
    let revision = stored.header().expect("a header").revision();
    u64::try_from(revision).expect("a revision")
}

/// Reads all keys until `stop`. Returns how often they changed.
fn read(reader: &MirrorReader, stop: &AtomicBool) -> usize {
    let mut seen = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        if let Ok(read) = reader.get_many(&KEYS) {
            let first = &read.found[0];
            let is_whole = read.found.iter().all(|entry| entry == first);
            assert!(is_whole, "a part of revision {}", read.as_of);
            let number = first.as_ref().map(|entry| entry.mod_revision);
            if seen.last() != Some(&number) {
                seen.push(number);
            }
        }
        thread::sleep(Duration::from_micros(200));
    }
    seen.len()
}

/// What a mirror has missed comes in one message of up to a thousand revisions, here of 84 MB. It asks for
/// fragments then, shows no part of a revision, and does not stumble over the same message again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_too_large_comes_in_fragments() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    let mut client = cluster.client().await;
    put_all(&mut client, 0).await;
    let options = options().max_stale(Duration::from_secs(30));
    let mirror = open(etcd([proxy.endpoint()]), options).await;
    let before = mirror.status().counts;
    proxy.cut();
    let mut last = 0;
    for number in 0..400_u16 {
        last = put_all(&mut client, number.to_le_bytes()[0]).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let (reader, stopped) = (mirror.reader(), Arc::clone(&stop));
    let reads = thread::spawn(move || read(&reader, &stopped));
    proxy.open();
    has(&mirror, last).await;
    fresh(&mirror).await;
    stop.store(true, Ordering::SeqCst);
    let changes = reads.join().expect("no part of a revision");
    let after = mirror.status().counts;
    eprintln!("{changes} changes, {after:?}");
    // Once because of the proxy, and once because of the message.
    assert!(after.disconnects - before.disconnects <= 2, "{after:?}");
    assert_eq!(after.lists, before.lists, "{after:?}");
    assert_eq!(after.events - before.events, 1_200, "{after:?}");
    verify(&cluster, &mirror).await;
}
