//! What counted operations tell of the statistics of maps that no survey reads, as they end too early.

use crate::metrics::class::OperationCounts;
use crate::metrics::outcome::outcome_number;
use localmap::{CallOutcome, Operation, Rejection, Stats};

/// Returns the hits, misses, writes and refused writes of operations. It is never more than the maps have
/// counted: the keys of a `get-many`, and the changes of an `apply`, are not known.
pub(crate) fn stats_of(operations: &[OperationCounts]) -> Stats {
    let mut stats = Stats::default();
    for counts in operations {
        let of = |outcome| counts.outcomes[outcome_number(outcome)];
        match counts.operation {
            Operation::Get | Operation::GetEntry | Operation::Take | Operation::Pin => {
                stats.hits += of(CallOutcome::Hit);
                stats.misses += of(CallOutcome::Miss);
            }
            Operation::Set | Operation::SetIf | Operation::Increment => {
                stats.writes += of(CallOutcome::Ok);
            }
            _ => {}
        }
        stats.refused += of(CallOutcome::Rejected(Rejection::Full));
    }
    stats
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::class::ClassMetrics;

    #[test]
    fn each_operation_counts_as_in_its_map() {
        let full = CallOutcome::Rejected(Rejection::Full);
        let conflict = CallOutcome::Rejected(Rejection::Conflict);
        let class = ClassMetrics::new();
        for (operation, outcome) in [
            (Operation::Get, CallOutcome::Hit),
            (Operation::GetEntry, CallOutcome::Miss),
            (Operation::Take, CallOutcome::Hit),
            (Operation::Pin, CallOutcome::Hit),
            (Operation::Set, CallOutcome::Ok),
            (Operation::Set, full),
            (Operation::SetIf, conflict),
            (Operation::Increment, CallOutcome::Ok),
            (Operation::Apply, full),
            // Neither reads nor writes of a value, or not known of how many.
            (Operation::Apply, CallOutcome::Ok),
            (Operation::GetMany, CallOutcome::Ok),
            (Operation::Contains, CallOutcome::Hit),
            (Operation::Touch, CallOutcome::Miss),
            (Operation::Delete, CallOutcome::Hit),
            (Operation::Get, CallOutcome::Terminated),
        ] {
            class.record(operation, outcome, 1);
        }
        let stats = stats_of(&class.read());
        let counts = (stats.hits, stats.misses, stats.writes, stats.refused);
        assert_eq!(counts, (3, 1, 2, 2));
    }
}
