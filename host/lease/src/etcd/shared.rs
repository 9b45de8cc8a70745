//! What the tasks of the locks in etcd share.

use super::endpoints::{Done, Endpoints, Head};
use super::failure::{Failure, Kind};
use super::left::{Cleanup, Releases};
use super::options::{EtcdLockOptions, LeaseEvent};
use super::session::Session;
use super::signal::Signal;
use crate::acquire_error::AcquireError;
use crate::lock_name::{LockName, Numbers};
use crate::mode::Mode;
use etcd_client::Txn;
use localmap::{Clock, lock};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

/// The longest sleep of this process until it reads the clock of leases again, which does not stand still
/// while the machine sleeps.
const MAX_SLEEP: Duration = Duration::from_millis(250);

pub(super) struct Shared {
    pub(super) options: EtcdLockOptions,
    pub(super) endpoints: Endpoints,
    pub(super) runtime: Handle,
    pub(super) releases: Releases,
    pub(super) cleanup: Cleanup,
    /// Raised when the locks are no longer used.
    pub(super) ending: Signal,
    lease: watch::Sender<Lease>,
    trust: Mutex<Trust>,
    pub(super) leases: Leases,
    /// Numbers the names of locks.
    numbers: Arc<Numbers>,
}

/// How many leases there were.
#[derive(Default)]
pub(super) struct Leases {
    granted: AtomicU64,
    lost: AtomicU64,
}

impl Leases {
    /// Returns how many were granted, and how many were lost.
    pub(super) fn counts(&self) -> (u64, u64) {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (count(&self.granted), count(&self.lost))
    }

