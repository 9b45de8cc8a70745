//! Sends a batch of changes to the map.

use crate::{ApplyError, Change, Error, KeyFault, MAX_CHANGES, MAX_KEY_LEN, Outcome, packed};

/// Makes all of `changes` or none of them.
pub(crate) fn apply(changes: &[Change<'_>]) -> Result<Vec<Outcome>, ApplyError> {
    // The map would return the same error, but a list of this size may exceed its memory.
    if changes.len() > MAX_CHANGES {
        return Err(ApplyError {
            index: MAX_CHANGES,
            error: Error::Full,
        });
    }
    packed::apply(changes, to_write, to_delete)
        .map_err(|(index, error)| failed(changes, index as usize, error))
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
#[inline(always)]
fn to_write(key: &[u8]) -> &[u8] {
    key.get(..=MAX_KEY_LEN).unwrap_or(key)
}

/// Replaces a key that is too long to exist with the empty key, which does not exist either.
#[inline(always)]
fn to_delete(key: &[u8]) -> &[u8] {
    if key.len() > MAX_KEY_LEN { &[] } else { key }
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
        assert_eq!(to_write(&key).len(), MAX_KEY_LEN + 1);
        assert_eq!(to_delete(&key), []);
        assert_eq!((to_write(b"k"), to_delete(b"k")), (&b"k"[..], &b"k"[..]));

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
