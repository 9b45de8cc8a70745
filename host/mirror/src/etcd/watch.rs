//! Follows the changes of a prefix, and proves from time to time how old the copy is.

use super::assembler::Assembler;
use super::audit;
use super::failure::{Failure, Kind};
use super::kv::{Check, Head, Kv, Question, Server, head};
use super::list::other_cluster;
use super::pending::{Checked, Pending, Step, Verdict};
use super::timers::{ready_now, tick, ticks, until};
use super::write::RequestError;
use crate::error::Unfit;
use crate::feed::Feed;
use etcd_client::{Error, WatchRequestSender, WatchResponse, WatchResponseStream};
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, Interval, timeout};

/// The events from which on no further message is looked for before they are applied.
const MAX_EVENTS: usize = 4096;

/// Why a watch has ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The connection is of no use any more.
    Failed(Failure),
    /// The prefix has to be listed.
    Relist(String),
    /// The prefix has changed, and the watch does not say so.
    Silent,
    /// The entries do not fit into the map.
    Unfit(Unfit),
}

/// What a request has answered that was sent while the watch went on.
enum Answer {
    Probe {
        sent: Duration,
        /// The revision up to which the copy was complete when it was sent.
        known: u64,
        result: Result<Head, Failure>,
    },
    Check {
        sent: Duration,
        known: u64,
        took: Duration,
        result: Result<Check, Failure>,
    },
    Audit(Result<audit::Comparison, RequestError>),
}

/// A watch of a prefix.
pub(crate) struct Watch<'a> {
    feed: &'a Feed,
    kv: &'a Kv,
    cluster_id: u64,
    server: &'a Server,
    max_page: u32,
    sender: WatchRequestSender,
    messages: WatchResponseStream,
    watch_id: i64,
    assembler: Assembler,
    pending: Pending,
    calls: JoinSet<Answer>,
    is_probing: bool,
    is_checking: bool,
    is_auditing: bool,
    probes: Interval,
    audits: Option<Interval>,
    publish_at: Option<Instant>,
    /// What proves the age of the copy once the watch is created.
    pub(crate) proof: Option<(Duration, u64)>,
    /// Whether a probe has been answered.
    pub(crate) has_proof: bool,
    /// Whether events have come.
    pub(crate) has_events: bool,
}

impl<'a> Watch<'a> {
    /// Begins to watch from the revision of the copy. `cluster` has that revision or a later one.
    pub(crate) async fn begin(
        feed: &'a Feed,
        kv: &'a Kv,
        server: &'a Server,
        cluster: Head,
        max_page: u32,
        fragment: bool,
    ) -> Result<Self, Failure> {
        let complete = feed.complete();
        let stream = kv.watch(complete.saturating_add(1), fragment).await?;
        let (sender, messages) = stream.split();
        let options = feed.options();
        let now = Instant::now();
        let mut pending = Pending::new(now, options.probe, options.max_stale);
        pending.answered(now, cluster.revision, complete);
        Ok(Self {
            feed,
            kv,
            cluster_id: cluster.cluster_id,
            server,
            max_page,
            sender,
            messages,
            watch_id: 0,
            assembler: Assembler::new(complete),
            pending,
            calls: JoinSet::new(),
            is_probing: false,
            is_checking: false,
            is_auditing: false,
            probes: ticks(now + options.probe, options.probe),
            audits: options.audit.map(|every| ticks(now + every, every)),
            publish_at: Some(now),
            proof: None,
            has_proof: false,
            has_events: false,
        })
    }

