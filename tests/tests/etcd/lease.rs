//! Locks in etcd: who has them, what their tokens are good for, and what happens when etcd, the network or
//! their holders fail.

mod access;
mod chaos;
mod exclusion;
mod faults;
mod process;
mod serve;

use crate::cluster::{Cluster, PATIENCE, until};
use etcd_client::Client;
use localmap_lease::{AcquireError, EtcdLockOptions, Hold, LeaseEvent, LockLimits, Locks, Mode};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The shortest TTL that etcd grants.
const TTL: Duration = Duration::from_secs(2);
/// Where the locks are.
const LOCKS: &str = "/locks/";

/// A process of those that share locks, as far as they can tell: it has a lease of its own.
struct Session {
    locks: Locks,
    events: Arc<Mutex<Vec<LeaseEvent>>>,
}

impl Session {
    fn with(options: EtcdLockOptions) -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&events);
        let options = options.on_event(move |event| {
            eprintln!("lease: {event}");
            to.lock().expect("no panic").push(event.clone());
        });
        let locks = Locks::etcd(options, LockLimits::default());
        Self {
            locks: locks.expect("the options are valid"),
            events,
        }
    }

    async fn at(endpoints: Vec<String>) -> Self {
        let session = Self::with(EtcdLockOptions::new(endpoints, LOCKS).ttl(TTL));
        session.ready().await;
        session
    }

    async fn of(cluster: &Cluster) -> Self {
        Self::at(cluster.endpoints()).await
    }

    async fn ready(&self) {
        let ready = tokio::time::timeout(PATIENCE, self.locks.ready()).await;
        ready.expect("there is a lease");
    }

    /// Acquires a lock, which must be possible in the end.
    async fn lock(&self, key: &str, mode: Mode) -> Hold {
        let acquired = self.locks.acquire(key, mode, PATIENCE).await;
        acquired.expect("the lock is free in the end")
    }

    /// Acquires a lock that is free now, or not.
    async fn try_lock(&self, key: &str, mode: Mode) -> Result<Hold, AcquireError> {
        self.locks.acquire(key, mode, Duration::ZERO).await
    }

    fn events(&self) -> Vec<LeaseEvent> {
        self.events.lock().expect("no panic").clone()
    }

    fn grants(&self) -> usize {
        let granted = |event: &LeaseEvent| matches!(event, LeaseEvent::Granted { .. });
        self.events().iter().filter(|event| granted(event)).count()
    }

    /// Waits for an event whose text contains this one.
    async fn event(&self, text: &str) {
        until(text, || {
            let events = self.events();
            events.iter().any(|event| event.to_string().contains(text))
        })
        .await;
    }
}

/// Returns the names of the locks in etcd, without those of sessions.
fn names(cluster: &Cluster) -> Vec<String> {
    let entries = cluster.entries(LOCKS, None);
    let names = entries.keys().filter(|name| !name.starts_with(b"\0l"));
    names
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}

/// Waits until no lock is left in etcd.
async fn none_is_left(cluster: &Cluster) {
    until("no lock is left", || names(cluster).is_empty()).await;
}

async fn value(client: &mut Client, key: &str) -> String {
    let found = client.get(key, None).await.expect("an answer");
    let value = found.kvs().first().map(|entry| entry.value().to_vec());
    String::from_utf8(value.unwrap_or_default()).expect("UTF-8")
}
