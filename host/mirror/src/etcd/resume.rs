//! Decides whether a copy can go on with a cluster: whether it is the same one, with the same history.

use super::audit::audit;
use super::driver::Driver;
use super::failure::{Failure, Kind};
use super::gap;
use super::kv::{Check, Head, Kv, Question};
use std::time::Duration;

/// How a copy goes on.
pub(crate) enum Resume {
    /// By a watch from its revision on. A linearizable read was sent at this time, and has answered this
    /// revision.
    Watch(Duration, u64),
    /// By a list, for this reason.
    List(String),
}

/// What a comparison of a cluster with the copy has shown.
enum History {
    /// All that was compared is the same. The read was sent at `sent` that has answered `head`, and
    /// `is_complete` is whether nothing has changed until then.
    Same {
        sent: Duration,
        head: Head,
        is_complete: bool,
    },
    /// There is nothing to compare.
    List(String),
    /// It may be the same, but something has changed.
    Differs(String),
    /// It is another cluster, or another history.
    Other(Kind, String),
}

impl Driver {
    /// Decides how the copy goes on with the server that has answered `head` to a read sent at `sent`.
    ///
    /// A cluster that was restored, or emptied and started in the same way, has the same id. So the history is
    /// compared too, at the revision of the copy: the number of keys, and the key that was stored last; and
    /// after an election or a restart, whether there is none that was stored after it.
    pub(crate) async fn resume(
        &mut self,
        kv: &Kv,
        sent: Duration,
        head: Head,
    ) -> Result<Resume, Failure> {
        let (sent, head, is_complete) = match self.compare_history(kv, sent, head).await? {
            History::Same {
                sent,
                head,
                is_complete,
            } => (sent, head, is_complete),
            History::List(why) => return Ok(Resume::List(why)),
            // It was refused, and has gone on to the revision of the copy.
            History::Differs(why) if self.is_suspect => {
                return self.replace(Kind::OtherHistory, why);
            }
            History::Differs(why) => return Ok(Resume::List(why)),
            History::Other(kind, why) => return self.replace(kind, why),
        };
        if self.is_suspect && !self.is_equal(kv).await? {
            let cluster = head.cluster_id;
            let why =
                format!("cluster {cluster:x} differs from the copy: it was restored or emptied");
            return self.replace(Kind::OtherHistory, why);
        }
        self.is_suspect = false;
        self.answered_by = Some((head.member_id, head.term));
        if is_complete {
            self.feed.complete_to(head.revision);
        }
        Ok(Resume::Watch(sent, head.revision))
    }

    /// Compares the copy with etcd at the revision of the copy.
    async fn is_equal(&self, kv: &Kv) -> Result<bool, Failure> {
        match audit(self.feed.shared(), kv, self.options.page).await {
            Ok(comparison) => Ok(comparison.is_equal()),
            Err(error) => Err(Failure::new(Kind::Other, error.to_string())),
        }
    }

    async fn compare_history(
        &self,
        kv: &Kv,
        sent: Duration,
        head: Head,
    ) -> Result<History, Failure> {
        let (known, keys) = self.feed.extent();
        let Some(cluster) = self.cluster else {
            return Ok(History::List("there is no copy yet".into()));
        };
        if cluster != head.cluster_id {
            let why = format!(
                "the endpoint belongs to cluster {:x}, and the copy to cluster {cluster:x}",
                head.cluster_id
            );
            return Ok(History::Other(Kind::OtherCluster, why));
        }
        if head.revision < known {
            let why = format!(
                "cluster {cluster:x} has revision {}, and the copy has revision {known}: it was \
                 restored or emptied",
                head.revision
            );
            return Ok(History::Other(Kind::OtherHistory, why));
        }
        if known == 0 {
            return Ok(History::List("there is no copy".into()));
        }
        let (last_put, newest) = self.feed.shared().newest();
        let newest = newest.as_deref().map(|key| (key, last_put));
        let is_same_term = self.answered_by == Some((head.member_id, head.term));
        let lost = || {
            let why = format!(
                "cluster {cluster:x} has not stored what the copy has of revision {last_put}: it was \
                 restored or emptied"
            );
            History::Other(Kind::OtherHistory, why)
        };
        let then = Question {
            at: known,
            newer_than: (!is_same_term).then_some(last_put),
            newest,
        };
        match kv.check(then).await {
            Ok(check) if !check.has_newest => return Ok(lost()),
            Ok(check) if check.count != keys || check.is_newer => {
                self.feed.audited(false);
                return Ok(History::Differs(format!(
                    "the copy differs from etcd at revision {known}"
                )));
            }
            Ok(_) if !gap::is_too_far(head.revision - known, keys) => {
                return Ok(History::Same {
                    sent,
                    head,
                    is_complete: false,
                });
            }
            Ok(_) => {}
            Err(failure) if failure.kind == Kind::Compacted => {}
            Err(failure) => return Err(failure),
        }
        let sent = self.feed.now();
        let now = Question {
            at: 0,
            newer_than: Some(known),
            newest,
        };
        let Check {
            head,
            count,
            is_newer,
            has_newest,
        } = kv.check(now).await?;
        if is_newer || count != keys {
            let behind = head.revision.saturating_sub(known);
            return Ok(History::Differs(format!(
                "the copy is {behind} revisions behind"
            )));
        }
        if !has_newest {
            return Ok(lost());
        }
        Ok(History::Same {
            sent,
            head,
            is_complete: true,
        })
    }

    /// Replaces the copy by that of another cluster, or another history, if that is allowed.
    fn replace(&self, kind: Kind, why: String) -> Result<Resume, Failure> {
        match self.feed.options().accept_new_cluster {
            true => Ok(Resume::List(format!("moves to another cluster: {why}"))),
            false => Err(Failure::new(kind, why)),
        }
    }
}
