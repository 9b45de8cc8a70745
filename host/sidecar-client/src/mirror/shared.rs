//! The copy and the status of a mirror, which its readers and its stream share.

use super::options::MirrorOptions;
use super::replica::{Replica, Reply};
use super::status::{Freshness, MirrorStatus};
use super::update::Update;
use crate::error::Error;
use localmap_sidecar_proto::{MirrorResponse, mirror_request};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The copy of a mirror. Only its stream writes it.
#[derive(Debug)]
pub(super) struct Shared {
    replica: RwLock<Replica>,
    status: watch::Sender<MirrorStatus>,
    options: MirrorOptions,
}

impl Shared {
    pub(super) fn new(options: MirrorOptions) -> Self {
        Self {
            replica: RwLock::new(Replica::new(options.max_bytes)),
            status: watch::Sender::new(MirrorStatus::new()),
            options,
        }
    }

    /// Locks the copy for reading. Waits while a message is applied.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Replica> {
        self.replica.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Replica> {
        self.replica.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the time of the mirror's clock.
    pub(super) fn now(&self) -> Duration {
        self.options.clock.now()
    }

    pub(super) fn options(&self) -> &MirrorOptions {
        &self.options
    }

    pub(super) fn status(&self) -> MirrorStatus {
        self.status.borrow().clone()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<MirrorStatus> {
        self.status.subscribe()
    }

    /// Returns the first request of a stream: what is held, so that only the rest is sent.
    pub(super) fn open(&self, tenant: &str) -> mirror_request::Open {
        let replica = self.read();
        mirror_request::Open {
            tenant: tenant.to_owned(),
            epoch: replica.epoch(),
            revision: replica.revision(),
            can_compare: true,
        }
    }

    /// Returns the versions of all that is held.
    pub(super) fn held_versions(&self) -> Vec<mirror_request::HeldEntry> {
        self.read().held_versions()
    }

    /// Applies a response and returns the reply.
    pub(super) fn apply(&self, response: MirrorResponse) -> Result<Reply, Error> {
        let update = Update::new(response, self.now(), self.options.accept.as_deref());
        let mut replica = self.write();
        let reply = replica.apply(update).map_err(|_| Error::MirrorTooLarge {
            max_bytes: self.options.max_bytes,
        })?;
        drop(replica);
        self.publish(|_| ());
        Ok(reply)
    }

    /// Notes that the stream is open again.
    pub(super) fn connected(&self) {
        self.publish(|status| status.freshness = Freshness::CatchingUp);
    }

    /// Notes that the stream is lost, or could not be opened again.
    pub(super) fn disconnected(&self, error: Error) {
        self.status.send_modify(|status| {
            let since = match status.freshness {
                Freshness::Disconnected { since, .. } => since,
                _ => Instant::now(),
            };
            let reason = Arc::new(error);
            status.freshness = Freshness::Disconnected { since, reason };
        });
    }

    /// Notes that the mirror has ended.
    pub(super) fn failed(&self, error: Error) {
        let reason = Arc::new(error);
        self.publish(|status| status.freshness = Freshness::Failed { reason });
    }

    /// Notes that nobody follows the stream any more.
    pub(super) fn ended(&self) {
        if !matches!(self.status.borrow().freshness, Freshness::Failed { .. }) {
            self.failed(Error::MirrorEnded);
        }
    }

    fn publish(&self, last: impl FnOnce(&mut MirrorStatus)) {
        let replica = self.read();
        self.status.send_modify(|status| {
            status.freshness = if replica.is_whole() {
                Freshness::Synced
            } else {
                Freshness::CatchingUp
            };
            status.epoch = replica.epoch();
            status.revision = Some(replica.revision()).filter(|revision| {
                // A partial copy has revision 0, and so has that of a map that never changed.
                *revision > 0 || replica.is_whole()
            });
            status.entries = replica.len();
            status.bytes = replica.bytes();
            status.refused = replica.refused();
            last(status);
        });
    }
}
