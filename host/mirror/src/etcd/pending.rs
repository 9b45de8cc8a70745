//! Decides when to ask etcd whether the copy is complete up to the revision of a probe.
//!
//! A probe answers the revision of the whole store. If the copy is not complete up to it, either events are
//! on their way, or what has changed is not in the prefix. Events mostly come at once, so there is a moment
//! to wait for them. Then one has to ask: for progress, which costs the server little, if its version can
//! be trusted with it; otherwise for a check of all keys of the prefix.

use super::gap;
use std::time::Duration;
use tokio::time::Instant;

/// The share of the time in which checks may keep the server busy: a tenth, if the copy is not too old
/// before the next one.
const SPACING: u32 = 9;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Wait,
    AskProgress,
    Check,
}

/// What a check has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing has changed since the revision that was known.
    Unchanged,
    /// The events will come.
    Wait,
    /// The copy is so far behind that it is faster to list the prefix.
    TooFar,
    /// The prefix has changed, and the watch does not say so.
    Lost,
}

/// What a check has answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checked {
    /// The revision that was known when it was sent.
    pub(crate) known: u64,
    /// The revision at which it was performed.
    pub(crate) revision: u64,
    /// Whether a key was stored after `known`.
    pub(crate) is_newer: bool,
    /// The number of keys.
    pub(crate) count: u64,
    /// How long it took.
    pub(crate) took: Duration,
}

/// The revision that the copy is not complete up to yet, and what has been done about it.
#[derive(Debug)]
pub(crate) struct Pending {
    /// How long to wait for events.
    grace: Duration,
    /// How long to wait for an answer about progress.
    patience: Duration,
    /// After what time without events a change that a check has shown is taken as lost.
    lost_after: Duration,
    /// The longest time between two checks.
    max_spacing: Duration,
    /// Whether the server may be asked for progress.
    has_progress: bool,
    wanted: u64,
    at: Option<Instant>,
    /// Whether events have come in the last wait.
    is_moving: bool,
    asked: bool,
    /// The earliest time of the next check.
    next_check: Instant,
    /// Since when checks have shown changes, without any event.
    silent_since: Option<Instant>,
    /// Whether the check before has shown that the copy is too far behind.
    was_too_far: bool,
}

impl Pending {
    /// Begins with nothing to wait for. Probes are sent each `probe`, and the copy must not be older than
    /// `max_stale`.
    pub(crate) fn new(now: Instant, probe: Duration, max_stale: Duration) -> Self {
        Self {
            grace: (probe / 10).clamp(Duration::from_millis(2), Duration::from_millis(50)),
            patience: (probe / 4).clamp(Duration::from_millis(20), Duration::from_secs(1)),
            lost_after: (probe * 3).clamp(Duration::from_secs(3), Duration::from_secs(30)),
            max_spacing: max_stale / 2,
            has_progress: false,
            wanted: 0,
            at: None,
            is_moving: false,
            asked: false,
            next_check: now,
            silent_since: None,
            was_too_far: false,
        }
    }

    /// Allows to ask the server for progress.
    pub(crate) fn trust_progress(&mut self) {
        self.has_progress = true;
    }

    /// Returns `true` if answers about progress may be trusted.
    pub(crate) fn trusts_progress(&self) -> bool {
        self.has_progress
    }

    /// Returns when to take the next [step](Self::step); `None` if there is nothing to wait for.
    pub(crate) fn at(&self) -> Option<Instant> {
        self.at
    }

    /// Notes that a probe has answered a revision, and up to which one the copy is complete.
    pub(crate) fn answered(&mut self, now: Instant, revision: u64, complete: u64) {
        self.wanted = self.wanted.max(revision);
        self.asked = false;
        if self.wanted > complete {
            self.at.get_or_insert(now + self.grace);
        }
    }

    /// Notes that the copy is complete up to a revision, because of events or of a report of progress.
    pub(crate) fn moved(&mut self, complete: u64) {
        self.is_moving = true;
        self.silent_since = None;
        if complete >= self.wanted {
            self.at = None;
            self.was_too_far = false;
        }
    }

