//! Makes the requests of the owner of a mirror, on the thread of the mirror, by the endpoint that the mirror
//! uses.
//!
//! Callers may be on any runtime or none: they only wait for a message.

use super::audit::{Comparison, audit};
use super::driver::Link;
use super::failure::{Failure, Kind};
use super::kv::{Kv, Put};
use super::timeouts::Timeouts;
use super::write::{Expect, PutError, RequestError, Written};
use crate::read::{Freshness, MirrorEntry, Read};
use crate::reader::MirrorReader;
use crate::shared::Shared;
use std::collections::HashMap;
use std::future;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The requests that wait for their turn. Further callers wait until there is room.
pub(crate) const QUEUE: usize = 1024;

/// The requests that are made at a time.
const MAX_CALLS: usize = 256;

/// A read past the mirror.
pub(crate) type Through = Result<Read<Option<MirrorEntry>>, RequestError>;

/// A request of the owner of a mirror.
pub(crate) enum Request {
    PutIf {
        key: Vec<u8>,
        value: Vec<u8>,
        expect: Expect,
        reply: oneshot::Sender<Result<Written, PutError>>,
    },
    GetThrough {
        key: Vec<u8>,
        reply: oneshot::Sender<Through>,
    },
    Audit {
        reply: oneshot::Sender<Result<Comparison, RequestError>>,
    },
}

/// What a request needs.
#[derive(Clone)]
struct Context {
    shared: Arc<Shared>,
    link: watch::Receiver<Link>,
    timeouts: Timeouts,
    max_page: u32,
}

/// Makes requests.
pub(crate) struct Requests {
    context: Context,
    requests: mpsc::Receiver<Request>,
    /// The callers that wait for the next read of a key. A key without callers is being read.
    waiting: HashMap<Vec<u8>, Vec<oneshot::Sender<Through>>>,
    /// What is being done. A read returns its key.
    calls: JoinSet<Option<Vec<u8>>>,
}

impl Requests {
    pub(crate) fn new(
        requests: mpsc::Receiver<Request>,
        shared: Arc<Shared>,
        link: watch::Receiver<Link>,
        timeouts: Timeouts,
        max_page: u32,
    ) -> Self {
        Self {
            context: Context {
                shared,
                link,
                timeouts,
                max_page,
            },
            requests,
            waiting: HashMap::new(),
            calls: JoinSet::new(),
        }
    }

    /// Makes requests for as long as the mirror lives.
    pub(crate) async fn run(mut self) {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                count = self.requests.recv_many(&mut batch, QUEUE), if self.calls.len() < MAX_CALLS => {
                    if count == 0 {
                        // The owner is gone, and ends this.
                        future::pending::<()>().await;
                    }
                    let keys: Vec<_> = batch.drain(..).filter_map(|request| self.begin(request)).collect();
                    for key in keys {
                        self.read(key);
                    }
                }
                Some(ended) = self.calls.join_next() => {
                    if let Ok(Some(key)) = ended {
                        self.read(key);
                    }
                }
            }
        }
    }

    /// Begins a request. Returns the key if it is one that is to be read now.
    fn begin(&mut self, request: Request) -> Option<Vec<u8>> {
        let context = self.context.clone();
        match request {
            Request::PutIf {
                key,
                value,
                expect,
                reply,
            } => {
                self.calls.spawn(async move {
                    let _ = reply.send(context.put_if(key, value, expect).await);
                    None
                });
                None
            }
            Request::Audit { reply } => {
                self.calls.spawn(async move {
                    let _ = reply.send(context.audit().await);
                    None
                });
                None
            }
            Request::GetThrough { key, reply } => {
                // A read that was sent already may be too early for this caller.
                let is_first = !self.waiting.contains_key(&key);
                let waiting = self.waiting.entry(key.clone()).or_default();
                waiting.push(reply);
                is_first.then_some(key)
            }
        }
    }

    /// Reads a key for all that wait for it; forgets it if there are none.
    fn read(&mut self, key: Vec<u8>) {
        let waiting = self.waiting.get_mut(&key).map(std::mem::take);
        let callers = waiting.unwrap_or_default();
        if callers.is_empty() {
            self.waiting.remove(&key);
            return;
        }
        let context = self.context.clone();
        self.calls.spawn(async move {
            let result = context.get_through(&key).await;
            for caller in callers {
                let _ = caller.send(result.clone());
            }
            Some(key)
        });
    }
}

impl Context {
    /// Returns the endpoint, waiting a while if there is none.
    async fn kv(&self) -> Result<Kv, Arc<str>> {
        let mut link = self.link.clone();
        let connected = link.wait_for(Result::is_ok);
        if let Ok(Ok(link)) = timeout(self.timeouts.connect, connected).await {
            return link.clone();
        }
        self.link.borrow().clone()
    }

    async fn put_if(
        &self,
        key: Vec<u8>,
        value: Vec<u8>,
        expect: Expect,
    ) -> Result<Written, PutError> {
        let kv = self
            .kv()
            .await
            .map_err(|why| PutError::Unreachable { why })?;
        match kv.put_if(&key, value, expect).await {
            Ok(Put::Done(revision)) => Ok(Written {
                revision,
                visible: self.is_visible(revision).await,
            }),
            Ok(Put::Conflict(revision)) => Err(PutError::Conflict { revision }),
            Err(failure) => Err(put_error(&failure)),
        }
    }

    /// Waits until the copy has a revision; not for long.
    async fn is_visible(&self, revision: u64) -> bool {
        let reader = MirrorReader::new(Arc::clone(&self.shared));
        let changed = timeout(self.timeouts.call, reader.changed(revision)).await;
        matches!(changed, Ok(Ok(_)))
    }

    async fn get_through(&self, key: &[u8]) -> Through {
        let kv = self
            .kv()
            .await
            .map_err(|why| RequestError::Failed { why })?;
        let sent = self.shared.now();
        let (head, entry) = kv.read(key).await?;
        Ok(Read {
            found: entry.map(|entry| MirrorEntry {
                mod_revision: u64::try_from(entry.mod_revision()).unwrap_or(0),
                value: entry.into_key_value().1,
            }),
            as_of: head.revision,
            freshness: Freshness::Fresh {
                age: self.shared.now().saturating_sub(sent),
            },
        })
    }

    async fn audit(&self) -> Result<Comparison, RequestError> {
        let kv = self
            .kv()
            .await
            .map_err(|why| RequestError::Failed { why })?;
        audit(Arc::clone(&self.shared), &kv, self.max_page).await
    }
}

/// Returns the error of a write. Only a refusal is certain.
fn put_error(failure: &Failure) -> PutError {
    let why = failure.to_string();
    match failure.kind {
        Kind::Refused => PutError::Refused { why },
        _ => PutError::Unknown { why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_is_certain() {
        for kind in [
            Kind::Other,
            Kind::Timeout,
            Kind::TooLarge,
            Kind::OtherCluster,
        ] {
            let error = put_error(&Failure::new(kind, "no answer"));
            assert!(matches!(error, PutError::Unknown { .. }), "{error}");
        }
        let error = put_error(&Failure::new(
            Kind::Refused,
            "etcdserver: permission denied",
        ));
        assert!(matches!(error, PutError::Refused { .. }), "{error}");
    }
}
