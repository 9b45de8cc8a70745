//! The conversation with one mirror: what it is sent, and what its requests mean.

use super::backoff::Backoff;
use super::cursor::{Cursor, Progress};
use super::held::{Held, HeldBudget};
use super::part::Part;
use super::refusals::{Refusals, TooManyRefused};
use super::source::Source;
use bytes::Bytes;
use localmap_sidecar_proto::MirrorResponse;
use localmap_sidecar_proto::mirror_request::{self, Kind, Nack, Open};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The conversation with one mirror, after its `open`. At most one response is under way.
pub(super) struct Session {
    epoch: u64,
    ack_timeout: Duration,
    held_budget: Arc<HeldBudget>,
    can_compare: bool,
    state: State,
    /// The response that is being put together.
    part: Part,
    /// Whether the next response drops what the mirror holds.
    reset: bool,
    /// Whether the mirror knows that it equalled the map after the last response.
    synced: bool,
    /// The nonce of the last response.
    nonce: u64,
    under_way: Option<UnderWay>,
    /// Whether the rest of a list of held entries that was too long is still to come.
    ignores_held: bool,
    refusals: Refusals,
    backoff: Backoff,
}

enum State {
    /// The mirror is to be asked what it holds.
    Asks,
    /// The mirror sends what it holds. Last heard of at this time.
    Compares { held: Held, heard: Instant },
    /// A scan is to begin at this time.
    Begins { held: Option<Held>, at: Instant },
    /// Responses are sent as they are acknowledged.
    Sends(Cursor),
}

/// A response that has not been acknowledged.
struct UnderWay {
    sent: Instant,
    /// The versions in it, by their keys.
    versions: Vec<(Bytes, u64)>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Send(Box<MirrorResponse>),
    /// Take another step.
    Again,
    /// Wait for a request, for a change of the map, or until [`Session::wakes_at`].
    Wait,
}

/// A response that a mirror has not applied as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// The number of entries that it has refused.
    pub(super) entries: u64,
    /// Whether it asks for everything.
    pub(super) resync: bool,
    /// Its reason.
    pub(super) message: String,
}

/// What a mirror has done wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("a request is empty: send `open`, `held`, `ack` or `nack`")]
    Empty,
    #[error("the first request is to be `open`")]
    NotOpen,
    #[error("`open` came a second time: use another stream")]
    OpenTwice,
    #[error("`held` came without a response with `compare`")]
    NotCompared,
    #[error("nonce {nonce} came, and {}", match expected {
        Some(expected) => format!("the response under way has nonce {expected}"),
        None => "no response is under way".to_owned(),
    })]
    Nonce { nonce: u64, expected: Option<u64> },
    #[error(transparent)]
    TooManyRefused(#[from] TooManyRefused),
    #[error("no ACK of nonce {nonce} within {timeout:?}")]
    NoAck { nonce: u64, timeout: Duration },
    #[error("no `held` within {timeout:?}")]
    NoHeld { timeout: Duration },
}

impl Session {
    /// Begins a conversation about the map that `epoch` identifies. `resumes` tells whether its journal
    /// covers a revision.
    pub(super) fn new(
        open: &Open,
        epoch: u64,
        resumes: impl FnOnce(u64) -> bool,
        ack_timeout: Duration,
        held_budget: Arc<HeldBudget>,
        now: Instant,
    ) -> Self {
        let state = match open.epoch == epoch {
            true if resumes(open.revision) => State::Sends(Cursor::Follow {
                revision: open.revision,
            }),
            true if open.can_compare => State::Asks,
            _ => State::Begins {
                held: None,
                at: now,
            },
        };
        Self {
            epoch,
            ack_timeout,
            held_budget,
            can_compare: open.can_compare,
            state,
            part: Part::default(),
            reset: false,
            synced: false,
            nonce: 0,
            under_way: None,
            ignores_held: false,
            refusals: Refusals::default(),
            backoff: Backoff::default(),
        }
    }

    /// Takes a request. Returns what the mirror has refused, if it has.
    pub(super) fn receive(
        &mut self,
        request: Option<Kind>,
        now: Instant,
    ) -> Result<Option<Refused>, Fault> {
        match request.ok_or(Fault::Empty)? {
            Kind::Open(_) => Err(Fault::OpenTwice),
            Kind::Held(held) => self.held(held, now).map(|()| None),
            Kind::Ack(ack) => self.answered(ack.nonce).map(|_| None),
            Kind::Nack(nack) => self.nack(nack, now).map(Some),
        }
    }

    fn held(&mut self, part: mirror_request::Held, now: Instant) -> Result<(), Fault> {
        if self.ignores_held {
            self.ignores_held = !part.last;
            return Ok(());
        }
        let State::Compares { held, heard } = &mut self.state else {
            return Err(Fault::NotCompared);
        };
        *heard = now;
        let held = match held.add(part.entries) {
            true if !part.last => return Ok(()),
            true => Some(std::mem::replace(held, Held::new(&self.held_budget))),
            false => {
                self.ignores_held = !part.last;
                None
            }
        };
        self.state = State::Begins { held, at: now };
        Ok(())
    }

