//! Compares a mirror with etcd: by its own audit, and by what etcdctl prints.

use super::{PREFIX, has, key};
use crate::cluster::{Cluster, Entries, Entry, soon, until};
use localmap_mirror::{Mirror, OmittedReason};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// What a mirror has at one revision.
pub(crate) struct Held {
    pub(crate) entries: Entries,
    pub(crate) omitted: BTreeMap<Vec<u8>, OmittedReason>,
    pub(crate) revision: u64,
}

/// Returns what a mirror has.
pub(crate) fn held(mirror: &Mirror) -> Held {
    // Each read sees one revision, and the two must see the same one.
    for _ in 0..100 {
        let mut entries = Entries::new();
        let visited = mirror.visit(|key, entry| {
            let entry = entry.to_entry();
            let (value, mod_revision) = (entry.value, entry.mod_revision);
            entries.insert(
                key.to_vec(),
                Entry {
                    value,
                    mod_revision,
                },
            );
            ControlFlow::Continue(())
        });
        let revision = visited.expect("a copy").as_of;
        let omitted = mirror.omitted().expect("a copy");
        if omitted.as_of == revision {
            return Held {
                entries,
                omitted: omitted
                    .found
                    .into_iter()
                    .map(|omitted| (omitted.key, omitted.reason))
                    .collect(),
                revision,
            };
        }
    }
    panic!("the copy changes all the time");
}

/// Waits until a mirror has all that was written before, and compares it with etcd: keys, values and
/// revisions.
pub(crate) async fn verify(cluster: &Cluster, mirror: &Mirror) {
    let mut client = cluster.client_of(0).await;
    let marker = client.put(key("verified"), "", None).await;
    let marker = marker.expect("it is stored");
    let revision = marker.header().expect("a header").revision();
    has(mirror, u64::try_from(revision).expect("a revision")).await;
    super::fresh(mirror).await;

    let audit = soon("an audit", mirror.audit()).await;
    let audit = audit.expect("etcd answers");
    assert!(audit.is_equal(), "{audit:?}");

    let ours = held(mirror);
    let theirs = cluster.entries(PREFIX, Some(ours.revision));
    assert!(ours.revision >= u64::try_from(revision).expect("a revision"));
    let missing: Vec<_> = theirs
        .iter()
        .filter(|(key, entry)| match ours.entries.get(*key) {
            Some(ours) => ours != *entry,
            None => !ours.omitted.contains_key(*key),
        })
        .map(|(key, _)| String::from_utf8_lossy(key))
        .take(10)
        .collect();
    assert!(missing.is_empty(), "missing or other: {missing:?}");
    let held = ours.entries.len() + ours.omitted.len();
    assert_eq!(held, theirs.len(), "keys that etcd does not have");
    until("live", || mirror.status().freshness.is_ok()).await;
}
