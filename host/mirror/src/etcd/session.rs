//! One connection to an endpoint: it lists the prefix if it has to, and watches it.

use super::backoff::Backoff;
use super::driver::Driver;
use super::failure::{Failure, Kind};
use super::kv::{Kv, Question};
use super::list::{ListError, list};
use super::resume::Resume;
use super::watch::{End, Watch};
use crate::error::Unfit;
use crate::status::{Connection, MirrorState};
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often a list begins again because its revision was compacted, before another endpoint is tried.
const MAX_ATTEMPTS: u32 = 5;

/// The shortest time between two looks for room.
const LOOK: Duration = Duration::from_secs(1);

/// The longest pause between two lists of which the first was of no use for long.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// What a list has come to.
enum Outcome {
    Done,
    /// The entries did not fit at this revision, at which there were so many keys.
    Unfit {
        revision: u64,
        keys: u64,
    },
    /// It has to begin again.
    Again(Failure),
}

impl Driver {
    /// Follows the prefix by one endpoint until that fails. Returns why, and whether it was of use before.
    pub(crate) async fn session(&mut self, endpoint: &str) -> (Failure, bool) {
        let mut was_of_use = false;
        let Err(failure) = self.follow(endpoint, &mut was_of_use).await;
        (failure, was_of_use)
    }

    async fn follow(
        &mut self,
        endpoint: &str,
        was_of_use: &mut bool,
    ) -> Result<Infallible, Failure> {
        let connecting = Kv::connect(endpoint, &self.options, &self.prefix, self.timeouts);
        let (kv, server) = connecting.await?;
        let sent = self.feed.now();
        let mut head = kv.probe(self.timeouts.call).await?;
        let resume = self.resume(&kv, sent, head).await?;
        self.feed.connected(Connection {
            endpoint: endpoint.to_owned(),
            version: server.version.clone(),
            cluster_id: head.cluster_id,
        });
        let _ = self.link.send_replace(Ok(kv.clone()));
        let (mut relist, mut proof) = match resume {
            Resume::Watch(sent, revision) => (None, Some((sent, revision))),
            Resume::List(why) => (Some(why), None),
        };
        let mut pause = Backoff::new(MAX_PAUSE);
        let (mut was_silent, mut fragment) = (false, false);
        loop {
            if let Some(why) = relist.take() {
                self.list(&kv, head.cluster_id, &why).await?;
                head.revision = self.feed.complete();
                (was_silent, fragment) = (false, false);
            }
            let max_page = self.options.page;
            let begun = Watch::begin(&self.feed, &kv, &server, head, max_page, fragment);
            let mut watch = begun.await?;
            watch.proof = proof.take();
            let began = Instant::now();
            let end = watch.run().await;
            *was_of_use |= watch.has_proof;
            was_silent &= !watch.has_events;
            drop(watch);
            match end {
                End::Failed(failure) if failure.kind == Kind::TooLarge && !fragment => {
                    fragment = true;
                }
                End::Failed(failure) => return Err(failure),
                // Another watch gets the events, unless the server has lost them.
                End::Silent if !was_silent => was_silent = true,
                End::Silent => relist = Some("the watch is silent about changes".into()),
                End::Relist(why) => relist = Some(why),
                End::Unfit(unfit) => {
                    self.is_unfit = true;
                    relist = Some(unfit.to_string());
                }
            }
            if began.elapsed() >= LOOK {
                pause.reset();
            } else if let Some(why) = &relist {
                // Lists that are of no use for long must not follow each other without a break.
                self.listing(why);
                sleep(pause.next()).await;
            }
        }
    }

    /// Notes that the prefix is listed. A prefix that did not fit does not, until it does.
    fn listing(&self, why: &str) {
        if !self.is_unfit {
            self.feed.enter(MirrorState::Listing, Some(why));
        }
    }

    /// Lists the prefix, until the copy is complete and fits.
    async fn list(&mut self, kv: &Kv, cluster_id: u64, why: &str) -> Result<(), Failure> {
        let mut backoff = Backoff::new(LOOK);
        let mut attempts = 0;
        loop {
            match self.list_once(kv, cluster_id, why).await? {
                Outcome::Done => return Ok(()),
                Outcome::Again(failure) => {
                    attempts += 1;
                    if attempts == MAX_ATTEMPTS {
                        return Err(failure);
                    }
                    sleep(backoff.next()).await;
                }
                Outcome::Unfit { revision, keys } => self.wait_for_room(kv, revision, keys).await?,
            }
        }
    }

    async fn list_once(&mut self, kv: &Kv, cluster_id: u64, why: &str) -> Result<Outcome, Failure> {
        self.listing(why);
        match list(&self.feed, kv, self.options.page, cluster_id).await {
            Ok(listed) => {
                self.feed.install(listed.list, listed.sent);
                self.feed.enter(MirrorState::Listing, None);
                self.cluster = Some(cluster_id);
                self.answered_by = None;
                self.is_suspect = false;
                self.is_unfit = false;
                self.room.reset();
                Ok(Outcome::Done)
            }
            Err(ListError::Failed(failure)) if failure.kind == Kind::Compacted => {
                Ok(Outcome::Again(failure))
            }
            Err(ListError::Failed(failure)) => Err(failure),
            Err(ListError::Unfit {
                unfit,
                revision,
                keys,
            }) => {
                self.cluster = Some(cluster_id);
                self.is_unfit = true;
                self.feed.unfit(&unfit);
                Ok(match unfit {
                    // Nothing need change in etcd for another map to hold it.
                    Unfit::Terminated { .. } => Outcome::Unfit {
                        revision: 0,
                        keys: 0,
                    },
                    _ => Outcome::Unfit { revision, keys },
                })
            }
        }
    }

    /// Waits until there may be room for a prefix that had so many keys at a revision: until there are
    /// fewer, or until something has changed and some time has passed.
    async fn wait_for_room(&mut self, kv: &Kv, revision: u64, keys: u64) -> Result<(), Failure> {
        let look = self.feed.options().probe.max(LOOK);
        let mut wait = self.room.next().max(look);
        let mut begin = Instant::now();
        loop {
            sleep(look).await;
            // It costs less than a check, and finds out whether the user may still read.
            if kv.check(Question::default()).await?.count < keys {
                return Ok(());
            }
            if begin.elapsed() >= wait {
                let since = Question {
                    newer_than: Some(revision),
                    ..Question::default()
                };
                let check = kv.check(since).await?;
                if check.is_newer || check.count != keys {
                    return Ok(());
                }
                wait = self.room.next().max(look);
                begin = Instant::now();
            }
        }
    }
}
