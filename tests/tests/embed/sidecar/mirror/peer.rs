//! A peer that mirrors a map: it applies responses to a copy, and checks what it can of each.

use bytes::Bytes;
use futures::stream::unfold;
use localmap_sidecar_proto::maps_client::MapsClient;
use localmap_sidecar_proto::mirror_request::{Ack, Held, HeldEntry, Kind, Nack, Open};
use localmap_sidecar_proto::{MirrorRequest, MirrorResponse};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;
use tokio::sync::mpsc;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

/// A value, its version, and the time of the map's clock at which it expires.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) value: Bytes,
    pub(crate) version: u64,
    pub(crate) deadline: Option<Duration>,
}

impl fmt::Debug for Stored {
    /// Writes the length of the value, which may be large.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, version) = (self.value.len(), self.version);
        write!(
            f,
            "{len} bytes, version {version}, until {:?}",
            self.deadline
        )
    }
}

pub(crate) type Entries = BTreeMap<Bytes, Stored>;

/// A copy of a map.
#[derive(Debug, Default, Clone)]
pub(crate) struct Copy {
    pub(crate) epoch: u64,
    pub(crate) revision: u64,
    pub(crate) entries: Entries,
    /// Keys that it has refused, whose entries are not those of the map.
    pub(crate) refused: BTreeSet<Bytes>,
    /// Whether it is being sent everything, or what differs.
    scanned: bool,
}

impl Copy {
    /// Applies a response that comes at `now`, but for the entries of some keys. Fails if a value comes
    /// that is held, or a refresh of a version that is not.
    pub(crate) fn apply(
        &mut self,
        response: &MirrorResponse,
        refuses: &BTreeSet<Bytes>,
        now: Duration,
    ) {
        if response.reset {
            self.entries.clear();
            self.refused.clear();
            self.scanned = true;
        }
        for key in &response.removed {
            self.entries.remove(key);
            self.refused.remove(key);
        }
        let deadline = |left: Option<u64>| left.map(|left| now + Duration::from_nanos(left));
        for refresh in &response.refreshed {
            let held = self.entries.get_mut(&refresh.key);
            if refuses.contains(&refresh.key) {
                self.refused.insert(refresh.key.clone());
            } else if let Some(held) = held
                && held.version == refresh.version
            {
                held.deadline = deadline(refresh.expires_in_nanos);
            } else {
                assert!(
                    self.refused.contains(&refresh.key),
                    "{refresh:?} of nothing"
                );
            }
        }
        // A key that changes during a scan comes once more after it.
        let twice = response.reset || self.scanned && response.revision != 0;
        for entry in &response.entries {
            if refuses.contains(&entry.key) {
                self.refused.insert(entry.key.clone());
                continue;
            }
            let stored = Stored {
                value: entry.value.clone(),
                version: entry.version,
                deadline: deadline(entry.expires_in_nanos),
            };
            let before = self.entries.insert(entry.key.clone(), stored);
            let held = before.is_some_and(|before| before.version == entry.version);
            assert!(twice || !held, "{:?} is held", entry.key);
            self.refused.remove(&entry.key);
        }
        self.epoch = response.epoch;
        self.revision = response.revision;
        self.scanned &= response.more;
    }

    /// Returns what it sends when it is compared with the map.
    fn held(&mut self) -> Vec<HeldEntry> {
        self.scanned = true;
        let entries = self.entries.iter().map(|(key, stored)| HeldEntry {
            key: key.clone(),
            version: stored.version,
            never_expires: stored.deadline.is_none(),
        });
        entries.collect()
    }
}

/// An open stream.
pub(crate) struct Peer {
    requests: mpsc::Sender<MirrorRequest>,
    responses: Streaming<MirrorResponse>,
}

impl Peer {
    /// Opens a stream that goes on from a copy.
    pub(crate) async fn open(
        client: &MapsClient<Channel>,
        tenant: &str,
        copy: &Copy,
        can_compare: bool,
    ) -> Result<Self, Status> {
        let (requests, stream) = mpsc::channel(64);
        let open = Open {
            tenant: tenant.to_owned(),
            epoch: copy.epoch,
            revision: copy.revision,
            can_compare,
        };
        let peer = send(&requests, Kind::Open(open));
        let stream = unfold(stream, |mut stream| async {
            stream.recv().await.map(|request| (request, stream))
        });
        let mut client = client.clone().max_decoding_message_size(4 << 20);
        let (responses, ()) = tokio::join!(client.mirror(stream), peer);
        Ok(Self {
            requests,
            responses: responses?.into_inner(),
        })
    }

    /// Returns the next response. Answers a question for what it holds.
    pub(crate) async fn next(&mut self, copy: &mut Copy) -> Result<MirrorResponse, Status> {
        loop {
            let response = self.response().await?;
            if !response.compare {
                return Ok(response);
            }
            assert_eq!(response.nonce, 0);
            self.compare(copy.held()).await;
        }
    }

    /// Returns the next response, even if it is a question.
    pub(crate) async fn response(&mut self) -> Result<MirrorResponse, Status> {
        let next = self.responses.message().await?;
        next.ok_or_else(|| Status::ok("the end"))
    }

    async fn compare(&self, held: Vec<HeldEntry>) {
        let mut parts: Vec<_> = held.chunks(50).map(<[_]>::to_vec).collect();
        let last = parts.pop().unwrap_or_default();
        for entries in parts {
            let last = false;
            self.send(Kind::Held(Held { entries, last })).await;
        }
        let last = Held {
            entries: last,
            last: true,
        };
        self.send(Kind::Held(last)).await;
    }

    pub(crate) async fn ack(&self, nonce: u64) {
        self.send(Kind::Ack(Ack { nonce })).await;
    }

    pub(crate) async fn nack(&self, nack: Nack) {
        self.send(Kind::Nack(nack)).await;
    }

    /// Sends a request. If the stream has ended, the next response says so.
    pub(crate) async fn send(&self, kind: Kind) {
        send(&self.requests, kind).await;
    }

    /// Applies and acknowledges responses until one has no `more`, and returns all of them.
    pub(crate) async fn sync(
        &mut self,
        copy: &mut Copy,
        now: impl Fn() -> Duration,
    ) -> Result<Vec<MirrorResponse>, Status> {
        let mut all = Vec::new();
        loop {
            let response = self.next(copy).await?;
            copy.apply(&response, &BTreeSet::new(), now());
            self.ack(response.nonce).await;
            let more = response.more;
            all.push(response);
            if !more {
                return Ok(all);
            }
        }
    }
}

async fn send(requests: &mpsc::Sender<MirrorRequest>, kind: Kind) {
    let _ = requests.send(MirrorRequest { kind: Some(kind) }).await;
}
