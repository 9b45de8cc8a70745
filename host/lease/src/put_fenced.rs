//! Writes to a map that refuse a token which is lower than one before.

use localmap::{
    ApplyError, Change, ChangeError, Condition, LocalMap, MapTerminated, Outcome, Ttl, Version,
};

/// How often a write is tried if others write the token meanwhile.
const TRIES: u32 = 16;

/// The error of [`put_fenced`] and [`apply_fenced`]. Nothing has changed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FencedError {
    /// A holder with a greater token has written. The lease of this one has ended.
    #[error("the token {token} comes after {highest}: the lock was lost")]
    #[non_exhaustive]
    Fenced {
        /// The token of the write.
        token: u64,
        /// The highest token so far.
        highest: u64,
    },
    /// What is stored under the key of the token is not one.
    #[error("the value under the key of the token is not a token: it has {len} bytes")]
    #[non_exhaustive]
    NotAToken {
        /// The length of the value.
        len: usize,
    },
    /// The map rejects the token, for example because it is full.
    #[error("the map rejects the token")]
    #[non_exhaustive]
    Token {
        /// The reason.
        source: ChangeError,
    },
    /// The map rejects a change.
    #[error("change {index} was rejected: nothing has changed")]
    #[non_exhaustive]
    Rejected {
        /// The index of the change, counted from 0.
        index: usize,
        /// The reason.
        source: ChangeError,
    },
    /// The map has terminated, in this call or before it.
    #[error(transparent)]
    #[non_exhaustive]
    Terminated {
        /// The termination, with its cause and time.
        #[from]
        source: MapTerminated,
    },
}

/// Stores a value if its `token` is not lower than one that was stored with `token_key`, and notes the
/// token there. Returns the version of the value.
///
/// `token_key` is a key of the map for the tokens of one lock, such as `config#token`. Its value is the
/// highest token so far, as a counter: 8 bytes, little-endian. It stays when values expire. It must not be
/// evicted, so the map's [policy](localmap::Policy) must be to refuse writes when full, which is the
/// default; nor may others write it.
///
/// The contract of maps needs nothing for this: it is one `get-entry`, and one `apply` with a `set-if` of
/// the token. A guest can do the same with the token that `localmap serve --guard` gives it.
///
/// ```
/// use localmap::{Host, MapOptions, Ttl};
/// use localmap_lease::{FencedError, put_fenced};
///
/// let mut map = Host::new()?.map(&MapOptions::new())?;
/// put_fenced(&mut map, b"config#token", 34, b"config", b"by B", Ttl::Never)?;
/// // A, which had the lock before B, was stopped for longer than its lease.
/// let late = put_fenced(&mut map, b"config#token", 33, b"config", b"by A", Ttl::Never);
/// assert!(matches!(late, Err(FencedError::Fenced { highest: 34, .. })));
/// assert_eq!(map.get(b"config")?.as_deref(), Some(&b"by B"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns [`FencedError`]: see its variants.
pub fn put_fenced(
    map: &mut LocalMap,
    token_key: &[u8],
    token: u64,
    key: &[u8],
    value: &[u8],
    ttl: Ttl,
) -> Result<Version, FencedError> {
    let outcomes = apply_fenced(map, token_key, token, &[Change::Set { key, value, ttl }])?;
    Ok(match outcomes.first() {
        Some(Outcome::Stored(version)) => *version,
        // The map has checked that the outcome is that of the change.
        _ => Version::default(),
    })
}

