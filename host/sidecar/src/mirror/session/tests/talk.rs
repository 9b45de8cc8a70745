//! A session with a model of a mirror.

use super::super::{Fault, Refused, Session, Step};
use super::model::{EPOCH, Map, Mirror};
use crate::mirror::source::Source;
use localmap_sidecar_proto::MirrorResponse;
use localmap_sidecar_proto::mirror_request::{Ack, Held, HeldEntry, Kind, Open};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) const TIMEOUT: Duration = Duration::from_secs(60);

/// A session with its mirror.
pub(super) struct Talk {
    pub(super) session: Session,
    pub(super) mirror: Mirror,
    pub(super) now: Instant,
}

impl Talk {
    pub(super) fn open(mirror: Mirror, can_compare: bool, map: &Map) -> Self {
        let now = Instant::now();
        let open = Open {
            epoch: mirror.epoch,
            revision: mirror.revision,
            can_compare,
            ..Open::default()
        };
        let resumes = |revision| map.journal().covers(revision);
        Self {
            session: Session::new(&open, EPOCH, resumes, TIMEOUT, Arc::default(), now),
            mirror,
            now,
        }
    }

    /// Ends the conversation, and begins another one with the same mirror.
    pub(super) fn reopen(self, can_compare: bool, map: &Map) -> Self {
        let mut mirror = self.mirror;
        mirror.refused.clear();
        Self::open(mirror, can_compare, map)
    }

    pub(super) fn receive(&mut self, kind: Kind) -> Result<Option<Refused>, Fault> {
        self.session.receive(Some(kind), self.now)
    }

    pub(super) fn ack(&mut self) {
        let nonce = self.session.nonce;
        self.receive(Kind::Ack(Ack { nonce })).expect("an ACK");
    }

    /// Returns the next response; `None` if there is none for now.
    pub(super) fn next(&mut self, map: &mut Map) -> Option<MirrorResponse> {
        loop {
            let Ok(step) = self.session.step(map, self.now);
            match step {
                Step::Send(response) => return Some(*response),
                Step::Again => {}
                Step::Wait => return None,
            }
        }
    }

    /// Applies and acknowledges responses until there are none, and returns them.
    pub(super) fn follow(&mut self, map: &mut Map) -> Vec<MirrorResponse> {
        let mut all = Vec::new();
        while let Some(response) = self.next(map) {
            if response.compare {
                self.compare();
            } else {
                self.mirror.apply(&response, map);
                self.ack();
            }
            all.push(response);
        }
        self.mirror.assert_equals(map);
        all
    }

    /// Sends what the mirror holds, in parts.
    pub(super) fn compare(&mut self) {
        self.mirror.compares();
        let held = self.mirror.held();
        let mut parts: Vec<Vec<HeldEntry>> = held.chunks(3).map(<[_]>::to_vec).collect();
        let last = parts.pop().unwrap_or_default();
        for entries in parts {
            let part = Held {
                entries,
                last: false,
            };
            self.receive(Kind::Held(part)).expect("a part");
        }
        let part = Held {
            entries: last,
            last: true,
        };
        self.receive(Kind::Held(part)).expect("the last part");
    }
}
