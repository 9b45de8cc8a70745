//! The outcomes of operations, by number and by name.

use localmap::{CallOutcome, Rejection};

/// The number of outcomes.
pub(crate) const OUTCOMES: usize = 11;

/// The names of outcomes in metrics, by number.
pub(crate) const OUTCOME_NAMES: [&str; OUTCOMES] = [
    "ok",
    "hit",
    "miss",
    "invalid_key",
    "value_too_large",
    "invalid_ttl",
    "full",
    "conflict",
    "not_a_counter",
    "overflow",
    "terminated",
];

/// Returns the number of an outcome.
#[inline]
pub(crate) fn outcome_number(outcome: CallOutcome) -> usize {
    match outcome {
        CallOutcome::Ok => 0,
        CallOutcome::Hit => 1,
        CallOutcome::Miss => 2,
        CallOutcome::Rejected(Rejection::InvalidKey) => 3,
        CallOutcome::Rejected(Rejection::ValueTooLarge) => 4,
        CallOutcome::Rejected(Rejection::InvalidTtl) => 5,
        CallOutcome::Rejected(Rejection::Full) => 6,
        CallOutcome::Rejected(Rejection::Conflict) => 7,
        CallOutcome::Rejected(Rejection::NotACounter) => 8,
        CallOutcome::Rejected(Rejection::Overflow) => 9,
        // Both enums can grow. Until the new one has a name here, it counts as the last one.
        _ => OUTCOMES - 1,
    }
}

/// Returns the name of an outcome, for metrics and traces.
pub(crate) fn outcome_name(outcome: CallOutcome) -> &'static str {
    OUTCOME_NAMES[outcome_number(outcome)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_its_name() {
        assert_eq!(outcome_name(CallOutcome::Ok), "ok");
        assert_eq!(outcome_name(CallOutcome::Miss), "miss");
        assert_eq!(outcome_name(CallOutcome::Rejected(Rejection::Full)), "full");
        assert_eq!(outcome_name(CallOutcome::Terminated), "terminated");
    }
}
