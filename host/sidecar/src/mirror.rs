//! Mirrors: streams that keep copies of a map up to date.
//!
//! The map tells which keys have changed (`feed`), a journal keeps them for all mirrors (`journal`), and
//! each mirror has a place in it (`cursor`) and a conversation (`session`) over its stream (`talk`).

mod backoff;
mod cursor;
mod epoch;
pub(crate) mod feed;
pub(crate) mod held;
mod journal;
mod part;
mod refusals;
mod session;
mod source;
mod statuses;
mod talk;
mod watcher;

use crate::call::Call;
use crate::grpc;
use crate::rejection::no_answer;
use crate::status;
use feed::Feed;
use hyper::{Request, Response};
use localmap_sidecar_proto::{MirrorRequest, MirrorResponse};
use session::Refused;
use std::sync::Arc;
use talk::{Responses, Talk};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::{Status, Streaming};

/// The fields of a request whose messages have repeated fields: `held` and `nack`.
const NESTED: &[u32] = &[2, 4];

/// Answers a call of `Mirror`.
pub(crate) async fn serve(call: Call, request: Request<grpc::RequestBody>) -> Response<Body> {
    grpc::streaming(call, request, NESTED, responses).await
}

/// Returns the responses of a mirror.
fn responses(
    call: Call,
    requests: Streaming<MirrorRequest>,
) -> ReceiverStream<Result<MirrorResponse, Status>> {
    // A response and the status.
    let (responses, stream) = mpsc::channel(2);
    // A task of its own, so that a peer that does not read is noticed too.
    tokio::spawn(run(call, requests, responses));
    ReceiverStream::new(stream)
}

/// Serves a mirror until its stream ends.
async fn run(call: Call, requests: Streaming<MirrorRequest>, responses: Responses) {
    let Ok(last) = responses.clone().try_reserve_owned() else {
        return;
    };
    let ended = tokio::select! {
        ended = mirror(&call, requests, &responses) => ended,
        () = call.ending.begun() => Err(status::ending()),
        () = responses.closed() => return,
    };
    if let Err(status) = ended {
        last.send(Err(status));
    }
}

async fn mirror(
    call: &Call,
    mut requests: Streaming<MirrorRequest>,
    responses: &Responses,
) -> Result<(), Status> {
    let options = &call.options;
    let open = talk::opened(&mut requests, options.ack_timeout).await?;
    // Not before, or streams that say nothing would take the places.
    let place = call.mirrors.try_acquire();
    let _place = place.map_err(|_| statuses::too_many_in_all(options.max_all_mirrors))?;
    let checked_out = call.checkout(&open.tenant)?;
    checked_out
        .admit(1)
        .map_err(|error| no_answer(error.into()))?;
    let map = checked_out.shared().ok_or_else(statuses::sharded)?;
    let feed = checked_out.feed().ok_or_else(statuses::attached)?;
    let opened = Feed::open(&feed, &map, options.max_mirrors, options.journal_bytes);
    let (mirroring, begins) = opened.map_err(|error| statuses::open(&error))?;
    let mirroring = mirroring.with_caller(call.caller().number());
    if begins {
        tokio::spawn(watcher::run(feed, Arc::downgrade(&map)));
    }
    let refused = |refused: Refused| {
        // Keys that were not in the response have no effect.
        if refused.entries > 0 || refused.resync {
            call.report_refused(&open.tenant, refused.entries, refused.message);
        }
    };
    let talk = Talk::new(
        &open,
        &mirroring,
        requests,
        responses,
        options.ack_timeout,
        Arc::clone(&call.held_by_mirrors),
        refused,
    );
    let handle = checked_out.cancel_handle();
    handle
        .run(talk.run())
        .await
        .map_err(|_| statuses::ended())?
}
