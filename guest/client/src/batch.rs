//! Sends a batch of changes to the map.

use crate::contract::calls;
use crate::{ApplyError, Change, Error, KeyFault, MAX_CHANGES, MAX_KEY_LEN, Outcome};

/// Makes all of `changes` or none of them.
pub(crate) fn apply(changes: &[Change<'_>]) -> Result<Vec<Outcome>, ApplyError> {
    // The map would return the same error, but a list of this size may exceed its memory.
    if changes.len() > MAX_CHANGES {
        return Err(ApplyError {
            index: MAX_CHANGES,
            error: Error::Full,
        });
    }
    let sent: Vec<_> = changes.iter().map(calls::ChangeParam::from).collect();
    match calls::apply(&sent) {
        Ok(outcomes) => Ok(outcomes.into_iter().map(Outcome::from).collect()),
        Err((index, error)) => Err(failed(changes, index as usize, error.into())),
    }
}

/// Returns the error of a batch. If only a part of a key was sent, corrects the error's key length.
fn failed(changes: &[Change<'_>], index: usize, mut error: Error) -> ApplyError {
    if let Error::InvalidKey(KeyFault::TooLong { len }) = &mut error
        && let Some(change) = changes.get(index)
    {
        *len = change.key().len() as u64;
    }
    ApplyError { index, error }
}

/// Truncates an over-long key to one byte more than the maximum, so that the map still rejects it.
/// The map must reject it, and not the client, because an earlier change may fail first.
fn to_write(key: &[u8]) -> &[u8] {
    key.get(..=MAX_KEY_LEN).unwrap_or(key)
}

/// Replaces a key that is too long to exist with the empty key, which does not exist either.
fn to_delete(key: &[u8]) -> &[u8] {
    if key.len() > MAX_KEY_LEN { &[] } else { key }
}

impl<'a> From<&Change<'a>> for calls::ChangeParam<'a> {
    fn from(change: &Change<'a>) -> Self {
        match *change {
            Change::Set { key, value, ttl } => Self::Set(calls::SetChangeParam {
                key: to_write(key),
                value,
                ttl: ttl.into(),
            }),
            Change::SetIf {
                key,
                value,
                ttl,
                condition,
            } => Self::SetIf(calls::SetIfChangeParam {
                key: to_write(key),
                value,
                ttl: ttl.into(),
                condition: condition.into(),
            }),
            Change::Increment { key, delta, ttl } => Self::Increment(calls::IncrementChangeParam {
                key: to_write(key),
                delta,
                ttl: ttl.into(),
            }),
            Change::Touch { key, ttl } => Self::Touch(calls::TouchChangeParam {
                key: to_write(key),
                ttl: ttl.into(),
            }),
            Change::Delete { key } => Self::Delete(to_delete(key)),
            Change::DeleteIf { key, version } => Self::DeleteIf(calls::DeleteIfChangeParam {
                key: to_delete(key),
                version,
            }),
        }
    }
}

impl From<calls::Outcome> for Outcome {
    fn from(outcome: calls::Outcome) -> Self {
        match outcome {
            calls::Outcome::Stored(version) => Self::Stored(version),
            calls::Outcome::Counter(value) => Self::Counter(value),
            calls::Outcome::Touched(present) => Self::Touched(present),
            calls::Outcome::Deleted(present) => Self::Deleted(present),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ttl;

    #[test]
    fn a_key_too_long_is_an_error_with_its_length_though_not_all_of_it_is_sent() {
        let key = [b'k'; 5000];
        let changes = [
            Change::delete("k"),
            Change::set(&key, "v", Ttl::Never),
            Change::delete(&key),
        ];
        let sent = |change: &Change<'_>| match calls::ChangeParam::from(change) {
            calls::ChangeParam::Set(set) => set.key.len(),
            calls::ChangeParam::Delete(key) => key.len(),
            _ => usize::MAX,
        };
        assert_eq!(changes.each_ref().map(sent), [1, MAX_KEY_LEN + 1, 0]);

        let returned = Error::InvalidKey(KeyFault::TooLong { len: 513 });
        let error = Error::InvalidKey(KeyFault::TooLong { len: 5000 });
        assert_eq!(
            failed(&changes, 1, returned),
            ApplyError { index: 1, error }
        );
    }

    #[test]
    fn a_batch_of_too_many_changes_fails_before_a_call() {
        // Outside WebAssembly a call to the map would panic.
        let changes = vec![Change::delete("k"); MAX_CHANGES + 1];
        let expected = ApplyError {
            index: MAX_CHANGES,
            error: Error::Full,
        };
        assert_eq!(apply(&changes), Err(expected));
    }
}
