//! What the tasks of the locks in etcd share.

use super::cleanup::Cleanup;
use super::endpoints::{Endpoints, Head};
use super::failure::{Failure, Kind};
use super::options::{EtcdLockOptions, LeaseEvent};
use super::session::Session;
use super::signal::Signal;
use crate::locks::AcquireError;
use crate::mode::Mode;
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
    pub(super) cleanup: Cleanup,
    /// Raised when the locks are no longer used.
    pub(super) ending: Signal,
    lease: watch::Sender<Lease>,
    /// The cluster that has granted leases, with the last revision that is known of it.
    known: Mutex<Option<Head>>,
    /// Numbers the names of locks.
    number: AtomicU64,
}

/// Whether there is a lease.
#[derive(Clone)]
enum Lease {
    /// There is none, for this reason.
    None(String),
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
            cleanup: Cleanup::default(),
            ending: Signal::default(),
            lease: watch::Sender::new(none),
            known: Mutex::new(None),
            number: AtomicU64::new(0),
        }
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.options.clock
    }

    pub(super) fn report(&self, event: &LeaseEvent) {
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
        self.lease.send_replace(Lease::None(why));
    }

    pub(super) fn set_ended(&self) {
        self.lease.send_replace(Lease::Ended);
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
            Lease::Ended => true,
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
            Lease::None(why) => Err(AcquireError::NoLease { why }),
            Lease::Ended => Err(AcquireError::NoLease {
                why: "it was given back".to_owned(),
            }),
        }
    }

    /// Waits until there is a lease, or will be none.
    pub(super) async fn ready(&self) {
        let mut lease = self.lease.subscribe();
        let ready = |lease: &Lease| !matches!(lease, Lease::None(_));
        // The sender is there for as long as this is.
        let _ = lease.wait_for(ready).await;
    }

    /// Checks that an answer is from the cluster that has answered before, and not from before what it has
    /// said then.
    pub(super) fn check_cluster(&self, head: Head) -> Result<(), Failure> {
        let mut known = lock(&self.known);
        let why = match *known {
            Some(before) if before.cluster != head.cluster => format!(
                "the endpoint belongs to another cluster, {:x} instead of {:x}",
                head.cluster, before.cluster
            ),
            Some(before) if before.revision > head.revision => format!(
                "the cluster has lost its history: it was at revision {} and is at {}",
                before.revision, head.revision
            ),
            _ => String::new(),
        };
        if !why.is_empty() && !self.options.accept_new_cluster {
            return Err(Failure::new(
                Kind::Unknown,
                format!("{why}: restart the process to accept it"),
            ));
        }
        *known = Some(head);
        Ok(())
    }

    /// Notes that a transaction was performed at this revision.
    pub(super) fn note_revision(&self, revision: i64) {
        if let Some(known) = &mut *lock(&self.known) {
            known.revision = known.revision.max(revision);
        }
    }

    /// Returns whether an answer was there before: see [`check_cluster`](Self::check_cluster).
    pub(super) fn knows_cluster(&self) -> bool {
        lock(&self.known).is_some()
    }

    /// Returns the folder of a key: what the names of its locks begin with.
    pub(super) fn folder(&self, key: &str) -> Vec<u8> {
        let mut folder = self.options.prefix.clone();
        folder.extend_from_slice(key.as_bytes());
        // No key contains it, so no folder begins with another one.
        folder.push(0);
        folder
    }

    /// Returns a new name for a lock.
    pub(super) fn lock_key(&self, folder: &[u8], mode: Mode, session: &Session) -> Arc<[u8]> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let kind = letter(mode);
        let name = format!("{kind}{:016x}-{number:x}", session.lease());
        [folder, name.as_bytes()].concat().into()
    }

    /// Returns the key of a session, which is in no folder.
    pub(super) fn session_key(&self, lease: i64) -> Vec<u8> {
        let mut key = self.options.prefix.clone();
        key.push(0);
        key.extend_from_slice(format!("s{lease:016x}").as_bytes());
        key
    }
}

/// Returns what the names of locks of a mode begin with.
pub(super) fn letter(mode: Mode) -> char {
    match mode {
        Mode::Read => 'r',
        Mode::Write => 'w',
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
    async fn another_cluster_or_one_without_its_history_is_refused() {
        let shared = shared();
        let head = |cluster, revision| Head { cluster, revision };
        assert!(!shared.knows_cluster());
        assert!(shared.check_cluster(head(1, 5)).is_ok());
        shared.note_revision(9);
        assert!(shared.check_cluster(head(1, 9)).is_ok());
        let error = shared.check_cluster(head(2, 20)).expect_err("another");
        assert!(error.to_string().contains("another cluster"), "{error}");
        let error = shared.check_cluster(head(1, 8)).expect_err("wiped");
        assert!(
            error.to_string().contains("at revision 9 and is at 8"),
            "{error}"
        );
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
