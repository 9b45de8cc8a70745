//! Acquires a lock in etcd.

use super::backoff::Backoff;
use super::epoch::{learn_epoch, same_epoch};
use super::failure::{Failure, Kind, canceled};
use super::handle::Etcd;
use super::held::{Held, Key, State};
use super::session::{Loss, Session};
use super::shared::{Shared, letter};
use crate::acquire_error::AcquireError;
use crate::fence::Fence;
use crate::mode::Mode;
use crate::table;
use etcd_client::proto::{PbRangeResponse, PbTxnOpResponse};
use etcd_client::{
    GetOptions, PutOptions, SortOrder, SortTarget, Txn, TxnOp, WatchFilterType, WatchOptions,
};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// The time for which a request waits for the answer of etcd, if it waits no longer for others.
const ANSWER: Duration = Duration::from_secs(1);
/// The longest wait between two attempts.
const MAX_BACKOFF: Duration = Duration::from_millis(500);

/// A key that was there before.
struct Before {
    key: Vec<u8>,
    /// The revision at which it was seen.
    seen: i64,
}

impl Etcd {
    /// Acquires a lock in etcd that is held in this process. Waits for others until `until`.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        local: &table::Held,
        mode: Mode,
        until: Instant,
    ) -> Result<(Held, Fence), AcquireError> {
        let folder = self.shared.folder(local.key());
        let (key, token, before) = self.create(local, &folder, mode, until).await?;
        if let Some(before) = before {
            // Readers that wait for a writer elsewhere are not bounded by the lock of this process.
            let _waiting = local.user().wait()?;
            let mut loss = Loss::of(&key.session);
            let turn = timeout_at(until, turn(&key, token, &folder, mode, before));
            tokio::select! {
                biased;
                () = poll_fn(|context| loss.poll(context)) => return Err(lost()),
                turn = turn => turn.map_err(|_| AcquireError::Held)??,
            }
        }
        // Others have it if this took too long.
        if key.session.is_lost() {
            return Err(lost());
        }
        let lock_key = Some(Arc::clone(key.name.key()));
        let name = Arc::clone(local.key());
        let token = u64::try_from(token).unwrap_or(0);
        let fence = Fence::new(token, name, lock_key, mode);
        Ok((Held::new(key, Arc::clone(self)), fence))
    }

    /// Creates the key of a lock. Returns it with the revision at which it was created, and the last key
    /// that was there before, if there is one to wait for.
    async fn create(
        &self,
        local: &table::Held,
        folder: &[u8],
        mode: Mode,
        until: Instant,
    ) -> Result<(Key, i64, Option<Before>), AcquireError> {
        let shared = &self.shared;
        let mut backoff = Backoff::new(MAX_BACKOFF);
        // Also one that does not wait for others waits for the answer of etcd.
        let answered = until.max(Instant::now() + ANSWER);
        // It counts as one that waits while there is no lease, or once etcd has not answered.
        let (mut waiting, mut is_late) = (None, false);
        loop {
            if waiting.is_none() && (is_late || !shared.has_lease()) {
                waiting = Some(local.user().wait()?);
            }
            is_late = true;
            let session = shared.session(until).await?;
            if shared.cleanup.is_full() {
                let pause = Instant::now() + backoff.next();
                if pause >= until {
                    let why = "etcd has not answered for too many requests";
                    return Err(unavailable(&Failure::new(Kind::Unknown, why)));
                }
                tokio::time::sleep_until(pause).await;
                continue;
            }
            let mut key = Key {
                name: shared.lock_name(folder, mode, &session),
                shared: Arc::clone(shared),
                session: Arc::clone(&session),
                user: local.user().clone(),
                state: State::Absent,
            };
            let created = timeout_at(answered, create(&mut key, folder, mode)).await;
            let failure = match created {
                Ok(Ok(Some((token, before)))) => return Ok((key, token, before)),
                // The version of the session key has changed meanwhile.
                Ok(Ok(None)) => continue,
                Ok(Err(failure)) => failure,
                Err(_) => Failure::new(Kind::Unknown, "no answer in time"),
            };
            match failure.kind {
                Kind::NoLease => session.lose(),
                Kind::Refused => return Err(unavailable(&failure)),
                Kind::Unknown => {
                    let pause = Instant::now() + backoff.next();
                    if pause >= until {
                        return Err(unavailable(&failure));
                    }
                    tokio::time::sleep_until(pause).await;
                }
            }
        }
    }
}

