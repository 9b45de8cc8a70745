//! Waits for the response of a guest, and reads the beginning of its body.
//!
//! The task that waits polls the guest. Most guests have written all of a short body, and ended, when
//! they wait for the first time: then there was no hand-off between tasks, and the server sends
//! the response at once.

use crate::failure::Failure;
use crate::guest_body::GuestResponse;
use crate::held_waker::HeldWaker;
use crate::helped_task::Help;
use crate::responder::Responses;
use crate::tasks::InPlace;
use std::any::Any;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::sync::oneshot::error::TryRecvError;

/// Waits for the response of a guest that runs in place, or for its end without one. If it still
/// runs after its response, it goes on in a task of its own.
pub(crate) async fn of_guest(
    responses: Responses,
    mut guest: InPlace<Result<(), Failure>>,
) -> Result<GuestResponse, Failure> {
    let held = Arc::<HeldWaker>::default();
    let waker = Waker::from(Arc::clone(&held));
    let mut responses = Some(responses);
    poll_fn(|context| {
        held.set_task(context.waker());
        let _hold = held.hold();
        let context = &mut Context::from_waker(&waker);
        let mut ended = Poll::Pending;
        let mut poll_guest = |context: &mut Context<'_>| {
            if ended.is_pending() {
                held.begin_poll();
                ended = Pin::new(&mut guest).poll(context);
            }
        };
        let received = match &mut responses {
            Some(responses) => poll_response(responses, context, &mut poll_guest),
            None => {
                poll_guest(context);
                Poll::Pending
            }
        };
        if let Poll::Ready(received) = received {
            responses = None;
            if let Some(response) = received {
                // What is left of the guest is spawned, and polled then.
                held.begin_poll();
                return Poll::Ready(response);
            }
            // The guest's store, or its means to respond, has been dropped.
        }
        ended.map(|ended| {
            Err(match ended {
                Ok(Ok(())) => Failure::no_response(),
                Ok(Err(failure)) => failure,
                Err(panic) => Failure::of_guest(format!("the host failed: {}", text(&*panic))),
            })
        })
    })
    .await
}

/// Waits for the response of an instance with several requests, and helps it meanwhile, whenever
/// this is polled.
pub(crate) async fn of_instance(
    mut responses: Responses,
    mut help: impl FnMut() -> Help,
) -> Result<GuestResponse, Failure> {
    poll_fn(|context| {
        let help = help();
        poll_response(&mut responses, context, &mut |_| help.poll())
    })
    .await
    .unwrap_or_else(|| Err(Failure::of_guest("the host failed")))
}

/// Polls a guest, and then its response, with what is there of its body. Returns `None` if there
/// will be no response.
fn poll_response(
    responses: &mut Responses,
    context: &mut Context<'_>,
    poll_guest: &mut impl FnMut(&mut Context<'_>),
) -> Poll<Option<Result<GuestResponse, Failure>>> {
    poll_guest(context);
    // A task that has done much is told to wait also for what is there, but a guest that has ended
    // gives no other response.
    let received = match responses.try_recv() {
        Ok(received) => Poll::Ready(Some(received)),
        Err(TryRecvError::Closed) => Poll::Ready(None),
        Err(TryRecvError::Empty) => Pin::new(responses).poll(context).map(Result::ok),
    };
    received.map(|received| {
        let mut received = received?;
        if let Ok(response) = &mut received {
            // A guest goes on when it can write more, or has nothing more to write.
            while response.body_mut().read_ahead(context) {
                poll_guest(context);
            }
        }
        Some(received)
    })
}

/// Returns the message of a panic.
fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it panicked")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest_body::GuestBody;
    use crate::responder::Responder;
    use crate::tasks::Tasks;
    use http_body_util::{BodyExt, Full};
    use hyper::Response;
    use tokio::sync::oneshot;
    use tokio::task::coop::has_budget_remaining;

    /// Uses up what a task may do before it gives way to others.
    fn use_up_budget(context: &mut Context<'_>) {
        while has_budget_remaining() {
            let (sender, mut receiver) = oneshot::channel();
            assert_eq!(sender.send(()), Ok(()));
            let _ = Pin::new(&mut receiver).poll(context);
        }
    }

    #[tokio::test]
    async fn a_response_is_received_however_much_its_task_has_done() {
        let (responder, responses) = Responder::single();
        let guest = Tasks::default().start(async move {
            let body = Full::new("body".into()).map_err(|never| match never {});
            let body = GuestBody::new(body.boxed_unsync(), None);
            responder.send(Ok(Response::new(body)));
            Ok(())
        });
        let mut response = Box::pin(of_guest(responses, guest));
        let received = poll_fn(|context| {
            use_up_budget(context);
            response.as_mut().poll(context)
        });
        assert!(received.await.is_ok());
    }
}
