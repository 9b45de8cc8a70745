//! The task that notices what no call tells of: expiries, and writes that do not come through the
//! sidecar.

use super::feed::Feed;
use localmap::LocalMap;
use std::sync::{Arc, Mutex, Weak};
use tokio::time::{Instant, sleep_until};

/// Asks a map for changes when an entry expires, and from time to time, until the feed ends.
pub(super) async fn run(feed: Arc<Feed>, map: Weak<Mutex<LocalMap>>) {
    loop {
        tokio::select! {
            () = sleep_until(feed.due()) => {}
            () = feed.earlier() => continue,
        }
        // A mirror may have asked in the meantime.
        if Instant::now() < feed.due() {
            continue;
        }
        match map.upgrade() {
            Some(map) if feed.look(&map) => {}
            _ => return,
        }
    }
}
