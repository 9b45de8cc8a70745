//! What happens to a request and to its response when the lease of its lock ends, by a clock of the test.

use super::*;
use crate::hold::tests::hold_of;
use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderValue;
use http_body_util::channel::Channel;
use http_body_util::{BodyExt, Full};
use localmap::ManualClock;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::yield_now;

const TTL: Duration = Duration::from_secs(10);

/// Sets a flag when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A service whose handler does one step each time it is told to, and notes how many it has done.
#[derive(Clone, Default)]
struct Steps {
    go: Arc<Notify>,
    done: Arc<std::sync::atomic::AtomicU32>,
    dropped: Arc<AtomicBool>,
}

impl Service<Request<()>> for Steps {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let Self { go, done, dropped } = self.clone();
        let dropped = Dropped(dropped);
        Box::pin(async move {
            let _dropped = dropped;
            for _ in 0..3 {
                go.notified().await;
                done.fetch_add(1, Ordering::SeqCst);
            }
            Ok(Response::new(Full::from("done")))
        })
    }
}

#[tokio::test]
async fn a_handler_does_no_step_after_its_lease_has_ended() {
    for grpc in [None, Some(HeaderValue::from_static("application/grpc"))] {
        let clock = ManualClock::new();
        let hold = hold_of(&clock, TTL);
        let steps = Steps::default();
        let handling = handle(steps.clone(), Request::new(()), hold, grpc.clone());
        let handling = tokio::spawn(handling);
        yield_now().await;
        steps.go.notify_one();
        while steps.done.load(Ordering::SeqCst) < 1 {
            yield_now().await;
        }
        // The process is stopped for longer than its lease. Then the handler can go on before anybody has
        // noticed.
        clock.advance(TTL);
        steps.go.notify_one();
        let response = handling.await.expect("no panic").expect("no error");
        assert_eq!(steps.done.load(Ordering::SeqCst), 1);
        assert!(steps.dropped.load(Ordering::SeqCst));
        match grpc {
            None => assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE),
            Some(_) => assert_eq!(response.headers()["grpc-status"], "10"),
        }
    }
}

#[tokio::test]
async fn a_handler_that_ends_in_time_has_its_fence() {
    let hold = hold_of(&ManualClock::new(), TTL);
    let fence = hold.fence().clone();
    #[derive(Clone)]
    struct Echo;
    impl Service<Request<()>> for Echo {
        type Response = Response<Full<Bytes>>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Self::Response, Infallible>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, request: Request<()>) -> Self::Future {
            let fence = request.extensions().get::<crate::Fence>().cloned();
            let text = fence.map_or_else(String::new, |fence| fence.token().to_string());
            std::future::ready(Ok(Response::new(Full::from(text))))
        }
    }
    let response = handle(Echo, Request::new(()), hold, None).await;
    let body = response.expect("no error").into_body().collect().await;
    let body = body.expect("it is whole").to_bytes();
    assert_eq!(body, fence.token().to_string());
}

/// A body whose sender is the test.
fn body(
    grpc: bool,
    clock: &ManualClock,
) -> (
    http_body_util::channel::Sender<Bytes>,
    GuardBody<Channel<Bytes>>,
) {
    let hold = hold_of(clock, TTL);
    let loss = hold.lost();
    let (sender, body) = Channel::new(4);
    let grpc = grpc.then(|| HeaderValue::from_static("application/grpc"));
    (sender, GuardBody::held(body, hold, loss, grpc))
}

#[tokio::test]
async fn a_body_is_cut_off_when_the_lease_ends() {
    for grpc in [false, true] {
        let clock = ManualClock::new();
        let (mut sender, mut body) = body(grpc, &clock);
        sender.send_data("first".into()).await.expect("room");
        let first = body.frame().await.expect("a frame").expect("no error");
        assert_eq!(first.into_data().expect("data"), "first");
        sender.send_data("second".into()).await.expect("room");
        clock.advance(TTL);
        match (grpc, body.frame().await.expect("an end")) {
            (false, Err(error)) => assert!(error.to_string().contains("lease"), "{error}"),
            (true, Ok(frame)) => {
                let trailers = frame.into_trailers().expect("trailers");
                assert_eq!(trailers["grpc-status"], "10");
            }
            (_, other) => panic!("{grpc}: {other:?}"),
        }
        assert!(body.frame().await.is_none());
        // Who writes the body learns that nobody reads it.
        assert!(sender.send_data("third".into()).await.is_err());
    }
}

#[tokio::test]
async fn a_body_that_has_ended_is_not_cut_off() {
    let clock = ManualClock::new();
    let (mut sender, mut body) = body(false, &clock);
    sender.send_data("all".into()).await.expect("room");
    drop(sender);
    assert!(body.frame().await.expect("a frame").is_ok());
    assert!(body.frame().await.is_none());
    clock.advance(TTL);
    assert!(body.frame().await.is_none());
}
