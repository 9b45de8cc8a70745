//! Decides whether a copy can go on with a cluster: whether it is the same one, with the same history.

use super::driver::Driver;
use super::failure::{Failure, Kind};
use super::gap;
use super::kv::{Check, Head, Kv, Question};
use std::time::Duration;

/// How a copy goes on.
pub(crate) enum Resume {
    /// By a watch from its revision on.
    Watch,
    /// By a list, for this reason.
    List(String),
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
        let (known, keys) = self.feed.extent();
        let Some(cluster) = self.cluster else {
            return Ok(Resume::List("there is no copy yet".into()));
        };
        if cluster != head.cluster_id {
            return self.replace(format!(
                "the endpoint belongs to cluster {:x}, and the copy to cluster {cluster:x}",
                head.cluster_id
            ));
        }
        if head.revision < known {
            return self.replace(format!(
                "cluster {cluster:x} has revision {}, and the copy has revision {known}: it was \
                 restored or emptied",
                head.revision
            ));
        }
        if known == 0 {
            return Ok(Resume::List("there is no copy".into()));
        }
        let (last_put, newest) = self.feed.shared().newest();
        let newest = newest.as_deref().map(|key| (key, last_put));
        let is_same_term = self.answered_by == Some((head.member_id, head.term));
        let lost = |driver: &Self| {
            driver.replace(format!(
                "cluster {cluster:x} has not stored what the copy has of revision {last_put}: it was \
                 restored or emptied"
            ))
        };
        let then = Question {
            at: known,
            newer_than: (!is_same_term).then_some(last_put),
            newest,
        };
        match kv.check(then).await {
            Ok(check) if !check.has_newest => return lost(self),
            Ok(check) if check.count != keys || check.is_newer => {
                self.feed.audited(false);
                return Ok(Resume::List(format!(
                    "the copy differs from etcd at revision {known}"
                )));
            }
            Ok(_) if !gap::is_too_far(head.revision - known, keys) => {
                self.feed.answered(sent, head.revision);
                self.answered_by = Some((head.member_id, head.term));
                return Ok(Resume::Watch);
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
            return Ok(Resume::List(format!(
                "the copy is {behind} revisions behind"
            )));
        }
        if !has_newest {
            return lost(self);
        }
        self.feed.answered(sent, head.revision);
        self.feed.complete_to(head.revision);
        self.answered_by = Some((head.member_id, head.term));
        Ok(Resume::Watch)
    }

    /// Replaces the copy by that of another cluster, or another history, if that is allowed.
    fn replace(&self, why: String) -> Result<Resume, Failure> {
        match self.feed.options().accept_new_cluster {
            true => Ok(Resume::List(why)),
            false => Err(Failure::new(Kind::OtherCluster, why)),
        }
    }
}
