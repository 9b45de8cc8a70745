//! Gets a lease, renews it, and gets another one when it has ended.

use super::backoff::Backoff;
use super::endpoints::Renewing;
use super::epoch::advance_epoch;
use super::failure::{Failure, Kind};
use super::options::LeaseEvent;
use super::session::Session;
use super::shared::Shared;
use etcd_client::{PutOptions, Txn, TxnOp};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The longest wait between two attempts to get a lease.
const MAX_BACKOFF: Duration = Duration::from_secs(1);
/// The maximum time for giving a lease back.
const REVOKING: Duration = Duration::from_secs(1);

/// The end of a lease.
enum End {
    /// It has ended, or may have.
    Lost(String),
    /// It is no longer needed.
    Ending,
}

/// Keeps a lease until the locks are no longer used.
pub(super) async fn keep(shared: Arc<Shared>) {
    while let Some(session) = granted(&shared).await {
        shared.set_session(&session);
        let (ttl, lease) = (session.ttl(), session.lease());
        shared.report(&LeaseEvent::Granted { ttl, lease });
        let end = renew(&shared, &session).await;
        // Holders stop before others are told.
        session.lose();
        match end {
            End::Lost(why) => {
                shared.set_none(why.clone());
                shared.report(&LeaseEvent::Lost { why });
            }
            End::Ending => {
                shared.set_ended();
                // The lease ends in any case.
                let _ = timeout(REVOKING, shared.endpoints.revoke(session.lease())).await;
                return;
            }
        }
    }
    shared.set_ended();
}

/// Gets a lease. Returns `None` if none is needed any more.
async fn granted(shared: &Arc<Shared>) -> Option<Arc<Session>> {
    let mut backoff = Backoff::new(MAX_BACKOFF);
    let mut reported = None;
    loop {
        let failure = tokio::select! {
            biased;
            () = shared.ending.raised() => return None,
            granted = grant(shared) => match granted {
                Ok(session) => return Some(session),
                Err(failure) => failure,
            },
        };
        let why = failure.to_string();
        if reported.as_ref() != Some(&why) {
            shared.set_none(why.clone());
            shared.report(&LeaseEvent::Failed { why: why.clone() });
            reported = Some(why);
        }
        tokio::select! {
            biased;
            () = shared.ending.raised() => return None,
            () = sleep(backoff.next()) => {}
        }
    }
}

async fn grant(shared: &Arc<Shared>) -> Result<Arc<Session>, Failure> {
    // Before anything is stored there.
    let look = Txn::new().and_then([TxnOp::get(shared.session_key(0), None)]);
    shared.txn(None, look).await?;
    shared.check_trust()?;
    let sent = shared.clock().now();
    // Rounded up.
    let seconds = shared.options.ttl.as_millis().div_ceil(1_000);
    let asked = i64::try_from(seconds).unwrap_or(i64::MAX);
    let (lease, ttl) = shared.endpoints.grant(asked).await?;
    let key = shared.session_key(lease);
    let clock = Arc::clone(shared.clock());
    let session = Arc::new(Session::new(lease, key, ttl, sent, clock));
    let put = TxnOp::put(
        session.key(),
        shared.options.owner.as_str(),
        Some(PutOptions::new().with_lease(lease)),
    );
    // If this is performed twice, its version is 2: transactions then learn it.
    shared.txn(None, Txn::new().and_then([put])).await?;
    Ok(session)
}

/// Writes the session key. If its version has gone back, etcd was restored from a copy that has the lease, but
/// not all locks that were taken since. Returns why the session has ended, if it has.
async fn beat(shared: &Shared, session: &Session) -> Option<String> {
    let epoch = session.epoch();
    let beat = tokio::select! {
        biased;
        () = shared.ending.raised() => return None,
        () = shared.sleep_until(session.deadline()) => return None,
        beat = advance_epoch(shared, session, epoch, Vec::new()) => beat,
    };
    match beat {
        Err(failure) if failure.kind == Kind::NoLease => Some(failure.to_string()),
        // Without an answer, or the rights to write, it is tried again with the next renewal.
        _ => None,
    }
}

/// Renews a lease after each third of its TTL. If that fails, tries it again until the lease has ended.
async fn renew(shared: &Arc<Shared>, session: &Session) -> End {
    let mut stream: Option<Renewing> = None;
    let mut failed: Option<Failure> = None;
    let mut backoff = Backoff::new(session.ttl() / 10);
    let mut next = session.deadline().saturating_sub(session.ttl() * 2 / 3);
    loop {
        tokio::select! {
            biased;
            () = shared.ending.raised() => return End::Ending,
            () = session.lost() => {
                if shared.clock().now() < session.deadline() {
                    // A transaction has found that the lease has ended.
                    return End::Lost("etcd does not know it any more".to_owned());
                }
            }
            () = shared.sleep_until(next.min(session.deadline())) => {}
        }
        if session.is_lost() {
            let why = failed.map_or_else(
                || "this process did not run in time to renew it".to_owned(),
                |failure| format!("no renewal was answered in time: {failure}"),
            );
            return End::Lost(why);
        }
        let sent = shared.clock().now();
        let renewal = tokio::select! {
            biased;
            () = shared.ending.raised() => return End::Ending,
            () = shared.sleep_until(session.deadline()) => continue,
            renewal = shared.endpoints.renew(session.lease(), &mut stream) => renewal,
        };
        match renewal {
            // Those who have seen the end of the lease have acted on it.
            Ok(_) if session.is_lost() => {
                return End::Lost("the answer to its renewal came too late".to_owned());
            }
            Ok(ttl) if !ttl.is_zero() => {
                session.renewed(sent);
                next = sent + session.ttl() / 3;
                failed = None;
                backoff.reset();
                if let Some(why) = beat(shared, session).await {
                    return End::Lost(why);
                }
            }
            Ok(_) => return End::Lost("etcd does not know it any more".to_owned()),
            Err(failure) if failure.kind == Kind::NoLease => {
                return End::Lost(failure.to_string());
            }
            Err(failure) => {
                failed = Some(failure);
                next = shared.clock().now() + backoff.next();
            }
        }
    }
}
