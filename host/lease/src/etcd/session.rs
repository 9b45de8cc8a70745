//! A lease while it lasts: its deadline, its loss, and the version of its session key.

use super::signal::Signal;
use localmap::Clock;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::futures::OwnedNotified;

/// A lease, from its grant to its end.
pub(super) struct Session {
    /// The number of the lease.
    lease: i64,
    /// The key that exists while the lease does.
    key: Vec<u8>,
    /// The version that transactions compare.
    epoch: AtomicI64,
    /// The TTL that was granted.
    ttl: Duration,
    /// When the last answered renewal was sent, plus the TTL, in nanoseconds of the clock.
    deadline: AtomicU64,
    clock: Arc<dyn Clock>,
    lost: Signal,
}

impl Session {
    /// Creates the session of a lease that was asked for at `sent`.
    pub(super) fn new(
        lease: i64,
        key: Vec<u8>,
        ttl: Duration,
        sent: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            lease,
            key,
            // The put that creates the key.
            epoch: AtomicI64::new(1),
            ttl,
            deadline: AtomicU64::new(nanos(sent.saturating_add(ttl))),
            clock,
            lost: Signal::default(),
        }
    }

    pub(super) fn lease(&self) -> i64 {
        self.lease
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    pub(super) fn ttl(&self) -> Duration {
        self.ttl
    }

    pub(super) fn epoch(&self) -> i64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Notes a version of the session key.
    pub(super) fn advance(&self, epoch: i64) {
        self.epoch.fetch_max(epoch, Ordering::AcqRel);
    }

    /// Notes that a renewal which was sent at this time was answered.
    pub(super) fn renewed(&self, sent: Duration) {
        let deadline = nanos(sent.saturating_add(self.ttl));
        self.deadline.fetch_max(deadline, Ordering::AcqRel);
    }

    /// Returns when the lease ends, unless it is renewed.
    pub(super) fn deadline(&self) -> Duration {
        Duration::from_nanos(self.deadline.load(Ordering::Acquire))
    }

    /// Ends the session.
    pub(super) fn lose(&self) {
        self.lost.raise();
    }

    /// Returns `true` if the lease has ended, or may have. Then it has for all, also if a renewal is answered later.
    pub(super) fn is_lost(&self) -> bool {
        if self.lost.is_raised() {
            return true;
        }
        let is_over = self.clock.now() >= self.deadline();
        if is_over {
            self.lost.raise();
        }
        is_over
    }

    /// Waits for the end of the session.
    pub(super) async fn lost(&self) {
        self.lost.raised().await;
    }
}

/// The end of a session, as a future that reads the clock at each poll.
pub(crate) struct Loss {
    session: Arc<Session>,
    notified: Pin<Box<OwnedNotified>>,
}

impl Loss {
    pub(super) fn of(session: &Arc<Session>) -> Self {
        Self {
            notified: session.lost.listen(),
            session: Arc::clone(session),
        }
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // Polled first, so that an end after the check wakes the task.
        let notified = self.notified.as_mut().poll(context).is_ready();
        match notified || self.session.is_lost() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use localmap::ManualClock;
    use std::task::Waker;

    const SECOND: Duration = Duration::from_secs(1);

    fn session(clock: &ManualClock) -> Arc<Session> {
        let (sent, clock) = (clock.now(), Arc::new(clock.clone()));
        Arc::new(Session::new(7, b"s".to_vec(), 10 * SECOND, sent, clock))
    }

    fn poll(loss: &mut Loss) -> bool {
        loss.poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    }

    #[test]
    fn a_session_ends_at_its_deadline_whoever_notices() {
        let clock = ManualClock::new();
        clock.advance(5 * SECOND);
        let session = session(&clock);
        let mut loss = Loss::of(&session);
        clock.advance(10 * SECOND - Duration::from_nanos(1));
        assert!(!session.is_lost() && !poll(&mut loss));
        // Nobody has said so: the process was stopped, or the machine has slept.
        clock.advance(Duration::from_nanos(1));
        assert!(session.is_lost() && poll(&mut loss));
    }

    #[test]
    fn a_renewal_counts_from_when_it_was_sent() {
        let clock = ManualClock::new();
        let session = session(&clock);
        clock.advance(3 * SECOND);
        let sent = clock.now();
        clock.advance(4 * SECOND);
        session.renewed(sent);
        assert_eq!(session.deadline(), 13 * SECOND);
        // An answer that was overtaken by a later one moves nothing back.
        session.renewed(SECOND);
        assert_eq!(session.deadline(), 13 * SECOND);
        clock.advance(6 * SECOND);
        assert!(session.is_lost());
    }

    #[test]
    fn a_session_that_somebody_saw_end_does_not_come_back() {
        let clock = ManualClock::new();
        let session = session(&clock);
        clock.advance(10 * SECOND);
        assert!(session.is_lost());
        session.renewed(9 * SECOND);
        assert!(session.is_lost());
    }

    #[tokio::test]
    async fn the_end_wakes_those_that_wait() {
        let session = session(&ManualClock::new());
        let mut early = Loss::of(&session);
        assert!(!poll(&mut early));
        let waiting = {
            let session = Arc::clone(&session);
            tokio::spawn(async move { session.lost().await })
        };
        session.lose();
        waiting.await.expect("no panic");
        assert!(poll(&mut early) && poll(&mut Loss::of(&session)));
    }

    #[test]
    fn the_epoch_only_grows() {
        let session = session(&ManualClock::new());
        assert_eq!(session.epoch(), 1);
        session.advance(4);
        session.advance(2);
        assert_eq!(session.epoch(), 4);
    }
}
