//! Batches of changes: their size limit, and their conversion to the engine's types.

use crate::bindings::exports::localmap::core::local_map as wit;
use localmap_engine as engine;

/// Checks the size of a batch. If it is larger than the contract allows, the error is `Full` with
/// the index of the first change beyond the limit.
pub(crate) fn check(
    changes: &[engine::Change<'_>],
    limits: &engine::Limits,
) -> Result<(), (u32, engine::Error)> {
    let max = limits.max_value.min(limits.max_bytes);
    let max = max.max(engine::MAX_PAGE_BYTES as u64) + MAX_BATCH_EXTRA;
    let mut bytes = 0;
    // The engine checks the number of changes.
    for (index, change) in (0..).zip(changes).take(engine::MAX_CHANGES) {
        bytes += len(change);
        if bytes > max {
            return Err((index, engine::Error::Full));
        }
    }
    Ok(())
}

/// The maximum size of the keys and values of a batch, in bytes, in addition to one largest value
/// or 1 MiB.
const MAX_BATCH_EXTRA: u64 = 64 << 10;

/// Returns the length of the key and the value of a change together, in bytes.
const fn len(change: &engine::Change<'_>) -> u64 {
    use engine::Change;
    let (key, value) = match change {
        Change::Set { key, value, .. } | Change::SetIf { key, value, .. } => (key, value.len()),
        Change::Increment { key, .. }
        | Change::Touch { key, .. }
        | Change::Delete { key }
        | Change::DeleteIf { key, .. } => (key, 0),
    };
    (key.len() + value) as u64
}

impl<'a> From<&'a wit::Change> for engine::Change<'a> {
    fn from(change: &'a wit::Change) -> Self {
        match change {
            wit::Change::Set(set) => Self::Set {
                key: &set.key,
                value: &set.value,
                ttl: set.ttl.into(),
            },
            wit::Change::SetIf(set) => Self::SetIf {
                key: &set.key,
                value: &set.value,
                ttl: set.ttl.into(),
                condition: set.condition.into(),
            },
            wit::Change::Increment(increment) => Self::Increment {
                key: &increment.key,
                delta: increment.delta,
                ttl: increment.ttl.into(),
            },
            wit::Change::Touch(touch) => Self::Touch {
                key: &touch.key,
                ttl: touch.ttl.into(),
            },
            wit::Change::Delete(key) => Self::Delete { key },
            wit::Change::DeleteIf(delete) => Self::DeleteIf {
                key: &delete.key,
                version: delete.version,
            },
        }
    }
}

impl From<engine::Outcome> for wit::Outcome {
    fn from(outcome: engine::Outcome) -> Self {
        match outcome {
            engine::Outcome::Stored(version) => Self::Stored(version),
            engine::Outcome::Counter(sum) => Self::Counter(sum),
            engine::Outcome::Touched(present) => Self::Touched(present),
            engine::Outcome::Deleted(present) => Self::Deleted(present),
        }
    }
}
