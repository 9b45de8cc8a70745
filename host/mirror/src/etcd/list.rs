//! Lists a prefix in pages, all of one revision.
//!
//! While one page is stored in the map of the new copy, on another thread, the next one is fetched.

use super::failure::{Failure, Kind};
use super::kv::{Head, Kv, Page};
use super::page_size::PageSize;
use crate::error::Unfit;
use crate::event::Event;
use crate::feed::{Feed, List};
use crate::status::Listing;
use etcd_client::KeyValue;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

/// The pages that wait to be stored, or compared.
pub(crate) const QUEUE: usize = 2;

/// How long a server may take to answer while a page of it is late.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a list has ended before it was complete.
#[derive(Debug)]
pub(crate) enum ListError {
    /// A request has failed. If the revision was compacted meanwhile, the list has to begin again.
    Failed(Failure),
    /// The entries do not fit into the map.
    Unfit {
        unfit: Unfit,
        /// The revision at which they do not, and the number of keys.
        revision: u64,
        keys: u64,
    },
}

impl From<Failure> for ListError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A list that is complete.
pub(crate) struct Listed {
    pub(crate) list: List,
    /// The time at which the read was sent that has answered the revision of the list.
    pub(crate) sent: Duration,
}

/// Lists the prefix at the revision which a linearizable read answers.
pub(crate) async fn list(
    feed: &Feed,
    kv: &Kv,
    max_page: u32,
    cluster_id: u64,
) -> Result<Listed, ListError> {
    let mut pages = Pages::new(kv, max_page, 0).await;
    let sent = feed.now();
    let first = pages.next().await?;
    let Head { revision, .. } = first.head;
    if first.head.cluster_id != cluster_id {
        return Err(other_cluster().into());
    }
    let keys = first.count;
    let unfit = |unfit| ListError::Unfit {
        unfit,
        revision,
        keys,
    };
    check_count(feed, keys).map_err(unfit)?;
    let list = feed.list(revision).map_err(|error| {
        let text = format!(
            "no map for the list: {}",
            super::failure::with_sources(&error)
        );
        Failure::new(Kind::Other, text)
    })?;
    pages.at(revision);
    let (queue, filling) = fill(list, kv);
    let mut done = 0;
    let mut page = first;
    loop {
        done += page.entries.len() as u64;
        if done > keys {
            let text = format!("etcd has listed more than {keys} keys");
            return Err(Failure::new(Kind::Other, text).into());
        }
        feed.listed(Listing { done, total: keys });
        let more = page.more;
        // If it has ended, it says below why.
        if queue.send(page.entries).await.is_err() || !more {
            break;
        }
        page = pages.next().await?;
    }
    drop(queue);
    match filling.await {
        Ok(Ok(_)) if done != keys => {
            let text = format!("etcd has listed {done} of {keys} keys");
            Err(Failure::new(Kind::Other, text).into())
        }
        Ok(Ok(list)) => Ok(Listed { list, sent }),
        Ok(Err(error)) => Err(unfit(error)),
        Err(_) => Err(Failure::new(Kind::Other, "the list has ended").into()),
    }
}

pub(crate) fn other_cluster() -> Failure {
    Failure::new(Kind::OtherCluster, "another cluster has answered")
}

/// Returns an error if there are more keys than the map can hold, even if as many as possible are omitted.
fn check_count(feed: &Feed, keys: u64) -> Result<(), Unfit> {
    let options = feed.options();
    let max_entries = options.limits.max_entries;
    if keys <= max_entries.saturating_add(options.max_omitted as u64) {
        return Ok(());
    }
    Err(Unfit::Full {
        entries: 0,
        max_entries,
        bytes: 0,
        max_bytes: options.limits.max_bytes,
        rejected: format!("the prefix has {keys} keys").into(),
    })
}

/// Stores pages in the map of a list, on a thread of its own.
fn fill(mut list: List, kv: &Kv) -> (mpsc::Sender<Vec<KeyValue>>, JoinHandle<Result<List, Unfit>>) {
    let (queue, mut pages) = mpsc::channel::<Vec<KeyValue>>(QUEUE);
    let prefix = kv.prefix().clone();
    let filling = spawn_blocking(move || {
        while let Some(page) = pages.blocking_recv() {
            let entries: Vec<Event<'_>> = page
                .iter()
                .filter_map(|entry| {
                    Some(Event {
                        key: prefix.strip(entry.key())?,
                        value: Some(entry.value()),
                        revision: u64::try_from(entry.mod_revision()).unwrap_or(0),
                    })
                })
                .collect();
            list.load(&entries)?;
        }
        Ok(list)
    });
    (queue, filling)
}

/// The pages of a list, one after the other.
pub(crate) struct Pages<'a> {
    kv: &'a Kv,
    size: PageSize,
    revision: u64,
    next: Vec<u8>,
}

impl<'a> Pages<'a> {
    /// Begins at the first key. The revision 0 is that which the first page answers.
    pub(crate) async fn new(kv: &'a Kv, max_page: u32, revision: u64) -> Self {
        Self {
            kv,
            size: PageSize::new(max_page, kv.store_bytes().await),
            revision,
            next: kv.prefix().first(),
        }
    }

    /// Sets the revision of the next pages.
    pub(crate) fn at(&mut self, revision: u64) {
        self.revision = revision;
    }

    /// Returns the next page. Its size follows from those before.
    pub(crate) async fn next(&mut self) -> Result<Page, Failure> {
        loop {
            let (keys, timeout) = (self.size.keys(), self.size.timeout());
            let begin = Instant::now();
            let asking = self
                .kv
                .page(self.next.clone(), keys, self.revision, timeout);
            match asking.await {
                Ok(page) => {
                    self.received(&page, begin.elapsed())?;
                    return Ok(page);
                }
                Err(failure) if failure.kind == Kind::TooLarge && self.size.too_large() => {}
                // If the server answers at all, the page is on its way.
                Err(failure) if failure.kind == Kind::Timeout && self.size.too_late() => {
                    self.kv.probe(PATIENCE).await.map_err(|_| failure)?;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    fn received(&mut self, page: &Page, took: Duration) -> Result<(), Failure> {
        let entries = page.entries.iter();
        let bytes: usize = entries
            .map(|entry| entry.key().len() + entry.value().len())
            .sum();
        let keys = page.entries.len() as u64;
        self.size.received(keys, bytes as u64, took);
        let wrong = |text| Err(Failure::new(Kind::Other, text));
        let (Some(first), Some(last)) = (page.entries.first(), page.entries.last()) else {
            return match page.more {
                true => wrong("etcd has sent an empty page"),
                false => Ok(()),
            };
        };
        let has_prefix = |entry: &KeyValue| self.kv.prefix().strip(entry.key()).is_some();
        let is_in_order = page
            .entries
            .is_sorted_by(|one, next| one.key() < next.key());
        // Between two keys with the prefix there are only such ones.
        if !is_in_order
            || first.key() < self.next.as_slice()
            || !has_prefix(first)
            || !has_prefix(last)
        {
            return wrong("etcd has sent a page of other keys, or of keys in another order");
        }
        // The first key after it.
        self.next.clear();
        self.next.extend_from_slice(last.key());
        self.next.push(0);
        Ok(())
    }
}
