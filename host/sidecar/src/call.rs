//! A call of a peer: the sidecar that answers it, and the call as telemetry sees it.

use crate::state::{CheckedOut, SharedCheckout, State};
use hyper::{HeaderMap, Request};
use localmap::lock;
use localmap_serve::Caller;
use localmap_telemetry::{self as telemetry, Protocol, Telemetry};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tonic::Status;

/// A call, which may be a stream.
#[derive(Clone)]
pub(crate) struct Call {
    state: Arc<State>,
    observed: Option<Arc<Observed>>,
}

impl Call {
    pub(crate) fn new(state: &Arc<State>, observed: Option<&Arc<Observed>>) -> Self {
        Self {
            state: Arc::clone(state),
            observed: observed.cloned(),
        }
    }

    /// Returns the call on whose behalf operations are made.
    pub(crate) fn caller(&self) -> Caller {
        let observed = self.observed.as_ref();
        observed.map_or_else(Caller::default, |observed| observed.caller.clone())
    }

    /// Returns the map of a tenant, which it creates if there is none.
    pub(crate) fn checkout(&self, tenant: &str) -> Result<CheckedOut<'_>, Status> {
        let checked_out = self.state.checkout(tenant, self.number())?;
        self.set_tenant(tenant);
        Ok(checked_out)
    }

    /// Does the same as [`checkout`](Self::checkout), for what outlives the call of a function.
    pub(crate) fn checkout_shared(&self, tenant: &str) -> Result<SharedCheckout, Status> {
        let checked_out = self.state.checkout_shared(tenant, self.number())?;
        self.set_tenant(tenant);
        Ok(checked_out)
    }

    fn number(&self) -> u64 {
        let observed = self.observed.as_ref();
        observed.map_or(0, |observed| observed.caller.number())
    }

    /// Notes the tenant, which exists. A call has one at most.
    fn set_tenant(&self, tenant: &str) {
        if let Some(observed) = &self.observed
            && !observed.has_tenant.swap(true, Ordering::Relaxed)
            && let Some(request) = &mut *lock(&observed.request)
        {
            request.set_tenant(tenant.as_bytes());
        }
    }
}

impl Deref for Call {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

/// A call as telemetry sees it, until its response has ended.
pub(crate) struct Observed {
    caller: Caller,
    has_tenant: AtomicBool,
    request: Mutex<Option<telemetry::Request>>,
}

/// Ends an observed call as one that was cut off, unless it has ended before.
pub(crate) struct EndOfCall(Arc<Observed>);

impl Observed {
    /// Begins a call. `method` is its name.
    pub(crate) fn begin<B>(
        telemetry: &Telemetry,
        method: &str,
        request: &mut Request<B>,
    ) -> Arc<Self> {
        let headers = request.headers_mut();
        let (request, caller) = Caller::begin(telemetry, Protocol::Grpc, method, headers);
        Arc::new(Self {
            caller,
            has_tenant: AtomicBool::new(false),
            request: Mutex::new(Some(request)),
        })
    }
}

impl EndOfCall {
    pub(crate) fn new(observed: Arc<Observed>) -> Self {
        Self(observed)
    }

    /// Ends the call if these headers or trailers have its status.
    pub(crate) fn end_with(&self, headers: &HeaderMap) {
        let Some(code) = headers.get("grpc-status") else {
            return;
        };
        let code = code.to_str().ok().and_then(|code| code.parse().ok());
        if let Some(request) = lock(&self.0.request).take() {
            request.end(code.unwrap_or(UNKNOWN));
        }
    }
}

impl Drop for EndOfCall {
    fn drop(&mut self) {
        drop(lock(&self.0.request).take());
    }
}

/// The code of a status that is none.
const UNKNOWN: u16 = 2;