    /// Decides what to do at the time [`at`](Self::at), for a copy of `keys` keys.
    pub(crate) fn step(&mut self, now: Instant, complete: u64, keys: u64) -> Step {
        if complete >= self.wanted {
            self.at = None;
            return Step::Wait;
        }
        let is_moving = std::mem::take(&mut self.is_moving);
        if is_moving && !gap::is_too_far(self.wanted - complete, keys) {
            self.at = Some(now + self.grace);
            return Step::Wait;
        }
        if self.has_progress && !self.asked {
            self.asked = true;
            self.at = Some(now + self.patience);
            return Step::AskProgress;
        }
        if now < self.next_check {
            self.at = Some(self.next_check);
            return Step::Wait;
        }
        // Until the next probe, or until its answer.
        self.at = None;
        Step::Check
    }

    /// Decides what a check has shown, for a copy that is complete up to `complete` now and has `keys`
    /// keys. `is_partial` is whether it waits for the rest of a revision.
    pub(crate) fn checked(
        &mut self,
        now: Instant,
        check: Checked,
        complete: u64,
        keys: u64,
        is_partial: bool,
    ) -> Verdict {
        self.next_check = now + (check.took * SPACING).min(self.max_spacing);
        let is_changed = check.is_newer || check.count != keys;
        let is_moving = check.known != complete || is_partial;
        if !is_changed && !is_moving {
            self.silent_since = None;
            self.was_too_far = false;
            return Verdict::Unchanged;
        }
        let behind = check.revision.saturating_sub(complete);
        if check.is_newer && gap::is_too_far(behind, keys) {
            // Once, an event may have been on its way in a store that changes quickly.
            if std::mem::replace(&mut self.was_too_far, true) {
                return Verdict::TooFar;
            }
            return Verdict::Wait;
        }
        self.was_too_far = false;
        if is_moving {
            return Verdict::Wait;
        }
        let since = *self.silent_since.get_or_insert(now);
        match now.saturating_duration_since(since) >= self.lost_after {
            true => Verdict::Lost,
            false => Verdict::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBE: Duration = Duration::from_secs(1);
    const GRACE: Duration = Duration::from_millis(50);

    fn check(known: u64, revision: u64, is_newer: bool) -> Checked {
        Checked {
            known,
            revision,
            is_newer,
            count: 5,
            took: Duration::from_millis(10),
        }
    }

    #[test]
    fn a_copy_that_is_complete_needs_no_step() {
        let now = Instant::now();
        let mut pending = Pending::new(now, PROBE, PROBE * 5);
        pending.answered(now, 10, 10);
        assert_eq!(pending.at(), None);
        pending.answered(now, 11, 10);
        assert_eq!(pending.at(), Some(now + GRACE));
        pending.moved(11);
        assert_eq!(pending.at(), None);
    }

    #[test]
    fn without_events_all_keys_are_checked() {
        let now = Instant::now();
        let mut pending = Pending::new(now, PROBE, PROBE * 5);
        pending.answered(now, 11, 10);
        assert_eq!(pending.step(now + GRACE, 10, 5), Step::Check);
        let verdict = pending.checked(now, check(10, 12, false), 10, 5, false);
        assert_eq!(verdict, Verdict::Unchanged);
    }

    #[test]
    fn events_that_come_are_waited_for() {
        let now = Instant::now();
        let mut pending = Pending::new(now, PROBE, PROBE * 5);
        pending.answered(now, 20, 10);
        pending.moved(12);
        assert_eq!(pending.step(now + GRACE, 12, 5), Step::Wait);
        assert_eq!(pending.at(), Some(now + GRACE * 2));
        assert_eq!(pending.step(now + GRACE * 2, 12, 5), Step::Check);
        // Some have come since it was sent, or a part of a revision has.
        assert_eq!(
            pending.checked(now, check(12, 21, false), 13, 5, false),
            Verdict::Wait
        );
        assert_eq!(
            pending.checked(now, check(12, 21, false), 12, 5, true),
            Verdict::Wait
        );
    }

    #[test]
    fn another_number_of_keys_is_a_change() {
        let now = Instant::now();
        let mut pending = Pending::new(now, PROBE, PROBE * 5);
        assert_eq!(
            pending.checked(now, check(10, 12, false), 10, 6, false),
            Verdict::Wait
        );
    }

    #[test]
    fn servers_that_can_be_trusted_are_asked_for_progress_first() {
        let now = Instant::now();
        let mut pending = Pending::new(now, PROBE, PROBE * 5);
        pending.trust_progress();
        pending.answered(now, 11, 10);
        assert_eq!(pending.step(now, 10, 5), Step::AskProgress);
        let later = pending.at().expect("a time");
        assert_eq!(pending.step(later, 10, 5), Step::Check);
        // Again with the next probe.
        pending.answered(now, 12, 10);
        assert_eq!(pending.step(now, 10, 5), Step::AskProgress);
    }

    #[test]
    fn checks_that_take_long_are_rare() {
        let now = Instant::now();
        let mut pending = Pending::new(now, PROBE, PROBE * 5);
        let slow = Checked {
            took: Duration::from_millis(100),
            ..check(10, 12, false)
        };
        pending.checked(now, slow, 10, 5, false);
        pending.answered(now, 20, 12);
        assert_eq!(pending.step(now, 12, 5), Step::Wait);
        let later = now + Duration::from_millis(900);
        assert_eq!(pending.at(), Some(later));
        assert_eq!(pending.step(later, 12, 5), Step::Check);
        // But not so rare that the copy is too old.
        let slower = Checked {
            took: Duration::from_secs(2),
            ..slow
        };
        pending.checked(now, slower, 12, 5, false);
        pending.answered(now, 30, 12);
        assert_eq!(pending.step(now, 12, 5), Step::Wait);
        assert_eq!(pending.at(), Some(now + PROBE * 5 / 2));
    }

    #[test]
    fn a_copy_that_stays_far_behind_is_listed() {
        let now = Instant::now();
        let mut pending = Pending::new(now, PROBE, PROBE * 5);
        pending.answered(now, 30_000, 10);
        pending.moved(100);
        // Although events come.
        assert_eq!(pending.step(now, 100, 5), Step::Check);
        assert_eq!(
            pending.checked(now, check(100, 30_001, true), 200, 5, false),
            Verdict::Wait
        );
        assert_eq!(
            pending.checked(now, check(200, 40_001, true), 300, 5, false),
            Verdict::TooFar
        );
    }

    #[test]
    fn a_copy_that_catches_up_is_not_listed() {
        let now = Instant::now();
        let mut pending = Pending::new(now, PROBE, PROBE * 5);
        pending.answered(now, 30_000, 10);
        assert_eq!(
            pending.checked(now, check(10, 30_001, true), 200, 5, false),
            Verdict::Wait
        );
        pending.moved(30_001);
        assert_eq!(
            pending.checked(now, check(30_001, 60_000, true), 30_001, 5, false),
            Verdict::Wait
        );
    }

    #[test]
    fn changes_that_the_watch_never_reports_are_lost() {
        let now = Instant::now();
        let mut pending = Pending::new(now, PROBE, PROBE * 5);
        let changed = check(10, 12, true);
        assert_eq!(pending.checked(now, changed, 10, 5, false), Verdict::Wait);
        assert_eq!(
            pending.checked(now + PROBE, changed, 10, 5, false),
            Verdict::Wait
        );
        let later = now + PROBE * 3;
        assert_eq!(pending.checked(later, changed, 10, 5, false), Verdict::Lost);
        pending.moved(11);
        assert_eq!(
            pending.checked(later, check(11, 13, true), 11, 5, false),
            Verdict::Wait
        );
    }
}
