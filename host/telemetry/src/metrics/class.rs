//! The counts of the operations of one class of tenants.

use crate::metrics::counts::{Counts, add};
use crate::metrics::durations::{BUCKETS, Durations, bucket_of};
use crate::metrics::outcome::{OUTCOMES, outcome_number};
use localmap::{CallOutcome, Operation};

/// The sum of the durations of an operation is its first counter; then come the outcomes.
const FIRST_OUTCOME: usize = 1;
const FIRST_BUCKET: usize = FIRST_OUTCOME + OUTCOMES;
/// The counters of an operation. They begin at a line of the cache.
const PER_OPERATION: usize = (FIRST_BUCKET + BUCKETS).next_multiple_of(8);

/// Counts the operations of one class, by operation and outcome, and times them.
#[derive(Debug)]
pub(crate) struct ClassMetrics {
    counts: Counts,
}

/// The counts of an operation that was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OperationCounts {
    pub(crate) operation: Operation,
    /// By number: see [`OUTCOME_NAMES`](crate::metrics::outcome::OUTCOME_NAMES).
    pub(crate) outcomes: [u64; OUTCOMES],
    pub(crate) duration: Durations,
}

impl ClassMetrics {
    pub(crate) fn new() -> Self {
        Self {
            counts: Counts::for_threads(Operation::ALL.len() * PER_OPERATION),
        }
    }

    /// Counts an operation. Takes no lock: three counters that this thread shares with few others.
    #[inline]
    pub(crate) fn record(&self, operation: Operation, outcome: CallOutcome, nanos: u64) {
        let counts = self.counts.of_thread();
        let first = operation as usize * PER_OPERATION;
        add(counts, first, nanos);
        add(counts, first + FIRST_OUTCOME + outcome_number(outcome), 1);
        add(counts, first + FIRST_BUCKET + bucket_of(nanos), 1);
    }

    /// Returns the counts of the operations that were called, in the order of
    /// [`Operation::ALL`].
    pub(crate) fn read(&self) -> Vec<OperationCounts> {
        let operations = Operation::ALL.into_iter();
        operations
            .filter_map(|operation| self.read_one(operation))
            .collect()
    }

    fn read_one(&self, operation: Operation) -> Option<OperationCounts> {
        let first = operation as usize * PER_OPERATION;
        let count = |index| self.counts.get(first + index);
        let buckets = FIRST_BUCKET..FIRST_BUCKET + BUCKETS;
        let duration = Durations::new(count(0), buckets.map(count).collect());
        (duration.count > 0).then(|| OperationCounts {
            operation,
            outcomes: std::array::from_fn(|number| count(FIRST_OUTCOME + number)),
            duration,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::outcome::OUTCOME_NAMES;
    use localmap::Rejection;
    use std::thread;

    #[test]
    fn an_operation_is_counted_by_outcome_and_duration() {
        let class = ClassMetrics::new();
        assert_eq!(class.read(), []);
        class.record(Operation::Len, CallOutcome::Ok, u64::MAX >> 1);
        class.record(Operation::Get, CallOutcome::Hit, 300);
        class.record(Operation::Get, CallOutcome::Miss, 200);
        class.record(Operation::Set, CallOutcome::Rejected(Rejection::Full), 0);
        let read = class.read();
        let operations: Vec<_> = read.iter().map(|counts| counts.operation.name()).collect();
        assert_eq!(operations, ["get", "set", "len"]);
        let get = &read[0];
        assert_eq!((get.duration.count, get.duration.sum_ns), (2, 500));
        assert_eq!(get.duration.buckets[bucket_of(300)], 1);
        assert_eq!(get.outcomes[..3], [0, 1, 1]);
        let full = OUTCOME_NAMES.iter().position(|name| *name == "full");
        assert_eq!(read[1].outcomes[full.expect("it has a name")], 1);
        assert_eq!(read[2].duration.buckets[BUCKETS - 1], 1);
    }

    #[test]
    fn threads_count_at_the_same_time_and_counts_only_grow() {
        let class = ClassMetrics::new();
        thread::scope(|scope| {
            for outcome in [CallOutcome::Hit, CallOutcome::Miss] {
                let class = &class;
                scope.spawn(move || {
                    (0..10_000).for_each(|nanos| class.record(Operation::Get, outcome, nanos));
                });
            }
            let mut last = 0;
            for _ in 0..100 {
                let count = class.read().first().map_or(0, |get| get.duration.count);
                assert!(count >= last);
                last = count;
            }
        });
        let read = class.read();
        assert_eq!(read[0].outcomes[..3], [0, 10_000, 10_000]);
        assert_eq!(read[0].duration.sum_ns, 2 * (0..10_000).sum::<u64>());
    }
}
