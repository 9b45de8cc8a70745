//! What one call of a guest returns at most.

use super::Driven;
use super::relay::{Guest, wit};
use localmap::Limits;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Returns the lengths of the values that were found.
fn lengths(found: Result<wit::FoundMany, wit::Error>) -> Vec<Option<usize>> {
    let entries = found.expect("young enough").entries.into_iter();
    entries.map(|entry| Some(entry?.value.len())).collect()
}

#[test]
fn a_call_reads_1024_keys_at_most() {
    let mirror = Driven::new();
    mirror.list(7, &[(b"k", b"v", 5)]);
    let mut guest = Guest::new(mirror.alone());
    for (asked, answered) in [
        (0, 0),
        (1, 1),
        (1_023, 1_023),
        (1_024, 1_024),
        (1_025, 1_024),
    ] {
        let keys = vec![&b"k"[..]; asked];
        assert_eq!(
            lengths(guest.get_many(&keys)),
            vec![Some(1); answered],
            "{asked}"
        );
    }
}

#[test]
fn a_call_returns_1_mib_of_values_at_most_unless_there_is_one() {
    let mirror = Driven::limited(Limits::default().max_value(3 << 20));
    let values = [KIB, MIB - KIB, MIB, MIB + 1, 3 * MIB].map(|len| vec![7; len]);
    let keys: [&[u8]; 5] = [b"kib", b"rest", b"mib", b"over", b"three"];
    let entries = keys
        .iter()
        .zip(&values)
        .map(|(key, value)| (*key, value.as_slice(), 5));
    mirror.list(7, &entries.collect::<Vec<_>>());
    let mut guest = Guest::new(mirror.alone());
    let mut ask = |keys: &[&[u8]]| lengths(guest.get_many(keys));
    // Exactly as much as there is room for, and a key that is absent takes none.
    assert_eq!(
        ask(&[b"kib", b"no", b"rest", b"no"]),
        [Some(KIB), None, Some(MIB - KIB), None]
    );
    assert_eq!(ask(&[b"mib", b"no", b"kib", b"no"]), [Some(MIB), None]);
    assert_eq!(ask(&[b"kib", b"mib"]), [Some(KIB)]);
    assert_eq!(ask(&[b"over", b"no"]), [Some(MIB + 1), None]);
    assert_eq!(ask(&[b"three", b"kib"]), [Some(3 * MIB)]);
    // A value that finds no room is the first one of the next call.
    assert_eq!(ask(&[b"no", b"three"]), [None]);
    assert_eq!(ask(&[b"three"]), [Some(3 * MIB)]);
    let found = guest.get(b"three").expect("young enough");
    assert_eq!(found.entry.map(|entry| entry.value.len()), Some(3 * MIB));
}

#[test]
fn all_of_many_keys_are_read_by_calling_again() {
    let mirror = Driven::new();
    let names: Vec<Vec<u8>> = (0..5_000u32).map(|n| n.to_string().into_bytes()).collect();
    let value = [7; KIB];
    let entries = names
        .iter()
        .step_by(2)
        .map(|key| (key.as_slice(), &value[..], 5));
    mirror.list(7, &entries.collect::<Vec<_>>());
    let mut guest = Guest::new(mirror.alone());
    let keys: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    let (mut done, mut calls) = (Vec::new(), 0);
    while done.len() < keys.len() {
        let some = lengths(guest.get_many(&keys[done.len()..]));
        assert!(!some.is_empty());
        done.extend(some);
        calls += 1;
    }
    assert_eq!(calls, 5);
    for (number, len) in done.into_iter().enumerate() {
        assert_eq!(len.is_some(), number % 2 == 0, "{number}");
    }
}

/// Omitted keys beyond those that were read are found by the call that reads them.
#[test]
fn an_omitted_key_matters_when_it_is_read() {
    let mirror = Driven::limited(Limits::default().max_value(MIB as u64));
    let (most, over) = (vec![7; MIB], vec![7; MIB + 1]);
    mirror.list(7, &[(b"most", &most, 5), (b"over", &over, 5)]);
    let mut guest = Guest::new(mirror.alone());
    assert_eq!(
        lengths(guest.get_many(&[b"most", b"most", b"over"])),
        [Some(MIB)]
    );
    for keys in [&[&b"over"[..], b"most"][..], &[b"no", b"over"]] {
        assert!(matches!(guest.get_many(keys), Err(wit::Error::Omitted(_))));
    }
    let many = [vec![&b"no"[..]; 1_024], vec![b"over"]].concat();
    assert_eq!(lengths(guest.get_many(&many)).len(), 1_024);
}
