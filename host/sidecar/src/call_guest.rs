//! Calls of guests: finds the guest and the map, runs the guest, and reports its failure.

use crate::call::Call;
use crate::event::Event;
use crate::guest::{AdmittedCall, CallFailure, Guests};
use crate::options::MAX_MESSAGE_LEN;
use crate::rejection::no_answer;
use crate::state::{SharedCheckout, State};
use crate::status;
use localmap::{CallOutcome, LinkedMap, ObservedCall, Observer, Operation};
use localmap_sidecar_proto::call_guest_response::Result as Answer;
use localmap_sidecar_proto::{CallGuestRequest, CallGuestResponse};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::task::{JoinError, JoinHandle};
use tonic::Status;

/// The maximum length of a response or an error in bytes, which leaves room for what is around it.
const MAX_ANSWER_LEN: usize = MAX_MESSAGE_LEN - 16;

/// Answers a call of `CallGuest`. The guest ends with the future, unless it has ended before.
pub(crate) async fn answer(
    call: Call,
    request: CallGuestRequest,
) -> Result<CallGuestResponse, Status> {
    let CallGuestRequest {
        tenant,
        guest,
        request,
    } = request;
    let (guests, admitted) = admit(&call, &guest)?;
    let id = admitted.id;
    let map = linked_map(&call, &tenant)?;
    let caller = call.caller();
    let run = async move { admitted.run(map, caller, &request, MAX_ANSWER_LEN).await };
    let running = Running(guests.runtime().spawn(run));
    let ended = tokio::select! {
        ended = running => ended,
        () = call.ending.cuts_off() => return Err(status::ending()),
    };
    match ended {
        Ok(Ok(answer)) => Ok(CallGuestResponse {
            result: Some(match answer {
                Ok(response) => Answer::Response(response.into()),
                Err(error) => Answer::Error(error),
            }),
        }),
        Ok(Err(failure)) => {
            let guest_call = GuestCall { id, guest, tenant };
            report(&call, guests, &guest_call, &failure);
            Err(guest_call.status(&failure))
        }
        // The runtime of the guests has ended.
        Err(error) if error.is_cancelled() => Err(status::ending()),
        Err(_) => Err(Status::internal("the sidecar has failed")),
    }
}

/// A call of a guest that has begun.
struct GuestCall {
    id: u64,
    guest: String,
    tenant: String,
}

/// Lets a call of a guest begin.
fn admit<'a>(state: &'a State, guest: &str) -> Result<(&'a Guests, AdmittedCall), Status> {
    let Some(guests) = &state.options.guests else {
        return Err(Status::not_found(
            "the sidecar has no guests: start it with --guest NAME=GUEST",
        ));
    };
    match guests.admit(guest) {
        Ok(Some(call)) => Ok((guests, call)),
        Ok(None) => {
            let names: Vec<&str> = guests.names().collect();
            Err(Status::not_found(format!(
                "the sidecar has no such guest; it has {}",
                names.join(", ")
            )))
        }
        Err(max) => Err(Status::resource_exhausted(format!(
            "the sidecar runs {max} calls of guests, as many as it may: try again, or raise \
             --max-guest-calls"
        ))),
    }
}

/// Returns the map of a tenant, which is in use until it is dropped. A call counts as one operation of
/// the tenant, however often the guest calls the map.
fn linked_map(call: &Call, tenant: &str) -> Result<LinkedMap, Status> {
    let checkout = call.checkout_shared(tenant)?;
    checkout.admit(1).map_err(|error| no_answer(error.into()))?;
    let map = checkout.shared().ok_or_else(|| {
        Status::unimplemented(
            "the map of the tenant has several shards, of which a guest can use one",
        )
    })?;
    Ok(LinkedMap::from_shared(map).with_observer(Arc::new(Writes(checkout))))
}

/// Keeps the map of a guest checked out, and tells its mirrors of the guest's writes.
struct Writes(SharedCheckout);

impl Observer for Writes {
    fn end(&self, _: u64, call: &ObservedCall<'_>) {
        if writes(call.operation) && matches!(call.outcome, CallOutcome::Ok | CallOutcome::Hit) {
            self.0.changed();
        }
    }
}

/// Returns `true` for an operation that changes the map. One that is not known may do so.
fn writes(operation: Operation) -> bool {
    !matches!(
        operation,
        Operation::Get
            | Operation::GetEntry
            | Operation::GetMany
            | Operation::Contains
            | Operation::Pin
            | Operation::PinnedValue
            | Operation::Unpin
            | Operation::Scan
            | Operation::Len
    )
}

/// Reports a failure, unless there have been many.
fn report(state: &State, guests: &Guests, call: &GuestCall, failure: &CallFailure) {
    let Some(unreported) = guests.admit_report() else {
        return;
    };
    state.report(&Event::GuestFailed {
        call: call.id,
        guest: call.guest.clone(),
        tenant: call.tenant.clone(),
        cause: failure.to_string(),
        backtrace: failure.backtrace().map(str::to_owned),
        unreported,
    });
}

impl GuestCall {
    /// Returns the status that a caller gets.
    fn status(&self, failure: &CallFailure) -> Status {
        let mut text = format!("call {} of the guest {}: {failure}", self.id, self.guest);
        match failure {
            CallFailure::Map(terminated) => status::terminated(terminated),
            CallFailure::TimedOut { .. } => {
                text.push_str(": make it faster, or raise -W timeout");
                Status::deadline_exceeded(text)
            }
            CallFailure::NoMemory => Status::resource_exhausted(text),
            CallFailure::TooLong { .. } => Status::out_of_range(text),
            CallFailure::Guest { .. } => Status::internal(text),
        }
    }
}

/// The task of a guest, which ends when this is dropped.
struct Running<T>(JoinHandle<T>);

impl<T> Future for Running<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
