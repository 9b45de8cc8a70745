//! The locks in etcd of a process, whose last user gives the lease back.

use super::failure::EtcdError;
use super::options::EtcdLockOptions;
use super::shared::Shared;
use super::{cleanup, keeper};
use crate::status::LocksStatus;
use localmap::lock;
use std::sync::{Arc, Mutex};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

pub(crate) struct Etcd {
    pub(super) shared: Arc<Shared>,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

impl Etcd {
    /// Begins to get a lease.
    pub(crate) fn start(options: EtcdLockOptions) -> Result<Self, EtcdError> {
        options.check()?;
        let runtime = Handle::current();
        let shared = Arc::new(Shared::new(options, runtime.clone()));
        let keeper = runtime.spawn(keeper::keep(Arc::clone(&shared)));
        runtime.spawn(cleanup::clean(Arc::clone(&shared)));
        Ok(Self {
            shared,
            keeper: Mutex::new(Some(keeper)),
        })
    }

    pub(crate) async fn ready(&self) {
        self.shared.ready().await;
    }

    /// Adds what is known of leases.
    pub(crate) fn status(&self, status: LocksStatus) -> LocksStatus {
        let (leases, leases_lost) = self.shared.leases.counts();
        LocksStatus {
            available: self.shared.has_lease(),
            leases,
            leases_lost,
            ..status
        }
    }

    /// Gives the lease back, and waits for that.
    pub(crate) async fn end(&self) {
        self.shared.ending.raise();
        let keeper = lock(&self.keeper).take();
        if let Some(keeper) = keeper {
            // If it panics, it has ended.
            let _ = keeper.await;
        }
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        self.shared.ending.raise();
    }
}
