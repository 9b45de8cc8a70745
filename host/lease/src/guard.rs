//! The guard: decides what a request must lock, and locks it.

use crate::hold::Hold;
use crate::locks::Locks;
use crate::refusal::Refusal;
use crate::rules::{Demand, Rules, grpc_type};
use http::header::{HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Uri};
use std::sync::Arc;

/// Guards requests with the locks that their rules name. Clones share the locks.
///
/// [`GuardLayer`](crate::GuardLayer) puts it in front of a service of tower. In a server of another kind,
/// call [`admit`](Self::admit) before the handler, stop the handler when the lock is
/// [lost](Hold::lost), and keep the [`Hold`] until the body of the response has ended.
///
/// ```
/// use localmap_lease::{Guard, LockLimits, Locks, Otherwise, Rule, Rules};
/// use http::{Request, StatusCode};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let rules = Rules::new(Otherwise::Refuse).rule(Rule::new("/maps/{map}", "{map}")?);
/// let guard = Guard::new(Locks::in_process(LockLimits::default()), rules);
///
/// let (head, _) = Request::put("/maps/%61").body(())?.into_parts();
/// let hold = guard.admit(&head).await?.ok_or("no lock is needed")?;
/// assert_eq!(hold.fence().key(), "a");
///
/// let (other, _) = Request::put("/other").body(())?.into_parts();
/// let refusal = guard.admit(&other).await.unwrap_err();
/// assert_eq!(refusal.status(), StatusCode::FORBIDDEN);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Guard {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    locks: Locks,
    rules: Rules,
}

/// What a request must lock before it is handled: see [`Guard::decide`].
#[derive(Debug, Clone)]
pub struct Decision {
    demand: Demand,
    grpc: Option<HeaderValue>,
}

impl Decision {
    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.demand.key
    }

    pub(crate) fn grpc(&self) -> Option<&HeaderValue> {
        self.grpc.as_ref()
    }
}

impl Guard {
    /// Creates a guard. See [`Guard`] for an example.
    #[must_use]
    pub fn new(locks: Locks, rules: Rules) -> Self {
        Self {
            shared: Arc::new(Shared { locks, rules }),
        }
    }

    /// Returns the locks.
    #[must_use]
    pub fn locks(&self) -> &Locks {
        &self.shared.locks
    }

    /// Decides what a request must lock, and locks it. Returns `None` if it needs no lock. See [`Guard`] for
    /// an example.
    ///
    /// # Errors
    ///
    /// Returns the [`Refusal`] of the request.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with its timer enabled, if it has to wait.
    pub async fn admit(&self, request: &Parts) -> Result<Option<Hold>, Refusal> {
        let decision = self.decide(&request.method, &request.uri, &request.headers)?;
        match decision {
            Some(decision) => self.acquire(decision).await.map(Some),
            None => Ok(None),
        }
    }

    /// Decides what a request must lock, without locking it: the first half of [`admit`](Self::admit), for
    /// programs that do something else before they wait.
    ///
    /// # Errors
    ///
    /// Returns the [`Refusal`] of a request that no rule names, whose path is malformed, or which lacks what
    /// names the key.
    pub fn decide(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Option<Decision>, Refusal> {
        match self.shared.rules.demand(method, uri, headers) {
            Ok(Some(demand)) => Ok(Some(Decision {
                demand,
                grpc: grpc_type(headers).cloned(),
            })),
            Ok(None) => Ok(None),
            Err(fault) => Err(Refusal::of_rules(&fault, grpc_type(headers))),
        }
    }

    /// Locks what was decided: the second half of [`admit`](Self::admit).
    ///
    /// # Errors
    ///
    /// Returns the [`Refusal`] of a request that cannot have the lock.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with its timer enabled, if it has to wait.
    pub async fn acquire(&self, decision: Decision) -> Result<Hold, Refusal> {
        let Decision { demand, grpc } = decision;
        let acquired = self
            .shared
            .locks
            .acquire_valid(&demand.key, demand.mode, demand.wait);
        let acquired = acquired.await;
        acquired.map_err(|error| Refusal::of_lock(&error, &demand.key, grpc))
    }

    /// Locks what was decided if that needs no waiting.
    pub(crate) fn try_acquire(&self, decision: &Decision) -> Option<Hold> {
        let Demand { key, mode, .. } = &decision.demand;
        self.shared.locks.try_acquire(key, *mode)
    }
}
