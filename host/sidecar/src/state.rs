//! What all calls share: the tenants, the options, and the end of the sidecar.

use crate::ending::Ending;
use crate::event::Event;
use crate::limiter::ReportLimiter;
use crate::mirror::feed::{Feed, FeedStats};
use crate::mirror::held::HeldBudget;
use crate::options::SidecarOptions;
use crate::{name, rejection, status};
use localmap::{Change, Checkout, LocalMap, Tenants, Ttl, lock};
use localmap_sidecar_proto::Rejection;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore};
use tonic::Status;

/// The state of a sidecar.
pub(crate) struct State {
    pub(crate) tenants: Tenants,
    pub(crate) options: SidecarOptions,
    pub(crate) ending: Ending,
    /// The places of mirrors.
    pub(crate) mirrors: Semaphore,
    pub(crate) held_by_mirrors: Arc<HeldBudget>,
    refused_responses: ReportLimiter,
    became_idle: Notify,
}

impl State {
    pub(crate) fn new(tenants: Tenants, options: SidecarOptions) -> Self {
        Self {
            mirrors: Semaphore::new(options.max_all_mirrors.min(Semaphore::MAX_PERMITS)),
            held_by_mirrors: Arc::default(),
            refused_responses: ReportLimiter::new(10, Duration::from_secs(10)),
            tenants,
            options,
            ending: Ending::new(),
            became_idle: Notify::new(),
        }
    }

    /// Returns the map of a tenant, which it creates if there is none. `caller` is the number of the call
    /// for telemetry.
    pub(crate) fn checkout(&self, tenant: &str, caller: u64) -> Result<CheckedOut<'_>, Status> {
        let checkout = self.find(tenant)?.with_caller(caller);
        Ok(CheckedOut {
            state: self,
            caller,
            checkout,
        })
    }

    /// Does the same as [`checkout`](Self::checkout), for what outlives the call of a function.
    pub(crate) fn checkout_shared(
        self: &Arc<Self>,
        tenant: &str,
        caller: u64,
    ) -> Result<SharedCheckout, Status> {
        let checkout = self.find(tenant)?.with_caller(caller);
        Ok(SharedCheckout {
            state: Arc::clone(self),
            checkout,
        })
    }

    fn find(&self, tenant: &str) -> Result<Checkout, Status> {
        name::check_tenant(tenant)?;
        let checkout = self.tenants.checkout(tenant.as_bytes());
        checkout.map_err(|error| status::checkout(&error))
    }

    /// Reports an event.
    pub(crate) fn report(&self, event: &Event) {
        if let Some(sink) = &self.options.events {
            sink.event(event);
        }
    }

    /// Reports that a mirror has refused entries of a response, with its reason.
    pub(crate) fn report_refused(&self, tenant: &str, entries: u64, reason: String) {
        if let Some(unreported) = self.refused_responses.admit(Instant::now()) {
            self.report(&Event::MirrorRefused {
                tenant: tenant.to_owned(),
                entries,
                reason,
                unreported,
            });
        }
    }

    /// Drops each tenant once it has been idle for long enough. Never returns.
    pub(crate) async fn drop_idle_tenants(&self) -> std::convert::Infallible {
        loop {
            match self.tenants.next_sweep() {
                None => self.became_idle.notified().await,
                Some(after) => tokio::time::sleep(after).await,
            }
            drop(self.tenants.sweep());
        }
    }
}

/// The map of a tenant, which is in use until this is dropped.
pub(crate) struct CheckedOut<'a> {
    state: &'a State,
    caller: u64,
    checkout: Checkout,
}

/// A [`CheckedOut`] that holds the state, too.
pub(crate) struct SharedCheckout {
    state: Arc<State>,
    checkout: Checkout,
}

impl CheckedOut<'_> {
    /// Checks a write against the rule of the sidecar. Returns the TTL that it gets.
    ///
    /// The library asks a map's own rule only for the writes of linked apps.
    pub(crate) fn admit_write(&self, change: &Change<'_>, ttl: Ttl) -> Result<Ttl, Rejection> {
        match &self.state.options.rule {
            None => Ok(ttl),
            Some(rule) => rule.check(change, ttl).map_err(rejection::of_rule),
        }
    }

    /// Locks the [shared](Checkout::shared) map for several operations of the call.
    pub(crate) fn lock<'m>(&self, map: &'m Mutex<LocalMap>) -> MutexGuard<'m, LocalMap> {
        let mut map = lock(map);
        map.set_caller(self.caller);
        map
    }

    /// Tells the mirrors of the map that it may have changed. The map must not be locked.
    pub(crate) fn changed(&self) {
        self.changed_by(1);
    }

    /// Tells the mirrors of the map that several operations may have changed it. The map must not be
    /// locked.
    pub(crate) fn changed_by(&self, operations: u32) {
        tell_mirrors(&self.checkout, operations);
    }

    /// Returns the statistics of the map's mirrors.
    pub(crate) fn mirrors(&self) -> FeedStats {
        match (self.feed(), self.checkout.shared()) {
            (Some(feed), Some(map)) => feed.stats(&map),
            _ => FeedStats::default(),
        }
    }

    /// Returns the feed of the map; `None` if something else is attached to the tenant.
    pub(crate) fn feed(&self) -> Option<Arc<Feed>> {
        feed_of(&self.checkout)
    }
}

impl Deref for CheckedOut<'_> {
    type Target = Checkout;

    fn deref(&self) -> &Checkout {
        &self.checkout
    }
}

impl Drop for CheckedOut<'_> {
    fn drop(&mut self) {
        // The sweep waits for this only while there is no tenant at all.
        self.state.became_idle.notify_one();
    }
}

impl SharedCheckout {
    /// Tells the mirrors of the map that it may have changed. The map must not be locked.
    pub(crate) fn changed(&self) {
        tell_mirrors(&self.checkout, 1);
    }
}

impl Deref for SharedCheckout {
    type Target = Checkout;

    fn deref(&self) -> &Checkout {
        &self.checkout
    }
}

impl Drop for SharedCheckout {
    fn drop(&mut self) {
        self.state.became_idle.notify_one();
    }
}

fn feed_of(checkout: &Checkout) -> Option<Arc<Feed>> {
    checkout.attached(Feed::default)
}

fn tell_mirrors(checkout: &Checkout, operations: u32) {
    if let Some(feed) = feed_of(checkout)
        && feed.is_active()
        && let Some(map) = checkout.shared()
    {
        feed.changed(&map, operations);
    }
}
