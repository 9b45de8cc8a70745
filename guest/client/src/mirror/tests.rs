//! Reading many keys at one revision.

use super::*;

const MS: Duration = Duration::from_millis(1);

/// A mirror that returns at most three entries at a time. The value of each is its index and the revision.
fn some(first: usize, as_of: u64) -> Read<Vec<Option<Entry>>> {
    let entry = |index: usize| {
        Some(Entry {
            value: format!("{index} at {as_of}").into_bytes(),
            mod_revision: as_of,
        })
    };
    Read {
        found: (first..first + 3).map(entry).collect(),
        as_of,
        freshness: Freshness::Fresh { age: MS },
    }
}

#[test]
fn all_keys_are_read_in_order_by_several_calls() {
    for count in [0, 1, 3, 4, 10] {
        let mut calls = Vec::new();
        let read = read_all(count, |first| {
            calls.push(first);
            Ok(some(first, 7))
        });
        let read = read.expect("it does not change");
        assert_eq!((read.found.len(), read.as_of), (count, 7));
        for (index, entry) in read.found.iter().enumerate() {
            let value = entry.as_ref().map(|entry| entry.value.as_slice());
            assert_eq!(value, Some(format!("{index} at 7").as_bytes()));
        }
        let expected: Vec<usize> = (0..count.max(1)).step_by(3).collect();
        assert_eq!(calls, expected, "{count}");
    }
}

#[test]
fn a_copy_that_changes_is_read_again_from_the_first_key() {
    let mut calls = 0;
    let read = read_all(4, |first| {
        calls += 1;
        Ok(some(first, if calls == 1 { 7 } else { 8 }))
    });
    let read = read.expect("it changes once");
    assert!(
        read.found
            .iter()
            .flatten()
            .all(|entry| entry.mod_revision == 8)
    );
    assert_eq!((read.as_of, calls), (8, 4));
}

#[test]
fn a_copy_that_always_changes_is_an_error_after_some_tries() {
    let mut calls = 0;
    let read = read_all(4, |first| {
        calls += 1;
        Ok(some(first, calls))
    });
    assert_eq!(read, Err(ReadError::Changing));
    assert_eq!(calls, 2 * TRIES as u64);
    // What one call reads is of one revision.
    assert!(read_all(3, |first| Ok(some(first, 7))).is_ok());
}

#[test]
fn a_host_that_returns_nothing_is_not_asked_without_end() {
    let nothing = |_| {
        Ok(Read {
            found: Vec::new(),
            ..some(0, 7)
        })
    };
    assert_eq!(read_all(1, nothing), Err(ReadError::Changing));
    assert!(read_all(0, nothing).is_ok_and(|read| read.found.is_empty()));
}

#[test]
fn the_age_of_several_calls_is_the_greatest() {
    let read = read_all(4, |first| {
        let freshness = match first {
            0 => Freshness::Stale { age: 3 * MS },
            _ => Freshness::Fresh { age: 5 * MS },
        };
        Ok(Read {
            freshness,
            ..some(first, 7)
        })
    });
    let freshness = read.expect("it does not change").freshness;
    assert_eq!(freshness, Freshness::Stale { age: 5 * MS });
}

#[test]
fn an_omitted_key_is_named_by_its_place_among_all_keys() {
    let error = Mirror::named("flags").error(
        contract::Error::Omitted(contract::Omitted {
            index: 5,
            reason: contract::Reason::KeyTooLong,
        }),
        MAX_KEYS,
    );
    let reason = OmittedReason::KeyTooLong;
    assert_eq!(
        error,
        ReadError::Omitted {
            index: 1_029,
            reason
        }
    );
}
