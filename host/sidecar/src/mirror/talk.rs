//! The stream of one mirror: its requests, its responses, and the time.

use super::feed::Mirroring;
use super::held::HeldBudget;
use super::session::{Fault, Refused, Session, Step};
use super::source::Source;
use super::statuses;
use localmap_sidecar_proto::mirror_request::{Kind, Open};
use localmap_sidecar_proto::{MirrorRequest, MirrorResponse};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use tonic::{Status, Streaming};

/// The stream of responses.
pub(super) type Responses = mpsc::Sender<Result<MirrorResponse, Status>>;

/// Waits for the first request.
pub(super) async fn opened(
    requests: &mut Streaming<MirrorRequest>,
    wait: Duration,
) -> Result<Open, Status> {
    let first = tokio::time::timeout(wait, requests.message()).await;
    let first = first.map_err(|_| statuses::no_open(wait))??;
    match first.and_then(|request| request.kind) {
        Some(Kind::Open(open)) => Ok(open),
        _ => Err(statuses::fault(&Fault::NotOpen)),
    }
}

/// A conversation with a mirror over its stream.
pub(super) struct Talk<'a, R> {
    session: Session,
    mirroring: &'a Mirroring,
    bell: watch::Receiver<()>,
    requests: Streaming<MirrorRequest>,
    responses: &'a Responses,
    ack_timeout: Duration,
    refused: R,
}

impl<'a, R: Fn(Refused)> Talk<'a, R> {
    /// Begins after the request `open`. `refused` is called with what the mirror refuses.
    pub(super) fn new(
        open: &Open,
        mirroring: &'a Mirroring,
        requests: Streaming<MirrorRequest>,
        responses: &'a Responses,
        ack_timeout: Duration,
        held_budget: Arc<HeldBudget>,
        refused: R,
    ) -> Self {
        // Before the map is read, so that each later change is seen.
        let bell = mirroring.bell();
        let covers = |revision| {
            let covers = mirroring.read(|source| source.journal().covers(revision));
            covers == Some(true)
        };
        let epoch = mirroring.epoch();
        Self {
            session: Session::new(open, epoch, covers, ack_timeout, held_budget, now()),
            mirroring,
            bell,
            requests,
            responses,
            ack_timeout,
            refused,
        }
    }

    /// Goes on until the mirror closes its side of the stream.
    ///
    /// # Errors
    ///
    /// Returns the status with which the stream is to end.
    pub(super) async fn run(mut self) -> Result<(), Status> {
        loop {
            self.respond().await?;
            tokio::select! {
                request = self.requests.message() => match request? {
                    None => return Ok(()),
                    Some(request) => self.receive(request.kind)?,
                },
                // It never ends, because the feed is there.
                _ = self.bell.changed(), if self.session.follows() => {}
                () = at(self.session.wakes_at()) => {
                    self.session.check(now()).map_err(|error| statuses::fault(&error))?;
                }
            }
        }
    }

    /// Sends what there is to send.
    async fn respond(&mut self) -> Result<(), Status> {
        while !self.session.waits() {
            // What comes after this rings again.
            self.bell.mark_unchanged();
            let step = self
                .mirroring
                .read(|source| self.session.step(source, now()))
                .ok_or_else(statuses::ended)?;
            match step.map_err(|error| statuses::watch(&error))? {
                Step::Wait => break,
                // Others are to have the map in between.
                Step::Again => yield_now().await,
                Step::Send(response) => self.send(*response).await?,
            }
        }
        Ok(())
    }

    /// Sends a response, for which there is room unless the mirror acknowledges what it has not read.
    async fn send(&self, response: MirrorResponse) -> Result<(), Status> {
        let (nonce, timeout) = (response.nonce, self.ack_timeout);
        let sent = tokio::time::timeout(timeout, self.responses.send(Ok(response))).await;
        let sent = sent.map_err(|_| statuses::fault(&Fault::NoAck { nonce, timeout }))?;
        sent.map_err(|_| statuses::ended())
    }

    fn receive(&mut self, request: Option<Kind>) -> Result<(), Status> {
        let received = self.session.receive(request, now());
        if let Some(refused) = received.map_err(|error| statuses::fault(&error))? {
            self.mirroring.refused(refused.entries);
            (self.refused)(refused);
        }
        Ok(())
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// Waits until a time. Without one, never returns.
async fn at(time: Option<std::time::Instant>) {
    match time {
        Some(time) => sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
