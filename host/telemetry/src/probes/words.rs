//! The names of operations, outcomes and causes as C strings.

use localmap::{CallOutcome, Operation, Rejection, TerminationCause};
use std::ffi::CStr;

/// Returns the name of an operation in the contract.
pub(super) fn operation(operation: Operation) -> &'static CStr {
    match operation {
        Operation::Get => c"get",
        Operation::GetEntry => c"get-entry",
        Operation::GetMany => c"get-many",
        Operation::Contains => c"contains",
        Operation::Set => c"set",
        Operation::SetIf => c"set-if",
        Operation::Increment => c"increment",
        Operation::Touch => c"touch",
        Operation::Take => c"take",
        Operation::Delete => c"delete",
        Operation::DeleteIf => c"delete-if",
        Operation::Apply => c"apply",
        Operation::Pin => c"pin",
        Operation::PinnedValue => c"pinned.value",
        Operation::Unpin => c"pinned.drop",
        Operation::Scan => c"scan",
        Operation::Len => c"len",
        _ => c"other",
    }
}

/// Returns the name of an outcome in metrics and traces.
pub(super) fn outcome(outcome: CallOutcome) -> &'static CStr {
    match outcome {
        CallOutcome::Ok => c"ok",
        CallOutcome::Hit => c"hit",
        CallOutcome::Miss => c"miss",
        CallOutcome::Rejected(Rejection::InvalidKey) => c"invalid_key",
        CallOutcome::Rejected(Rejection::ValueTooLarge) => c"value_too_large",
        CallOutcome::Rejected(Rejection::InvalidTtl) => c"invalid_ttl",
        CallOutcome::Rejected(Rejection::Full) => c"full",
        CallOutcome::Rejected(Rejection::Conflict) => c"conflict",
        CallOutcome::Rejected(Rejection::NotACounter) => c"not_a_counter",
        CallOutcome::Rejected(Rejection::Overflow) => c"overflow",
        CallOutcome::Terminated => c"terminated",
        _ => c"other",
    }
}

/// Returns the name of the cause of a map's end in metrics.
pub(super) fn cause(cause: &TerminationCause) -> &'static CStr {
    match cause {
        TerminationCause::Dropped => c"dropped",
        TerminationCause::Cancelled => c"cancelled",
        TerminationCause::TimedOut { .. } => c"timed_out",
        TerminationCause::Trap { .. } => c"trapped",
        TerminationCause::OutOfMemory { .. } => c"out_of_memory",
        _ => c"failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::outcome::outcome_name;

    #[test]
    fn operations_have_the_names_of_the_contract() {
        for of in Operation::ALL {
            assert_eq!(operation(of).to_str(), Ok(of.name()));
        }
    }

    #[test]
    fn outcomes_have_the_names_of_metrics() {
        let rejections = [
            Rejection::InvalidKey,
            Rejection::ValueTooLarge,
            Rejection::InvalidTtl,
            Rejection::Full,
            Rejection::Conflict,
            Rejection::NotACounter,
            Rejection::Overflow,
        ];
        let others = [
            CallOutcome::Ok,
            CallOutcome::Hit,
            CallOutcome::Miss,
            CallOutcome::Terminated,
        ];
        for of in rejections
            .map(CallOutcome::Rejected)
            .into_iter()
            .chain(others)
        {
            assert_eq!(outcome(of).to_str(), Ok(outcome_name(of)));
        }
    }
}
