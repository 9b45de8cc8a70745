//! Goes from one endpoint to the next, for as long as the mirror lives.

use super::backoff::Backoff;
use super::failure::{Failure, Kind};
use super::kv::Kv;
use super::options::EtcdOptions;
use super::prefix::Prefix;
use super::timeouts::Timeouts;
use crate::feed::Feed;
use crate::status::MirrorState;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// The longest wait for room in the map, after which the prefix is looked at again.
const MAX_ROOM: Duration = Duration::from_secs(30);

/// Follows a prefix of etcd, and feeds a mirror with it.
pub(crate) struct Driver {
    pub(crate) feed: Feed,
    pub(crate) options: EtcdOptions,
    pub(crate) prefix: Arc<Prefix>,
    pub(crate) timeouts: Timeouts,
    /// The endpoint that is of use at the moment, for requests of the owner of the mirror.
    pub(crate) link: watch::Sender<Link>,
    /// The cluster of the copy.
    pub(crate) cluster: Option<u64>,
    /// The member that the copy has followed, and the term of the cluster then.
    pub(crate) answered_by: Option<(u64, u64)>,
    /// Whether another history than that of the copy has answered since the copy was last compared.
    pub(crate) is_suspect: bool,
    /// Whether the entries do not fit.
    pub(crate) is_unfit: bool,
    /// How long to wait for room in the map.
    pub(crate) room: Backoff,
}

/// The endpoint that is of use, or why there is none.
pub(crate) type Link = Result<Kv, Arc<str>>;

impl Driver {
    pub(crate) fn new(feed: Feed, options: EtcdOptions, link: watch::Sender<Link>) -> Self {
        Self {
            prefix: Arc::new(Prefix::new(options.prefix.as_slice())),
            timeouts: Timeouts::new(feed.options()),
            feed,
            options,
            link,
            cluster: None,
            answered_by: None,
            is_suspect: false,
            is_unfit: false,
            room: Backoff::new(MAX_ROOM),
        }
    }

    /// Connects to one endpoint after the other. Never returns.
    pub(crate) async fn run(mut self) {
        let endpoints = self.options.endpoints.clone();
        let mut backoff = Backoff::new(self.timeouts.backoff);
        // The endpoints that have failed since one of them was of use.
        let mut failed = 0;
        for endpoint in endpoints.iter().cycle() {
            let (failure, was_of_use) = self.session(endpoint).await;
            let failure = failure.at(endpoint);
            self.failed(&failure.without(self.options.password.as_deref()));
            if was_of_use {
                backoff.reset();
                failed = 0;
            }
            failed += 1;
            if failed >= endpoints.len() {
                sleep(backoff.next()).await;
            }
        }
    }

    fn failed(&mut self, failure: &Failure) {
        let why = failure.to_string();
        let _ = self.link.send_replace(Err(why.as_str().into()));
        self.is_suspect |= failure.kind == Kind::OtherHistory;
        let is_other = matches!(failure.kind, Kind::OtherCluster | Kind::OtherHistory);
        let accepts = self.feed.options().accept_new_cluster;
        if is_other && !accepts && !self.is_unfit {
            self.feed.enter(MirrorState::OtherCluster, Some(&why));
        } else {
            self.feed.lost(&why);
        }
    }
}
