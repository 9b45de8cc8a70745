//! The mirror of the crate `localmap-sidecar-client`: it equals the map, also after the sidecar was
//! killed.

use super::client::Sidecar;
use crate::serve::client::PATIENCE;
use bytes::Bytes;
use localmap_sidecar_client::{
    Change, Client, ClientOptions, Error, Mirror, MirrorOptions, Scan, Tenant, Ttl,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The keys of a map, with their values and versions.
type Entries = BTreeMap<Bytes, (Bytes, u64)>;

fn tenant(socket: &Path) -> Tenant {
    let options = ClientOptions::new().timeout(PATIENCE);
    let client = Client::connect_with(socket, &options).expect("a client");
    client.tenant("t")
}

async fn scan(map: &Tenant) -> Result<Entries, Error> {
    let (mut scan, mut all) = (Scan::new(map, ""), Entries::new());
    while let Some(page) = scan.next_page().await? {
        let entries = page.into_iter();
        all.extend(entries.map(|found| (found.key, (found.entry.value, found.entry.version))));
    }
    Ok(all)
}

/// Waits until a mirror equals the map, whose entries may expire meanwhile.
async fn assert_equal(mirror: &Mirror, map: &Tenant) -> Result<(), Error> {
    let mut changes = mirror.changes();
    let equal = async {
        loop {
            let before = changes.borrow_and_update().revision;
            let all = scan(map).await?;
            let view: Vec<_> = mirror.view().iter().collect();
            let held: Entries = view
                .into_iter()
                .map(|held| (held.key, (held.entry.value, held.entry.version)))
                .collect();
            let after = map.stats().await?.revision;
            if before.is_some() && before == after && held == all {
                return Ok(());
            }
            let soon = Duration::from_millis(20);
            let _ = tokio::time::timeout(soon, changes.changed()).await;
        }
    };
    let equal = tokio::time::timeout(PATIENCE, equal).await;
    equal.expect("the mirror equals the map in the end")
}

async fn write(map: &Tenant, seed: u64) -> Result<(), Error> {
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..300 {
        let key = random.u32(..200).to_string();
        let ttl = match random.bool() {
            true => Ttl::Never,
            false => Ttl::After(Duration::from_millis(random.u64(1..300))),
        };
        match random.u32(..6) {
            0..3 => drop(map.set(key, vec![7; random.usize(..2_000)], ttl).await?),
            3 => drop(map.touch(key, ttl).await?),
            4 => drop(map.delete(key).await?),
            _ => {
                let batch = [
                    Change::Delete { key: key.into() },
                    Change::Increment {
                        key: "n".into(),
                        delta: 1,
                        ttl: Ttl::Never,
                    },
                ];
                drop(map.apply(batch).await?);
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn it_equals_the_map() -> Result<(), Error> {
    for policy in ["lru", "s3-fifo"] {
        let sidecar = Sidecar::start(&["--max-entries", "100", "--policy", policy]);
        let map = tenant(sidecar.socket());
        let mirror = Mirror::open(&tenant(sidecar.socket()), MirrorOptions::new()).await?;
        for round in 0..4 {
            tokio::try_join!(write(&map, round), write(&map, 100 + round))?;
            assert_equal(&mirror, &map).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn it_begins_again_after_the_sidecar_was_killed() -> Result<(), Error> {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("map.sock");
    let mut sidecar = Sidecar::at(&socket, &[]);
    let mirror = Mirror::open(&tenant(&socket), MirrorOptions::new()).await?;
    for round in 0..3 {
        let map = tenant(&socket);
        write(&map, round).await?;
        assert_equal(&mirror, &map).await?;
        sidecar.child.kill().expect("it is killed");
        sidecar.child.wait().expect("it has ended");
        sidecar = Sidecar::at(&socket, &[]);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_it_refuses_is_counted_and_logged() -> Result<(), Error> {
    let sidecar = Sidecar::start(&[]);
    let map = tenant(sidecar.socket());
    let options = MirrorOptions::new().accept(|key, _| match key {
        b"bad" => Err("not this one".to_owned()),
        _ => Ok(()),
    });
    let mirror = Mirror::open(&map, options).await?;
    map.set("bad", "v", Ttl::Never).await?;
    sidecar.line(r#"tenant=t a mirror has refused 1 entry: "#);
    map.set("good", "v", Ttl::Never).await?;
    let mut changes = mirror.changes();
    let has_good = changes.wait_for(|status| status.entries == 1);
    tokio::time::timeout(PATIENCE, has_good)
        .await
        .expect("it comes")
        .expect("a mirror");
    assert!(mirror.get("bad").is_none() && mirror.get("good").is_some());
    let stats = map.stats().await?;
    assert_eq!((stats.mirrors, stats.refused_by_mirrors), (1, 1));
    Ok(())
}