/// Creates a key in one transaction, which also deletes those of holds that have ended. Returns `None` if the
/// version of the session key is another one.
async fn create(
    key: &mut Key,
    folder: &[u8],
    mode: Mode,
) -> Result<Option<(i64, Option<Before>)>, Failure> {
    let session = Arc::clone(&key.session);
    let epoch = session.epoch();
    let shared = Arc::clone(&key.shared);
    let deleting = shared.deleting(&key.user);
    let mut operations = deleting.operations();
    let deletes = operations.len();
    operations.push(last_before(folder, mode, None));
    operations.push(TxnOp::put(
        &**key.name,
        key.shared.options.owner.as_str(),
        Some(PutOptions::new().with_lease(session.lease())),
    ));
    let txn = Txn::new()
        .when([same_epoch(&session, epoch)])
        .and_then(operations)
        .or_else([TxnOp::get(session.key(), None)]);
    key.state = State::Unknown;
    let done = match key.shared.txn(Some(&session), txn).await {
        Ok(done) => done,
        Err(failure) => {
            if failure.kind != Kind::Unknown {
                key.state = State::Absent;
                deleting.refused(&shared);
            }
            return Err(failure);
        }
    };
    if !done.succeeded {
        key.state = State::Absent;
        deleting.refused(&shared);
        learn_epoch(&key.shared, &session, epoch, &done.responses)?;
        return Ok(None);
    }
    key.state = State::Present;
    deleting.done();
    let found = done.responses.get(deletes);
    let Some(PbTxnOpResponse::ResponseRange(found)) = found else {
        return Err(Failure::malformed());
    };
    let before = first(found, done.head.revision);
    Ok(Some((done.head.revision, before)))
}

/// Returns the operation that finds the last key to wait for: of writers, or of all.
fn last_before(folder: &[u8], mode: Mode, created_before: Option<i64>) -> TxnOp {
    // Both letters, and nothing else that may be in the folder, such as the session of a folder in this one.
    let first = match mode {
        Mode::Read => letter(Mode::Write),
        Mode::Write => letter(Mode::Read),
    };
    let range = [folder, &[first]].concat();
    let end = [folder, &[letter(Mode::Write) + 1]].concat();
    let mut options = GetOptions::new()
        .with_range(end)
        .with_keys_only()
        .with_limit(1)
        .with_sort(SortTarget::Create, SortOrder::Descend);
    if let Some(revision) = created_before {
        options = options.with_max_create_revision(revision.saturating_sub(1));
    }
    TxnOp::get(range, Some(options))
}

fn first(found: &PbRangeResponse, seen: i64) -> Option<Before> {
    let key = found.kvs.first()?.key.clone();
    Some(Before { key, seen })
}

/// Waits until no key is left that was there before.
async fn turn(
    key: &Key,
    token: i64,
    folder: &[u8],
    mode: Mode,
    mut before: Before,
) -> Result<(), AcquireError> {
    let mut backoff = Backoff::new(MAX_BACKOFF);
    loop {
        if deleted(&key.shared, &before).await.is_err() {
            sleep(backoff.next()).await;
        }
        let look = Txn::new().and_then([
            TxnOp::get(&**key.name, Some(GetOptions::new().with_keys_only())),
            last_before(folder, mode, Some(token)),
        ]);
        let failure = match key.shared.txn(Some(&key.session), look).await {
            Ok(done) => match &done.responses[..] {
                [
                    PbTxnOpResponse::ResponseRange(own),
                    PbTxnOpResponse::ResponseRange(found),
                ] => {
                    // Its lease has ended while it waited: it has no place any more.
                    if own
                        .kvs
                        .first()
                        .is_none_or(|own| own.create_revision != token)
                    {
                        return Err(lost_by_etcd(&key.session));
                    }
                    match first(found, done.head.revision) {
                        None => return Ok(()),
                        Some(next) => before = next,
                    }
                    continue;
                }
                _ => Failure::malformed(),
            },
            Err(failure) => failure,
        };
        match failure.kind {
            Kind::NoLease => return Err(lost()),
            Kind::Refused => return Err(unavailable(&failure)),
            Kind::Unknown => {}
        }
        sleep(backoff.next()).await;
    }
}

/// Waits until a key is deleted.
async fn deleted(shared: &Shared, before: &Before) -> Result<(), Failure> {
    let options = WatchOptions::new()
        .with_start_revision(before.seen.saturating_add(1))
        .with_filters([WatchFilterType::NoPut]);
    let mut watch = shared.endpoints.watch(&before.key, options).await?;
    loop {
        match watch.message().await? {
            Some(message) if message.canceled() => {
                return Err(canceled(message.cancel_reason()));
            }
            // Only deletes are sent.
            Some(message) if !message.events().is_empty() => return Ok(()),
            Some(_) => {}
            None => return Err(canceled("it has ended")),
        }
    }
}

fn lost() -> AcquireError {
    AcquireError::NoLease {
        why: "it has ended while the lock was waited for".to_owned(),
    }
}

fn lost_by_etcd(session: &Session) -> AcquireError {
    session.lose();
    lost()
}

fn unavailable(failure: &Failure) -> AcquireError {
    AcquireError::Unavailable {
        why: failure.to_string(),
    }
}
