//! The copy that the mirror of the crate `localmap-sidecar-client` holds: its times, while the map
//! evicts and the journal is short, and while the sidecar is away.

use super::client::Sidecar;
use crate::serve::client::PATIENCE;
use localmap_sidecar_client::{
    Change, Client, ClientOptions, Error, Freshness, Mirror, MirrorOptions, Scan, Tenant, Ttl,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// The tolerated difference of the time that an entry has left, on a busy machine.
const TOLERANCE: Duration = Duration::from_secs(2);

/// Value, version and time left of each key.
type Contents = BTreeMap<Vec<u8>, (Vec<u8>, u64, Option<Duration>)>;

fn tenant(socket: &Path) -> Tenant {
    let options = ClientOptions::new().timeout(PATIENCE);
    let client = Client::connect_with(socket, &options).expect("a client");
    client.tenant("t")
}

async fn scanned(map: &Tenant) -> Result<Contents, Error> {
    let mut contents = Contents::new();
    let mut scan = Scan::new(map, "");
    while let Some(entries) = scan.next_page().await? {
        for found in entries {
            let entry = found.entry;
            let held = (entry.value.to_vec(), entry.version, entry.expires_in);
            contents.insert(found.key.to_vec(), held);
        }
    }
    Ok(contents)
}

fn copied(mirror: &Mirror) -> Contents {
    let entries = mirror.view();
    let entries = entries.iter().map(|found| {
        let entry = found.entry;
        (
            found.key.to_vec(),
            (entry.value.to_vec(), entry.version, entry.expires_in),
        )
    });
    entries.collect()
}

/// Returns how the two differ.
fn difference(map: &Contents, copy: &Contents) -> Option<String> {
    for key in map.keys().chain(copy.keys()) {
        let (Some(mapped), Some(held)) = (map.get(key), copy.get(key)) else {
            let on = if map.contains_key(key) {
                "map"
            } else {
                "mirror"
            };
            return Some(format!("{} is only in the {on}", key.escape_ascii()));
        };
        let near = match (mapped.2, held.2) {
            (Some(mapped), Some(held)) => mapped.abs_diff(held) < TOLERANCE,
            (mapped, held) => mapped == held,
        };
        if (&mapped.0, mapped.1) != (&held.0, held.1) || !near {
            return Some(format!("{}: {mapped:?}, not {held:?}", key.escape_ascii()));
        }
    }
    None
}

/// Waits until the copy is the map, which nobody writes.
async fn settle(map: &Tenant, mirror: &Mirror) -> Result<(), Error> {
    let end = Instant::now() + PATIENCE;
    loop {
        let (scanned, copied) = (scanned(map).await?, copied(mirror));
        let Some(difference) = difference(&scanned, &copied) else {
            return Ok(());
        };
        assert!(Instant::now() < end, "{difference}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Makes random changes, of which some entries expire soon.
async fn write(map: Tenant, seed: u64) -> Result<(), Error> {
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..500 {
        let key = format!("\0{}", random.u8(..));
        let ttl = match random.u8(..4) {
            0 => Ttl::After(Duration::from_millis(random.u64(1..300))),
            1 => Ttl::After(Duration::from_secs(3600)),
            _ => Ttl::Never,
        };
        match random.u8(..8) {
            0..4 => {
                let value = vec![random.u8(..); random.usize(..300)];
                map.set(key, value, ttl).await?;
            }
            4 => {
                map.touch(key, ttl).await?;
            }
            5 => {
                map.delete(key).await?;
            }
            6 => {
                map.increment(format!("counter{}", random.u8(..9)), 1, ttl)
                    .await?;
            }
            _ => {
                let value = key.clone().into();
                let other = format!("{key}!").into();
                let delete = Change::Delete { key: key.into() };
                let set = Change::Set {
                    key: other,
                    value,
                    ttl,
                };
                map.apply([delete, set]).await?;
            }
        }
    }
    Ok(())
}

/// Two writers at the same time.
async fn write_twice(map: &Tenant, seed: u64) -> Result<(), Error> {
    let first = tokio::spawn(write(map.clone(), seed));
    write(map.clone(), seed + 1).await?;
    first.await.expect("no panic")
}

#[tokio::test]
async fn a_mirror_equals_the_map_whatever_is_written() -> Result<(), Error> {
    // Few entries, so that some are evicted, and a short journal, so that the mirror compares.
    let options = [
        "--max-entries",
        "200",
        "--policy",
        "lru",
        "--journal-bytes",
        "20000",
    ];
    let sidecar = Sidecar::start(&options);
    let map = tenant(sidecar.socket());
    map.set("before", "1", Ttl::Never).await?;
    let mirror = Mirror::open(&map, MirrorOptions::new()).await?;
    mirror.wait_until_synced(PATIENCE).await?;
    assert_eq!(mirror.get("before").as_deref(), Some(&b"1"[..]));
    for seed in 0..3 {
        write_twice(&map, 10 * seed).await?;
        settle(&map, &mirror).await?;
    }
    let end = Instant::now() + PATIENCE;
    loop {
        // Entries still expire.
        let (stats, status) = (map.stats().await?, mirror.status());
        assert!(stats.evicted > 0 && stats.mirrors == 1, "{stats:?}");
        assert_eq!(stats.epoch, Some(status.epoch));
        if status.freshness.is_synced() && stats.revision == status.revision {
            break;
        }
        assert!(Instant::now() < end, "{stats:?}, {status:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_mirror_of_a_killed_sidecar_is_readable_and_comes_back() -> Result<(), Error> {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("map.sock");
    let mut sidecar = Sidecar::at(&socket, &[]);
    let map = tenant(&socket);
    map.set("k", "v", Ttl::Never).await?;
    let mirror = Mirror::open(&map, MirrorOptions::new()).await?;
    mirror.wait_until_synced(PATIENCE).await?;
    let epoch = mirror.status().epoch;
    sidecar.signal("KILL");
    sidecar.wait();
    let mut changes = mirror.changes();
    let is_lost = |freshness: &Freshness| matches!(freshness, Freshness::Disconnected { .. });
    let lost = changes.wait_for(|status| is_lost(&status.freshness));
    lost.await.expect("it lives");
    assert_eq!(mirror.get("k").as_deref(), Some(&b"v"[..]));
    let _sidecar = tokio::task::spawn_blocking(move || Sidecar::at(&socket, &[])).await;
    let again = changes.wait_for(|status| status.epoch != epoch && status.freshness.is_synced());
    again.await.expect("it lives");
    assert_eq!(mirror.get("k"), None);
    map.set("new", "1", Ttl::Never).await?;
    settle(&map, &mirror).await
}

#[tokio::test]
async fn a_refused_value_is_counted_and_logged() -> Result<(), Error> {
    let sidecar = Sidecar::start(&[]);
    let map = tenant(sidecar.socket());
    let options = MirrorOptions::new().accept(|_, entry| match &entry.value[..] {
        b"secret" => Err("no secrets here".to_owned()),
        _ => Ok(()),
    });
    let mirror = Mirror::open(&map, options).await?;
    mirror.wait_until_synced(PATIENCE).await?;
    map.set("k", "public", Ttl::Never).await?;
    settle(&map, &mirror).await?;
    map.set("k", "secret", Ttl::Never).await?;
    let mut changes = mirror.changes();
    let refused = changes.wait_for(|status| status.refused == 1);
    refused.await.expect("it lives");
    assert_eq!(mirror.get("k").as_deref(), Some(&b"public"[..]));
    let end = Instant::now() + PATIENCE;
    while map.stats().await?.refused_by_mirrors == 0 {
        assert!(Instant::now() < end, "the refusal is not counted");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    sidecar.line("no secrets here");
    // Its deadline changes, but not its version.
    map.touch("k", Ttl::After(Duration::from_secs(3600)))
        .await?;
    map.set("k", "public again", Ttl::Never).await?;
    settle(&map, &mirror).await?;
    assert_eq!(mirror.status().refused, 0);
    Ok(())
}

#[tokio::test]
async fn an_expiry_is_told_although_nobody_calls() -> Result<(), Error> {
    let sidecar = Sidecar::start(&[]);
    let map = tenant(sidecar.socket());
    let mirror = Mirror::open(&map, MirrorOptions::new()).await?;
    map.set("short", "", Ttl::After(Duration::from_millis(50)))
        .await?;
    let mut changes = mirror.changes();
    let gone = changes.wait_for(|status| status.revision >= Some(2) && status.entries == 0);
    let gone = tokio::time::timeout(PATIENCE, gone).await;
    assert!(gone.is_ok(), "the removal is not told");
    assert_eq!(mirror.get("short"), None);
    Ok(())
}