    /// Follows the changes until something ends that.
    pub(crate) async fn run(&mut self) -> End {
        loop {
            // In no order, so that neither a busy stream starves the probes, nor they the stream.
            let step = tokio::select! {
                message = self.messages.message() => self.received(message),
                Some(answer) = self.calls.join_next() => self.answered(answer),
                _ = self.probes.tick(), if !self.is_probing => {
                    self.probe();
                    Ok(())
                }
                () = until(self.pending.at()) => self.step().await,
                () = until(self.publish_at) => {
                    self.publish();
                    Ok(())
                }
                () = tick(&mut self.audits), if !self.is_auditing => {
                    self.audit();
                    Ok(())
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    // The messages of the watch.

    /// Applies the revisions of a message, and of those that have come meanwhile.
    fn received(&mut self, first: Result<Option<WatchResponse>, Error>) -> Result<(), End> {
        let mut progress = 0;
        let mut next = Some(first);
        let mut taken = Ok(());
        while let Some(message) = next {
            taken = self.take(message, &mut progress);
            let is_enough = taken.is_err() || self.assembler.whole() >= MAX_EVENTS;
            next = match is_enough {
                true => None,
                false => ready_now(self.messages.message()),
            };
        }
        // What has come before an end is whole.
        self.apply()?;
        if progress > 0 && !self.assembler.is_partial() {
            self.feed.complete_to(progress);
            self.pending.moved(self.feed.complete());
        }
        taken
    }

    /// Reads a message.
    fn take(
        &mut self,
        message: Result<Option<WatchResponse>, Error>,
        progress: &mut u64,
    ) -> Result<(), End> {
        let message = match message {
            Ok(Some(message)) => message.0,
            Ok(None) => return Err(End::Failed(Failure::canceled(""))),
            Err(error) => return Err(End::Failed(error.into())),
        };
        // It may be the message that says that the watch was created.
        if message.canceled {
            return Err(match message.compact_revision {
                0 => End::Failed(Failure::canceled(&message.cancel_reason)),
                compacted => End::Relist(format!("revision {compacted} is compacted")),
            });
        }
        if message.created {
            self.watch_id = message.watch_id;
            let head = head(message.header.as_ref()).map_err(End::Failed)?;
            return self.created(head);
        }
        if !message.events.is_empty() || message.fragment {
            return self
                .assembler
                .push(message.events, message.fragment)
                .map_err(|disorder| End::Relist(disorder.to_string()));
        }
        // A report of progress. Its revision is that of all watches of the stream, or of this one.
        let head = head(message.header.as_ref()).map_err(End::Failed)?;
        let is_timed = message.watch_id == self.watch_id;
        if is_timed || self.pending.trusts_progress() {
            *progress = head.revision.max(*progress);
        }
        Ok(())
    }

    fn created(&mut self, head: Head) -> Result<(), End> {
        if head.cluster_id != self.cluster_id {
            return Err(End::Failed(other_cluster()));
        }
        // Behind a balancer of load, another server may have told its version.
        let is_same = head.member_id == self.server.member_id;
        if is_same && crate::version::has_reliable_progress(&self.server.version) {
            self.pending.trust_progress();
        }
        self.feed.live(self.proof.take());
        Ok(())
    }

    /// Makes the changes of the revisions that are complete.
    fn apply(&mut self) -> Result<(), End> {
        let Some(revisions) = self.assembler.take() else {
            return Ok(());
        };
        self.has_events = true;
        let events = revisions.events(self.kv.prefix());
        self.feed
            .apply(&events, revisions.last)
            .map_err(End::Unfit)?;
        self.pending.moved(self.feed.complete());
        self.publish();
        Ok(())
    }

    fn publish(&mut self) {
        self.publish_at = self.feed.publish().map(|wait| Instant::now() + wait);
    }

    // What proves the age of the copy.

    /// Sends a linearizable read.
    fn probe(&mut self) {
        self.is_probing = true;
        let kv = self.kv.clone();
        let (sent, known) = (self.feed.now(), self.feed.complete());
        self.calls.spawn(async move {
            let result = kv.probe(kv.timeouts().call).await;
            Answer::Probe {
                sent,
                known,
                result,
            }
        });
    }

    /// Reads all keys of the prefix.
    fn check(&mut self) {
        self.is_checking = true;
        let kv = self.kv.clone();
        let (sent, known) = (self.feed.now(), self.feed.complete());
        self.calls.spawn(async move {
            let begin = Instant::now();
            let question = Question {
                newer_than: Some(known),
                ..Question::default()
            };
            let result = kv.check(question).await;
            Answer::Check {
                sent,
                known,
                took: begin.elapsed(),
                result,
            }
        });
    }

    fn audit(&mut self) {
        self.is_auditing = true;
        let (shared, kv, max_page) = (self.feed.shared(), self.kv.clone(), self.max_page);
        self.calls
            .spawn(async move { Answer::Audit(audit::audit(shared, &kv, max_page).await) });
    }

    async fn step(&mut self) -> Result<(), End> {
        let (complete, keys) = self.feed.extent();
        match self.pending.step(Instant::now(), complete, keys) {
            Step::Wait => {}
            Step::AskProgress => {
                // A stream that accepts no request is noticed by the probe.
                let asking = self.sender.request_progress();
                let _ = timeout(Duration::from_millis(10), asking).await;
            }
            Step::Check if self.is_checking => {}
            Step::Check => self.check(),
        }
        Ok(())
    }

    fn answered(&mut self, answer: Result<Answer, JoinError>) -> Result<(), End> {
        match answer {
            Ok(Answer::Probe {
                sent,
                known,
                result,
            }) => {
                self.is_probing = false;
                let head = result.map_err(End::Failed)?;
                self.check_head(head, known)?;
                self.has_proof = true;
                self.feed.answered(sent, head.revision);
                let complete = self.feed.complete();
                self.pending
                    .answered(Instant::now(), head.revision, complete);
                Ok(())
            }
            Ok(Answer::Check {
                sent,
                known,
                took,
                result,
            }) => {
                self.is_checking = false;
                self.checked(sent, known, took, result)
            }
            Ok(Answer::Audit(result)) => {
                self.is_auditing = false;
                // One that could not be made is made the next time.
                match result.is_ok_and(|comparison| !comparison.is_equal()) {
                    true => Err(End::Relist("the copy differs from etcd".into())),
                    false => Ok(()),
                }
            }
            Err(error) => {
                let text = format!("a request has ended: {error}");
                Err(End::Failed(Failure::new(Kind::Other, text)))
            }
        }
    }

    fn checked(
        &mut self,
        sent: Duration,
        known: u64,
        took: Duration,
        result: Result<Check, Failure>,
    ) -> Result<(), End> {
        let check = match result {
            Ok(check) => check,
            // Probes notice a server that has stopped. Reading all keys may take long.
            Err(failure) if failure.kind == Kind::Timeout => return Ok(()),
            Err(failure) => return Err(End::Failed(failure)),
        };
        self.check_head(check.head, known)?;
        let (complete, keys) = self.feed.extent();
        let checked = Checked {
            known,
            revision: check.head.revision,
            is_newer: check.is_newer,
            count: check.count,
            took,
        };
        let is_partial = self.assembler.is_partial();
        match self
            .pending
            .checked(Instant::now(), checked, complete, keys, is_partial)
        {
            Verdict::Wait => Ok(()),
            Verdict::Unchanged => {
                // The copy is that of this revision. What may still come from before has no effect.
                self.assembler.skip_to(check.head.revision);
                self.feed.answered(sent, check.head.revision);
                self.feed.complete_to(check.head.revision);
                Ok(())
            }
            Verdict::TooFar => Err(End::Relist(format!(
                "the copy is {} revisions behind",
                check.head.revision.saturating_sub(complete)
            ))),
            Verdict::Lost => Err(End::Silent),
        }
    }

    /// Checks that an answer comes from the same cluster, with the same history. `known` is the revision
    /// that it had at least.
    fn check_head(&self, head: Head, known: u64) -> Result<(), End> {
        if head.cluster_id != self.cluster_id {
            return Err(End::Failed(other_cluster()));
        }
        if head.revision < known {
            let text = format!(
                "the cluster has revision {}, and had revision {known}: it was restored or emptied",
                head.revision
            );
            return Err(End::Failed(Failure::new(Kind::OtherHistory, text)));
        }
        Ok(())
    }
}