    fn note(&self, event: &LeaseEvent) {
        let count = match event {
            LeaseEvent::Granted { .. } => &self.granted,
            LeaseEvent::Lost { .. } => &self.lost,
            LeaseEvent::Failed { .. } => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is known of the cluster.
#[derive(Default)]
struct Trust {
    /// Its id, and the last revision that it has told.
    head: Option<Head>,
    /// Why it must grant no lease: locks and tokens would begin again.
    refused: Option<String>,
}

/// Whether there is a lease.
#[derive(Clone)]
enum Lease {
    /// There is none, for this reason.
    None(String),
    /// The same, and there will be none until the process is restarted.
    Refused(String),
    Held(Arc<Session>),
    /// There will be no more.
    Ended,
}

impl Shared {
    pub(super) fn new(options: EtcdLockOptions, runtime: Handle) -> Self {
        let none = Lease::None("etcd has not answered yet".to_owned());
        Self {
            endpoints: Endpoints::new(options.clone()),
            options,
            runtime,
            releases: Releases::default(),
            cleanup: Cleanup::default(),
            ending: Signal::default(),
            lease: watch::Sender::new(none),
            trust: Mutex::default(),
            leases: Leases::default(),
            numbers: Arc::default(),
        }
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.options.clock
    }

    pub(super) fn report(&self, event: &LeaseEvent) {
        self.leases.note(event);
        if let Some(call) = &self.options.on_event {
            call(event);
        }
    }

    /// Waits until a time of the clock of leases.
    pub(super) async fn sleep_until(&self, until: Duration) {
        loop {
            let left = until.saturating_sub(self.clock().now());
            if left.is_zero() {
                return;
            }
            sleep(left.min(MAX_SLEEP)).await;
        }
    }

    pub(super) fn set_session(&self, session: &Arc<Session>) {
        self.lease.send_replace(Lease::Held(Arc::clone(session)));
    }

    pub(super) fn set_none(&self, why: String) {
        self.lease.send_replace(match self.check_trust() {
            Ok(()) => Lease::None(why),
            Err(_) => Lease::Refused(why),
        });
    }

    pub(super) fn set_ended(&self) {
        self.lease.send_replace(Lease::Ended);
    }

    /// Returns `true` while there is a lease.
    pub(super) fn has_lease(&self) -> bool {
        matches!(&*self.lease.borrow(), Lease::Held(session) if !session.is_lost())
    }

    /// Returns the session of the present lease, and waits for one until `until`.
    pub(super) async fn session(&self, until: Instant) -> Result<Arc<Session>, AcquireError> {
        if let Lease::Held(session) = &*self.lease.borrow()
            && !session.is_lost()
        {
            return Ok(Arc::clone(session));
        }
        let mut lease = self.lease.subscribe();
        let usable = |lease: &Lease| match lease {
            Lease::None(_) => false,
            Lease::Held(session) => !session.is_lost(),
            Lease::Refused(_) | Lease::Ended => true,
        };
        let found = timeout_at(until, lease.wait_for(usable)).await;
        let found = match found {
            Ok(Ok(found)) => found.clone(),
            Ok(Err(_)) => Lease::Ended,
            Err(_) => self.lease.borrow().clone(),
        };
        match found {
            Lease::Held(session) if !session.is_lost() => Ok(session),
            Lease::Held(_) => Err(AcquireError::NoLease {
                why: "it has ended".to_owned(),
            }),
            Lease::None(why) | Lease::Refused(why) => Err(AcquireError::NoLease { why }),
            Lease::Ended => Err(AcquireError::NoLease {
                why: "it was given back".to_owned(),
            }),
        }
    }

    /// Waits until there is a lease, or will be none.
    pub(super) async fn ready(&self) {
        let mut lease = self.lease.subscribe();
        let ready = |lease: &Lease| matches!(lease, Lease::Held(_) | Lease::Ended);
        // The sender is there for as long as this is.
        let _ = lease.wait_for(ready).await;
    }

    /// Performs a transaction, perhaps of a session. If the answer is from another cluster, or from before what
    /// was known when it was sent, the session ends.
    pub(super) async fn txn(&self, session: Option<&Session>, txn: Txn) -> Result<Done, Failure> {
        let before = lock(&self.trust).head;
        let done = self.endpoints.txn(txn).await?;
        if let Err(failure) = self.check_head(before, done.head) {
            if let Some(session) = session {
                session.lose();
            }
            return Err(failure);
        }
        Ok(done)
    }

    /// Checks the answer to a transaction that was sent when `before` was known.
    fn check_head(&self, before: Option<Head>, head: Head) -> Result<(), Failure> {
        let mut trust = lock(&self.trust);
        let why = match before {
            Some(before) if before.cluster != head.cluster => format!(
                "the endpoint belongs to another cluster, {:x} instead of {:x}",
                head.cluster, before.cluster
            ),
            // Of transactions that run at the same time, one may be answered after a later one.
            Some(before) if before.revision > head.revision => format!(
                "the cluster has lost its history: it was at revision {} and is at {}",
                before.revision, head.revision
            ),
            _ => {
                let known = trust.head.get_or_insert(head);
                known.revision = known.revision.max(head.revision);
                return Ok(());
            }
        };
        Err(self.lose_trust(&mut trust, &why))
    }

    /// Notes that the cluster has not what it has said before.
    pub(super) fn distrust(&self, why: &str) -> Failure {
        self.lose_trust(&mut lock(&self.trust), why)
    }

    fn lose_trust(&self, trust: &mut Trust, why: &str) -> Failure {
        // The next answer is the first one.
        trust.head = None;
        if !self.options.accept_new_cluster {
            // Also after it has grown beyond what was known.
            trust.refused = Some(format!("{why}: restart the process to accept it"));
        }
        Failure::new(Kind::NoLease, why)
    }

    /// Returns an error if there must be no other lease.
    pub(super) fn check_trust(&self) -> Result<(), Failure> {
        match &lock(&self.trust).refused {
            Some(why) => Err(Failure::new(Kind::Refused, why)),
            None => Ok(()),
        }
    }

    /// Returns the folder of a key: what the names of its locks begin with.
    pub(super) fn folder(&self, key: &str) -> Vec<u8> {
        let mut folder = self.options.prefix.clone();
        folder.extend_from_slice(key.as_bytes());
        // No key contains it, so no folder begins with another one.
        folder.push(0);
        folder
    }

    /// Returns a name for a lock.
    pub(super) fn lock_name(&self, folder: &[u8], mode: Mode, session: &Session) -> Arc<LockName> {
        LockName::new(&self.numbers, |number| {
            let name = format!("{:016x}-{number:x}", session.lease());
            [folder, &[letter(mode)], name.as_bytes()].concat()
        })
    }

    /// Returns the key of a session. Its letter is not one of those of locks, nor between them: it may lie in the
    /// folder of a lock, if the prefix of these locks is in that of others.
    pub(super) fn session_key(&self, lease: i64) -> Vec<u8> {
        let name = format!("l{lease:016x}");
        [&self.options.prefix, [0].as_slice(), name.as_bytes()].concat()
    }
}

/// Returns what the names of locks of a mode begin with.
pub(super) fn letter(mode: Mode) -> u8 {
    match mode {
        Mode::Read => b'r',
        Mode::Write => b'w',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use localmap::ManualClock;

    fn shared() -> Shared {
        let clock = ManualClock::new();
        let options = EtcdLockOptions::new(["http://127.0.0.1:1"], "/locks/").clock(clock);
        Shared::new(options, Handle::current())
    }

    #[tokio::test]
    async fn folders_and_sessions_do_not_overlap() {
        let shared = shared();
        let folders = ["a", "a/b", "b"].map(|key| shared.folder(key));
        for folder in &folders {
            let others = folders.iter().filter(|other| *other != folder);
            assert!(others.clone().all(|other| !other.starts_with(folder)));
            assert!(!shared.session_key(7).starts_with(folder));
        }
    }

    #[tokio::test]
    async fn another_cluster_or_one_without_its_history_is_refused_for_good() {
        let head = |cluster, revision| Head { cluster, revision };
        for (answer, expected) in [
            (head(2, 20), "another cluster, 2 instead of 1"),
            (head(1, 8), "at revision 9 and is at 8"),
        ] {
            let shared = shared();
            shared.check_head(None, head(1, 9)).expect("the first");
            let known = Some(head(1, 9));
            shared.check_head(known, head(1, 12)).expect("it has grown");
            // It was sent before the one that was answered first.
            shared.check_head(known, head(1, 10)).expect("it was late");
            assert_eq!(lock(&shared.trust).head, Some(head(1, 12)));
            let error = shared.check_head(known, answer).expect_err("refused");
            assert!(error.to_string().contains(expected), "{error}");
            assert_eq!(error.kind, Kind::NoLease);
            let error = shared.check_trust().expect_err("refused");
            assert!(error.to_string().contains("restart the process"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_new_cluster_that_is_accepted_is_a_first_one() {
        let shared = shared();
        let options = shared.options.clone().accept_new_cluster(true);
        let shared = Shared::new(options, Handle::current());
        let head = |cluster, revision| Head { cluster, revision };
        shared.check_head(None, head(1, 9)).expect("the first");
        let known = lock(&shared.trust).head;
        // What was held in the old one is lost nevertheless.
        shared.check_head(known, head(2, 3)).expect_err("another");
        shared.check_trust().expect("it is accepted");
        let known = lock(&shared.trust).head;
        shared.check_head(known, head(2, 3)).expect("the first");
    }

    #[tokio::test]
    async fn without_a_lease_there_is_an_error_with_the_reason() {
        let shared = shared();
        shared.set_none("connection refused".to_owned());
        let error = shared.session(Instant::now()).await.err();
        let why = "connection refused".to_owned();
        assert_eq!(error, Some(AcquireError::NoLease { why }));
        shared.set_ended();
        let far = Instant::now() + Duration::from_secs(60);
        assert!(matches!(
            shared.session(far).await,
            Err(AcquireError::NoLease { .. })
        ));
        shared.ready().await;
    }
}
