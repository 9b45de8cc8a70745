//! The stream of a mirror: opens it, answers its messages, and opens it again when it is lost.

use super::replica::Reply;
use super::shared::Shared;
use crate::error::Error;
use crate::tenant::Tenant;
use localmap_sidecar_proto::mirror_request::{Ack, Held, HeldEntry, Kind, Nack};
use localmap_sidecar_proto::{MirrorRequest, MirrorResponse};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

/// The time before the stream is opened again for the first time.
const FIRST_BACKOFF: Duration = Duration::from_millis(10);

/// The most bytes of one message of versions, so that it is far below the limit of messages.
const HELD_PART_LEN: usize = 512 << 10;

/// The bytes of a held version in addition to its key, rounded up.
const HELD_OVERHEAD: usize = 24;

/// The task of a mirror.
pub(super) struct Session {
    tenant: Tenant,
    shared: Arc<Shared>,
}

/// An open stream.
pub(super) struct Stream {
    requests: mpsc::Sender<MirrorRequest>,
    responses: Streaming<MirrorResponse>,
    /// The first response, until it is applied.
    first: Option<MirrorResponse>,
    /// The nonce of the last response.
    nonce: u64,
}

/// Why the stream is no longer read.
enum End {
    /// It is worth opening again.
    Lost(Error),
    /// It is not.
    Failed(Error),
}

impl Session {
    pub(super) fn new(tenant: Tenant, shared: Arc<Shared>) -> Self {
        Self { tenant, shared }
    }

    /// Opens the stream, and waits for its first response, which comes at once if the mirror is
    /// accepted.
    pub(super) async fn open(&self) -> Result<Stream, Error> {
        let opened = self.tenant.connection().connected(|mut maps| {
            let (requests, outbound) = mpsc::channel(4);
            let open = self.shared.open(self.tenant.name());
            // The channel is empty, so this cannot fail.
            let _ = requests.try_send(request(Kind::Open(open)));
            async move {
                let responses = maps.mirror(ReceiverStream::new(outbound)).await?;
                let mut responses = responses.into_inner();
                let first = responses.message().await?;
                Ok(Stream {
                    requests,
                    responses,
                    first,
                    nonce: 0,
                })
            }
        });
        opened.await
    }

    /// Follows the stream, and opens it again, until the mirror fails.
    pub(super) async fn run(self, mut stream: Stream) {
        let mut backoff = FIRST_BACKOFF;
        loop {
            match self.follow(&mut stream, &mut backoff).await {
                End::Lost(error) => self.shared.disconnected(error),
                End::Failed(error) => {
                    self.shared.failed(error);
                    return;
                }
            }
            drop(stream);
            stream = loop {
                sleep(backoff).await;
                backoff = (backoff * 2).min(self.shared.options().max_backoff);
                match self.open().await {
                    Ok(stream) => break stream,
                    Err(error) => self.shared.disconnected(error),
                }
            };
            self.shared.connected();
        }
    }

    /// Applies and answers messages until the stream ends.
    async fn follow(&self, stream: &mut Stream, backoff: &mut Duration) -> End {
        loop {
            let response = match stream.next().await {
                Ok(response) => response,
                Err(error) => return End::Lost(error),
            };
            if response.compare {
                stream.send_held(self.shared.held_versions()).await;
                continue;
            }
            if response.nonce != stream.nonce + 1 {
                return End::Lost(Error::protocol("a nonce out of its order"));
            }
            stream.nonce = response.nonce;
            match self.shared.apply(response) {
                Ok(reply) => stream.reply(reply).await,
                Err(error) => return End::Failed(error),
            }
            *backoff = FIRST_BACKOFF;
        }
    }
}

impl Drop for Session {
    /// Says so if the mirror ends in another way: with its runtime, or by a panic of the check of
    /// its entries.
    fn drop(&mut self) {
        self.shared.ended();
    }
}

impl Stream {
    async fn next(&mut self) -> Result<MirrorResponse, Error> {
        let response = match self.first.take() {
            Some(first) => Some(first),
            None => self.responses.message().await?,
        };
        response.ok_or_else(Error::stream_ended)
    }

    async fn reply(&self, reply: Reply) {
        let nonce = self.nonce;
        let kind = match reply {
            Reply::Ack => Kind::Ack(Ack { nonce }),
            Reply::Refuse { keys, message } => Kind::Nack(Nack {
                nonce,
                keys,
                message,
                resync: false,
            }),
            Reply::Resync { message } => Kind::Nack(Nack {
                nonce,
                keys: Vec::new(),
                message,
                resync: true,
            }),
        };
        self.send(kind).await;
    }

    async fn send_held(&self, held: Vec<HeldEntry>) {
        for part in parts(held) {
            self.send(Kind::Held(part)).await;
        }
    }

    /// Sends a request. If the stream has ended, reading it says why.
    async fn send(&self, kind: Kind) {
        let _ = self.requests.send(request(kind)).await;
    }
}

fn request(kind: Kind) -> MirrorRequest {
    MirrorRequest { kind: Some(kind) }
}

/// Divides the versions into messages: at least one, and the last one says so.
fn parts(held: Vec<HeldEntry>) -> Vec<Held> {
    let mut parts = vec![Held::default()];
    let mut len = 0;
    for entry in held {
        let entry_len = entry.key.len() + HELD_OVERHEAD;
        if len + entry_len > HELD_PART_LEN {
            parts.push(Held::default());
            len = 0;
        }
        len += entry_len;
        if let Some(part) = parts.last_mut() {
            part.entries.push(entry);
        }
    }
    if let Some(part) = parts.last_mut() {
        part.last = true;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_held_is_one_last_part() {
        let parts = parts(Vec::new());
        assert_eq!(
            parts,
            [Held {
                entries: Vec::new(),
                last: true
            }]
        );
    }

    #[test]
    fn many_versions_are_sent_in_parts_and_in_order() {
        let held = |at: u64| HeldEntry {
            key: format!("{at:0100}").into(),
            version: at,
            never_expires: true,
        };
        let all: Vec<HeldEntry> = (0..10_000).map(held).collect();
        let parts = parts(all.clone());
        assert!(parts.len() > 2, "{}", parts.len());
        let last: Vec<bool> = parts.iter().map(|part| part.last).collect();
        assert_eq!(last.iter().filter(|last| **last).count(), 1);
        assert_eq!(last.last(), Some(&true));
        let bytes = |part: &Held| {
            part.entries
                .iter()
                .map(|held| held.key.len() + 24)
                .sum::<usize>()
        };
        assert!(parts.iter().all(|part| bytes(part) <= HELD_PART_LEN));
        let sent: Vec<HeldEntry> = parts.into_iter().flat_map(|part| part.entries).collect();
        assert_eq!(sent, all);
    }
}