    /// Takes the response with this nonce as answered, and returns its versions.
    fn answered(&mut self, nonce: u64) -> Result<Vec<(Bytes, u64)>, Fault> {
        match self.under_way.take() {
            Some(under_way) if nonce == self.nonce => Ok(under_way.versions),
            under_way => Err(Fault::Nonce {
                nonce,
                expected: under_way.map(|_| self.nonce),
            }),
        }
    }

    fn nack(&mut self, nack: Nack, now: Instant) -> Result<Refused, Fault> {
        let versions = self.answered(nack.nonce)?;
        let mut refused = Refused {
            entries: 0,
            resync: nack.resync,
            message: nack.message,
        };
        if nack.resync {
            self.refusals.clear();
            let at = self.backoff.request(now);
            self.state = State::Begins { held: None, at };
            return Ok(refused);
        }
        let mut named: HashMap<Bytes, u64> = versions.into_iter().collect();
        if !nack.keys.is_empty() {
            let found = nack.keys.iter().filter_map(|key| named.remove_entry(key));
            named = found.collect();
        }
        for (key, version) in named {
            refused.entries += 1;
            self.refusals.insert(key, version)?;
        }
        Ok(refused)
    }

    /// Takes a step towards the next response, under one lock of the map.
    pub(super) fn step<S: Source>(
        &mut self,
        source: &mut S,
        now: Instant,
    ) -> Result<Step, S::Error> {
        if self.waits() {
            return Ok(Step::Wait);
        }
        match &mut self.state {
            State::Asks => {
                let held = Held::new(&self.held_budget);
                self.state = State::Compares { held, heard: now };
                return Ok(Step::Send(Box::new(MirrorResponse {
                    epoch: self.epoch,
                    compare: true,
                    ..MirrorResponse::default()
                })));
            }
            State::Begins { at, .. } if now < *at => return Ok(Step::Wait),
            State::Begins { .. } | State::Compares { .. } | State::Sends(_) => {}
        }
        if !source.drain()? {
            return Ok(Step::Again);
        }
        if let State::Begins { held, .. } = &mut self.state {
            let held = held.take();
            self.refusals.clear();
            self.reset = held.is_none();
            self.synced = false;
            self.state = State::Sends(Cursor::scan(source.journal().revision(), held));
        }
        self.fill(source, now)
    }

    /// Adds to the response, and returns it if it is complete.
    fn fill<S: Source>(&mut self, source: &mut S, now: Instant) -> Result<Step, S::Error> {
        let State::Sends(cursor) = &mut self.state else {
            return Ok(Step::Wait);
        };
        let progress = cursor.step(source, &mut self.refusals, &mut self.part)?;
        let more = match progress {
            Progress::Unfinished => return Ok(Step::Again),
            Progress::Lost => {
                self.state = match self.can_compare {
                    true => State::Asks,
                    false => State::Begins {
                        held: None,
                        at: now,
                    },
                };
                return Ok(Step::Again);
            }
            Progress::Synced if self.synced && self.part.is_empty() => return Ok(Step::Wait),
            Progress::Synced => false,
            Progress::Full => true,
        };
        let revision = cursor.revision();
        self.nonce += 1;
        self.synced = !more;
        let part = std::mem::take(&mut self.part);
        self.under_way = Some(UnderWay {
            sent: now,
            versions: part.versions(),
        });
        Ok(Step::Send(Box::new(MirrorResponse {
            epoch: self.epoch,
            nonce: self.nonce,
            revision,
            reset: std::mem::take(&mut self.reset),
            more,
            ..part.into_response()
        })))
    }

    /// Returns `true` if only a request can lead to the next step.
    pub(super) fn waits(&self) -> bool {
        self.under_way.is_some() || matches!(self.state, State::Compares { .. })
    }

    /// Returns `true` if a change of the map leads to the next step.
    pub(super) fn follows(&self) -> bool {
        self.under_way.is_none() && matches!(self.state, State::Sends(_))
    }

    /// Returns when to take another step, or to [check](Self::check) the time, even if nothing happens.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        match (&self.under_way, &self.state) {
            (Some(under_way), _) => under_way.sent.checked_add(self.ack_timeout),
            (None, State::Compares { heard, .. }) => heard.checked_add(self.ack_timeout),
            (None, State::Begins { at, .. }) => Some(*at),
            (None, State::Asks | State::Sends(_)) => None,
        }
    }

    /// Checks that the mirror has not let the sidecar wait for too long.
    pub(super) fn check(&self, now: Instant) -> Result<(), Fault> {
        let timeout = self.ack_timeout;
        let late = |since: Instant| now.saturating_duration_since(since) >= timeout;
        match (&self.under_way, &self.state) {
            (Some(under_way), _) if late(under_way.sent) => Err(Fault::NoAck {
                nonce: self.nonce,
                timeout,
            }),
            (None, State::Compares { heard, .. }) if late(*heard) => Err(Fault::NoHeld { timeout }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
