//! Decides how old a copy is at most, from what its source has answered and when.

use std::collections::VecDeque;
use std::time::Duration;

/// The answers that are kept until the copy has reached their revisions. A copy that falls behind for so
/// long that there are more forgets the latest but one.
const MAX_ANSWERS: usize = 64;

/// What proves the age of a copy.
///
/// A linearizable read that is sent at a time *t* and answers a revision *r* says: all that was committed
/// before *t* has a revision of at most *r*. Once the copy is complete up to *r*, it therefore holds all
/// that was committed before *t*, and is as old as *t* at most.
///
/// Nothing else proves an age. A server that is cut off from its cluster goes on to report progress at its
/// old revision.
#[derive(Debug, Default)]
pub(crate) struct Proof {
    /// The time before which all commits are in the copy.
    fresh_at: Option<Duration>,
    /// The revision up to which the copy is complete: that of its last change, or a later one, if it is
    /// certain that nothing has changed in between.
    complete: u64,
    /// The answers with later revisions: the time at which each was asked for, and its revision.
    answers: VecDeque<(Duration, u64)>,
}

impl Proof {
    /// Returns the time before which all commits are in the copy; `None` if nothing has proved it.
    pub(crate) fn fresh_at(&self) -> Option<Duration> {
        self.fresh_at
    }

    /// Begins again with another copy: one that holds `revision`, which a linearizable read has answered
    /// that was sent at `sent`.
    pub(crate) fn restart(&mut self, sent: Duration, revision: u64) {
        *self = Self {
            fresh_at: Some(sent),
            complete: revision,
            answers: VecDeque::new(),
        };
    }

    /// Notes that a linearizable read which was sent at `sent` has answered `revision`.
    pub(crate) fn answered(&mut self, sent: Duration, revision: u64) {
        if revision <= self.complete {
            self.fresh_at = self.fresh_at.max(Some(sent));
            return;
        }
        if self.answers.len() == MAX_ANSWERS {
            self.answers.pop_back();
        }
        self.answers.push_back((sent, revision));
    }

    /// Notes that the copy is complete up to `revision`.
    pub(crate) fn complete_to(&mut self, revision: u64) {
        self.complete = self.complete.max(revision);
        let complete = self.complete;
        self.answers.retain(|&(sent, revision)| {
            let reached = revision <= complete;
            if reached {
                self.fresh_at = self.fresh_at.max(Some(sent));
            }
            !reached
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_answer_proves_an_age_once_the_copy_has_its_revision() {
        let mut proof = Proof::default();
        assert_eq!(proof.fresh_at(), None);
        proof.restart(s(1), 10);
        assert_eq!(proof.fresh_at(), Some(s(1)));
        proof.answered(s(2), 10);
        assert_eq!(proof.fresh_at(), Some(s(2)));
        proof.answered(s(3), 12);
        proof.answered(s(4), 13);
        assert_eq!(proof.fresh_at(), Some(s(2)));
        proof.complete_to(11);
        assert_eq!(proof.fresh_at(), Some(s(2)));
        proof.complete_to(12);
        assert_eq!(proof.fresh_at(), Some(s(3)));
        proof.complete_to(100);
        assert_eq!(proof.fresh_at(), Some(s(4)));
    }

    #[test]
    fn a_late_answer_does_not_make_the_copy_older() {
        let mut proof = Proof::default();
        proof.restart(s(5), 10);
        proof.answered(s(4), 9);
        assert_eq!(proof.fresh_at(), Some(s(5)));
        proof.complete_to(8);
        assert_eq!((proof.complete, proof.fresh_at()), (10, Some(s(5))));
    }

    #[test]
    fn many_answers_take_little_memory_and_never_prove_too_much() {
        let mut proof = Proof::default();
        proof.restart(s(0), 0);
        for number in 1..=1_000 {
            proof.answered(s(number), number);
        }
        assert!(proof.answers.len() <= MAX_ANSWERS);
        for number in 1..=1_000 {
            proof.complete_to(number);
            assert!(proof.fresh_at() <= Some(s(number)));
        }
        assert_eq!(proof.fresh_at(), Some(s(1_000)));
    }

    #[test]
    fn another_copy_forgets_the_answers_of_the_previous_one() {
        let mut proof = Proof::default();
        proof.answered(s(9), 500);
        proof.restart(s(2), 7);
        proof.complete_to(600);
        assert_eq!(proof.fresh_at(), Some(s(2)));
    }
}
