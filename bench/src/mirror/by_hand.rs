//! A mirror as one writes it by hand: a hash map under a lock, which a list fills and a watch changes.

use super::PREFIX;
use crate::etcd::client_of;
use anyhow::{Context, Result};
use etcd_client::{EventType, GetOptions, WatchOptions};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Keys without the prefix, with their values and the revisions of these.
type Entries = HashMap<Vec<u8>, (Vec<u8>, u64)>;

/// The keys of a page.
const PAGE: i64 = 5_000;

/// A mirror, while its task runs.
pub(super) struct ByHand {
    entries: Arc<RwLock<Entries>>,
}

impl ByHand {
    /// Lists the prefix, and follows it in a task.
    pub(super) async fn open(endpoint: &str) -> Result<Self> {
        let mut client = client_of(endpoint).await?;
        let mut entries = Entries::new();
        let end = prefix_end();
        let mut from = PREFIX.as_bytes().to_vec();
        let mut revision = 0;
        loop {
            let options = GetOptions::new()
                .with_range(end.clone())
                .with_limit(PAGE)
                .with_revision(revision);
            let page = client.get(from.clone(), Some(options)).await?;
            revision = page
                .header()
                .context("an answer without a revision")?
                .revision();
            for entry in page.kvs() {
                let key = entry.key()[PREFIX.len()..].to_vec();
                let stored = u64::try_from(entry.mod_revision())?;
                entries.insert(key, (entry.value().to_vec(), stored));
            }
            let Some(last) = page.kvs().last().filter(|_| page.more()) else {
                break;
            };
            from = [last.key(), b"\0"].concat();
        }
        let entries = Arc::new(RwLock::new(entries));
        let options = WatchOptions::new()
            .with_prefix()
            .with_start_revision(revision + 1);
        let mut watch = client.watch(PREFIX, Some(options)).await?;
        let shared = Arc::clone(&entries);
        tokio::spawn(async move {
            while let Ok(Some(response)) = watch.message().await {
                let mut entries = shared.write().unwrap_or_else(PoisonError::into_inner);
                for event in response.events() {
                    let Some(entry) = event.kv() else {
                        continue;
                    };
                    let key = entry.key()[PREFIX.len()..].to_vec();
                    match event.event_type() {
                        EventType::Delete => drop(entries.remove(&key)),
                        EventType::Put => {
                            let revision = u64::try_from(entry.mod_revision()).unwrap_or(0);
                            entries.insert(key, (entry.value().to_vec(), revision));
                        }
                    }
                }
            }
        });
        Ok(Self { entries })
    }

    /// Returns the number of entries.
    pub(super) fn len(&self) -> usize {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.len()
    }
}

/// Returns the first key after those with the prefix.
fn prefix_end() -> Vec<u8> {
    let mut end = PREFIX.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}
