//! Puts a guard in front of a service: writers of a document take turns.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use localmap_lease::{Fence, Guard, GuardLayer, LockLimits, Locks, Otherwise, Rule, Rules};
use std::convert::Infallible;
use tower_layer::Layer;
use tower_service::Service;

/// A service that needs a lock for each document.
#[derive(Clone)]
struct Documents;

impl Service<Request<()>> for Documents {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let text = match request.extensions().get::<Fence>() {
            Some(fence) => format!("{} of {}", fence.mode(), fence.key()),
            None => "no lock".to_owned(),
        };
        std::future::ready(Ok(Response::new(Full::from(text))))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rules = Rules::new(Otherwise::Refuse).rule(Rule::new("/documents/{name}", "{name}")?);
    let guard = Guard::new(Locks::in_process(LockLimits::default()), rules);
    let mut service = GuardLayer::new(guard).layer(Documents);

    for (method, path, status, text) in [
        (Method::PUT, "/documents/a", StatusCode::OK, "write of a"),
        (Method::GET, "/documents/%61", StatusCode::OK, "read of a"),
        (
            Method::GET,
            "/other",
            StatusCode::FORBIDDEN,
            "the request is not allowed\n",
        ),
    ] {
        let request = Request::builder().method(method).uri(path).body(())?;
        let response = service.call(request).await?;
        assert_eq!(response.status(), status);
        // The lock is held until the body has ended.
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| error.to_string())?;
        assert_eq!(body.to_bytes(), text);
    }
    Ok(())
}