/// Makes changes, all or none, as [`put_fenced`] stores a value. One place of a batch is for the token, so
/// there are at most 1,023 changes.
///
/// ```
/// use localmap::{Change, Host, MapOptions, Ttl};
/// use localmap_lease::apply_fenced;
///
/// let mut map = Host::new()?.map(&MapOptions::new())?;
/// let changes = [
///     Change::Delete { key: b"draft" },
///     Change::Set { key: b"final", value: b"text", ttl: Ttl::Never },
/// ];
/// apply_fenced(&mut map, b"document#token", 7, &changes)?;
/// assert!(apply_fenced(&mut map, b"document#token", 6, &changes).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns [`FencedError`]: see its variants.
pub fn apply_fenced(
    map: &mut LocalMap,
    token_key: &[u8],
    token: u64,
    changes: &[Change<'_>],
) -> Result<Vec<Outcome>, FencedError> {
    let value = token.to_le_bytes();
    let mut batch = Vec::with_capacity(changes.len() + 1);
    let mut tries = 0;
    loop {
        let condition = match map.get_entry(token_key)? {
            Some(entry) => {
                let highest = entry.value.as_slice().try_into().map(u64::from_le_bytes);
                let highest = highest.map_err(|_| FencedError::NotAToken {
                    len: entry.value.len(),
                })?;
                if token < highest {
                    return Err(FencedError::Fenced { token, highest });
                }
                Condition::Version(entry.version)
            }
            None => Condition::Absent,
        };
        batch.clear();
        batch.push(Change::SetIf {
            key: token_key,
            value: &value,
            ttl: Ttl::Never,
            condition,
        });
        batch.extend_from_slice(changes);
        tries += 1;
        match map.apply(&batch) {
            Ok(mut outcomes) => {
                outcomes.remove(0);
                return Ok(outcomes);
            }
            // Somebody else has written the token since it was read.
            Err(ApplyError::Refused {
                index: 0,
                source: ChangeError::Conflict { .. },
                ..
            }) if tries < TRIES => {}
            Err(ApplyError::Refused {
                index: 0, source, ..
            }) => return Err(FencedError::Token { source }),
            Err(ApplyError::Refused { index, source, .. }) => {
                let index = index.saturating_sub(1);
                return Err(FencedError::Rejected { index, source });
            }
            Err(ApplyError::Terminated { source, .. }) => return Err(source.into()),
            // The enum may have more variants one day; none of them has changed anything.
            Err(_) => {
                let source = ChangeError::Full;
                return Err(FencedError::Token { source });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use localmap::{Host, Limits, MapOptions};

    fn map(limits: Limits) -> LocalMap {
        let host = Host::new().expect("a host");
        host.map(&MapOptions::new().limits(limits)).expect("a map")
    }

    fn put(map: &mut LocalMap, token: u64, value: &[u8]) -> Result<Version, FencedError> {
        put_fenced(map, b"t", token, b"k", value, Ttl::Never)
    }

    #[test]
    fn a_lower_token_writes_nothing_and_the_same_or_a_higher_one_does() {
        let mut map = map(Limits::default());
        let first = put(&mut map, 3, b"a").expect("the first");
        let second = put(&mut map, 3, b"b").expect("the same holder");
        assert!(second > first);
        put(&mut map, u64::MAX, b"c").expect("a later holder");
        for late in [0, 3, u64::MAX - 1] {
            let error = put(&mut map, late, b"late").expect_err("it is too late");
            let expected =
                matches!(error, FencedError::Fenced { token, highest: u64::MAX } if token == late);
            assert!(expected, "{error}");
        }
        assert_eq!(map.get(b"k").expect("live").as_deref(), Some(&b"c"[..]));
    }

    #[test]
    fn a_value_that_is_rejected_leaves_the_token_as_it_was() {
        let mut map = map(Limits::default().max_value(16));
        put(&mut map, 1, b"a").expect("it fits");
        let error = put(&mut map, 2, &[0; 17]).expect_err("it does not");
        assert!(
            matches!(error, FencedError::Rejected { index: 0, .. }),
            "{error}"
        );
        put(&mut map, 1, b"b").expect("the token is still 1");
    }

    #[test]
    fn what_is_not_a_token_is_not_replaced() {
        let mut map = map(Limits::default());
        map.set(b"t", b"text", Ttl::Never).expect("it fits");
        let error = put(&mut map, 2, b"a").expect_err("it is no token");
        assert!(
            matches!(error, FencedError::NotAToken { len: 4 }),
            "{error}"
        );
        assert_eq!(map.get(b"k").expect("live"), None);
    }

    #[test]
    fn a_full_map_keeps_what_it_has() {
        let mut map = map(Limits::default().max_entries(1));
        map.set(b"other", b"1", Ttl::Never).expect("it fits");
        let error = put(&mut map, 1, b"a").expect_err("it is full");
        let (FencedError::Token { source } | FencedError::Rejected { source, .. }) = error else {
            panic!("{error}");
        };
        assert!(matches!(source, ChangeError::Full), "{source}");
        assert_eq!(map.stats().expect("live").entries, 1);
    }
}
