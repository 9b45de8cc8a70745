//! The guard as a layer of tower, for tonic, axum and hyper.

use crate::body::GuardBody;
use crate::guard::{Decision, Guard};
use crate::hold::Hold;
use crate::refusal::Refusal;
use http::{Request, Response};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Puts a [`Guard`] in front of a service of HTTP or gRPC.
///
/// A request that needs a lock is handled once it has it. Its extensions have the
/// [`Fence`](crate::Fence) of the lock. If the lease of the lock ends, the handler is dropped where it
/// waits, and the client gets a [`Refusal`]. The lock is held until the body of the response has ended, or
/// is dropped.
///
/// Other layers stand outside if they are to bound requests that wait, such as a timeout, and inside if
/// they are to bound those that work.
///
/// ```
/// use axum::Router;
/// use axum::extract::Extension;
/// use axum::routing::put;
/// use localmap_lease::{Fence, Guard, GuardLayer, LockLimits, Locks, Otherwise, Rule, Rules};
///
/// async fn store(Extension(fence): Extension<Fence>) -> String {
///     format!("stored {} with token {}\n", fence.key(), fence.token())
/// }
///
/// let rules = Rules::new(Otherwise::Refuse).rule(Rule::new("/maps/{map}", "{map}")?);
/// let guard = Guard::new(Locks::in_process(LockLimits::default()), rules);
/// let app: Router = Router::new()
///     .route("/maps/{map}", put(store))
///     .layer(GuardLayer::new(guard));
/// # Ok::<(), localmap_lease::RulesError>(())
/// ```
#[derive(Debug, Clone)]
pub struct GuardLayer {
    guard: Guard,
}

/// A service behind a [`GuardLayer`].
#[derive(Debug, Clone)]
pub struct GuardService<S> {
    inner: S,
    guard: Guard,
}

impl GuardLayer {
    /// Creates the layer. See [`GuardLayer`] for an example.
    #[must_use]
    pub fn new(guard: Guard) -> Self {
        Self { guard }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> GuardService<S> {
        GuardService {
            inner,
            guard: self.guard.clone(),
        }
    }
}

impl<S, B, R> Service<Request<B>> for GuardService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: 'static,
    B: Send + 'static,
    R: Send + 'static,
{
    type Response = Response<GuardBody<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let decided = self
            .guard
            .decide(request.method(), request.uri(), request.headers());
        let decision = match decided {
            Ok(Some(decision)) => decision,
            Ok(None) => {
                let called = self.inner.call(request);
                return Box::pin(async move { Ok(called.await?.map(GuardBody::plain)) });
            }
            Err(refusal) => return Box::pin(async move { Ok(refused(&refusal)) }),
        };
        // The service that is ready is called; a clone may not be.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let guard = self.guard.clone();
        Box::pin(async move {
            let grpc = decision.grpc().cloned();
            let hold = match acquire(&guard, decision).await {
                Ok(hold) => hold,
                Err(refusal) => return Ok(refused(&refusal)),
            };
            handle(inner, request, hold, grpc).await
        })
    }
}

async fn acquire(guard: &Guard, decision: Decision) -> Result<Hold, Refusal> {
    match guard.try_acquire(&decision) {
        Some(hold) => Ok(hold),
        None => guard.acquire(decision).await,
    }
}

/// Lets the service handle a request that has its lock.
async fn handle<S, B, R>(
    mut inner: S,
    mut request: Request<B>,
    hold: Hold,
    grpc: Option<http::HeaderValue>,
) -> Result<Response<GuardBody<R>>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    let mut loss = hold.lost();
    request.extensions_mut().insert(hold.fence().clone());
    let handled = {
        // Dropped before the lock is released.
        let mut handling = pin!(inner.call(request));
        poll_fn(|context| {
            // Before each step of the handler.
            if Pin::new(&mut loss).poll(context).is_ready() {
                return Poll::Ready(None);
            }
            handling.as_mut().poll(context).map(Some)
        })
        .await
    };
    match handled {
        Some(response) if hold.check().is_ok() => {
            let held = |body| GuardBody::held(body, hold, loss, grpc);
            Ok(response?.map(held))
        }
        _ => Ok(refused(&Refusal::of_loss(grpc))),
    }
}

fn refused<R>(refusal: &Refusal) -> Response<GuardBody<R>> {
    refusal.response().map(GuardBody::text)
}

#[cfg(all(test, feature = "etcd"))]
mod tests;
