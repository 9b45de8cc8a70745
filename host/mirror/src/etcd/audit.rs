//! Compares a copy with etcd, at one revision.

use super::failure::{Failure, Kind};
use super::kv::Kv;
use super::list::{Pages, QUEUE};
use super::prefix::Prefix;
use super::write::RequestError;
use crate::omitted;
use crate::read::EntryRef;
use crate::shared::Shared;
use etcd_client::KeyValue;
use localmap::Limits;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

/// The differences that are returned one by one.
const MAX_DIFFERENCES: usize = 1_000;

/// How often an audit begins again because the revision of the copy was compacted.
const MAX_ATTEMPTS: u32 = 3;

/// The result of [`Mirror::audit`](crate::Mirror::audit).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Comparison {
    /// The revision at which the copy and etcd were compared.
    pub revision: u64,
    /// The keys of etcd.
    pub keys: u64,
    /// Those of them that the map cannot hold, and which the copy omits rightly.
    pub omitted: u64,
    /// The first 1,000 differences, in no order.
    pub differences: Vec<Difference>,
    /// The number of further differences.
    pub more: u64,
}

impl Comparison {
    /// Returns `true` if the copy equals etcd.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.differences.is_empty()
    }

    fn add(&mut self, key: &[u8], source: Option<u64>, mirror: Option<u64>) {
        if self.differences.len() == MAX_DIFFERENCES {
            self.more += 1;
            return;
        }
        self.differences.push(Difference {
            key: key.to_vec(),
            source,
            mirror,
        });
    }
}

/// A key that is not the same in a copy and in its source. If both have the same revision, the values
/// differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Difference {
    /// The key, without the prefix.
    pub key: Vec<u8>,
    /// The revision of its value in the source; `None` if it is absent.
    pub source: Option<u64>,
    /// The revision of its value in the copy; `None` if it is absent or omitted.
    pub mirror: Option<u64>,
}

/// What a copy has, without the values.
struct Digest {
    revision: u64,
    limits: Limits,
    hasher: RandomState,
    /// The revision of each entry, and the hash of its value.
    entries: HashMap<Box<[u8]>, (u64, u64)>,
    omitted: HashSet<Box<[u8]>>,
}

impl Digest {
    /// Reads the copy, under its lock.
    fn of(shared: &Shared) -> Result<Self, RequestError> {
        let limits = shared.options().limits.clone();
        let read = shared.read_any(|replica| {
            let hasher = RandomState::new();
            let mut entries = HashMap::new();
            let add = |key: &[u8], entry: EntryRef<'_>| {
                let digest = (entry.mod_revision, hasher.hash_one(entry.value));
                entries.insert(key.into(), digest);
                ControlFlow::Continue(())
            };
            replica.visit(add).ok()?;
            let omitted = replica.omitted().iter();
            Some(Self {
                revision: replica.revision(),
                limits,
                omitted: omitted.map(|(key, _)| key.into()).collect(),
                entries,
                hasher,
            })
        });
        read.flatten().ok_or_else(|| RequestError::Failed {
            why: "the mirror has no copy that could be compared".into(),
        })
    }

    /// Compares an entry of etcd with that of the copy, which it removes.
    fn compare(&mut self, key: &[u8], entry: &KeyValue, comparison: &mut Comparison) {
        comparison.keys += 1;
        let source = u64::try_from(entry.mod_revision()).unwrap_or(0);
        let hash = self.hasher.hash_one(entry.value());
        let is_omitted = self.omitted.remove(key);
        match self.entries.remove(key) {
            Some((mirror, mine)) => {
                if (mirror, mine) != (source, hash) {
                    comparison.add(key, Some(source), Some(mirror));
                }
            }
            None if is_omitted && omitted::reason(&self.limits, key, entry.value()).is_some() => {
                comparison.omitted += 1;
            }
            None => comparison.add(key, Some(source), None),
        }
    }

    /// Adds what is left: what etcd does not have.
    fn finish(self, comparison: &mut Comparison) {
        for (key, (mirror, _)) in self.entries {
            comparison.add(&key, None, Some(mirror));
        }
        for key in self.omitted {
            comparison.add(&key, None, None);
        }
    }
}

/// Compares a copy with etcd, and notes the result.
pub(crate) async fn audit(
    shared: Arc<Shared>,
    kv: &Kv,
    max_page: u32,
) -> Result<Comparison, RequestError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let copy = Arc::clone(&shared);
        let digest = spawn_blocking(move || Digest::of(&copy)).await;
        let digest = digest.map_err(|_| RequestError::Ended)??;
        match compare(digest, kv, max_page).await {
            Ok(comparison) => {
                shared.audited(comparison.is_equal());
                return Ok(comparison);
            }
            Err(failure) if failure.kind == Kind::Compacted && attempts < MAX_ATTEMPTS => {}
            Err(failure) => return Err(failure.into()),
        }
    }
}

/// Compares a copy with etcd. The pages are compared on another thread, while the next one is fetched.
async fn compare(digest: Digest, kv: &Kv, max_page: u32) -> Result<Comparison, Failure> {
    let mut pages = Pages::new(kv, max_page, digest.revision).await;
    let (queue, received) = mpsc::channel(QUEUE);
    let prefix = kv.prefix().clone();
    let comparing = spawn_blocking(move || compare_pages(digest, &prefix, received));
    loop {
        let page = pages.next().await?;
        let more = page.more;
        if queue.send(page.entries).await.is_err() || !more {
            break;
        }
    }
    drop(queue);
    let ended = |_| Failure::new(Kind::Other, "the comparison has ended");
    comparing.await.map_err(ended)
}

fn compare_pages(
    mut digest: Digest,
    prefix: &Prefix,
    mut pages: mpsc::Receiver<Vec<KeyValue>>,
) -> Comparison {
    let mut comparison = Comparison {
        revision: digest.revision,
        ..Comparison::default()
    };
    while let Some(page) = pages.blocking_recv() {
        for entry in &page {
            if let Some(key) = prefix.strip(entry.key()) {
                digest.compare(key, entry, &mut comparison);
            }
        }
    }
    digest.finish(&mut comparison);
    comparison
}
