//! What is packed is read again, and bytes of any contents are read without a panic.

use fastrand::Rng;
use localmap_packed::{
    BLOCK, Change, Changes, Condition, Error, KeyFault, Keys, Malformed, Outcomes, Packed,
    PackedChanges, PackedValues, Ttl, Values, pack_error, pack_keys, pack_outcomes,
};

/// The rounds of a test with random input.
const ROUNDS: u64 = 2_000;

fn bytes(random: &mut Rng, most: usize) -> Vec<u8> {
    let len = random.usize(..=most);
    (0..len).map(|_| random.u8(..)).collect()
}

fn pack<'a>(changes: impl IntoIterator<Item = Change<'a>>) -> Packed {
    let mut packed = PackedChanges::with_room(Vec::new(), 0, 0);
    changes.into_iter().for_each(|change| packed.push(change));
    packed.finish()
}

fn whole(packed: &Packed) {
    assert_eq!(packed.bytes().len() % BLOCK, 0);
    assert_eq!(
        packed.blocks().as_flattened().len() * 8,
        packed.bytes().len()
    );
}

#[test]
fn keys_and_values_are_read_as_they_were_packed() {
    for seed in 0..ROUNDS {
        let random = &mut Rng::with_seed(seed);
        let keys: Vec<_> = (0..random.usize(..40)).map(|_| bytes(random, 70)).collect();
        let packed = pack_keys(Vec::new(), keys.iter().map(Vec::as_slice));
        whole(&packed);
        assert!(Keys::new(packed.bytes()).eq(keys.iter()));

        let mut values = PackedValues::from_memory(packed.into_words());
        for (at, key) in keys.iter().enumerate() {
            match at % 3 {
                0 => values.push_absent(),
                1 => values.push(key),
                _ => values.push_with(key.len(), |room| room.copy_from_slice(key)),
            }
        }
        let packed = values.finish();
        whole(&packed);
        let expected = keys.iter().enumerate();
        let expected = expected.map(|(at, key)| (at % 3 != 0).then_some(key.as_slice()));
        assert!(Values::new(packed.bytes()).eq(expected));
    }
}

fn ttl(random: &mut Rng) -> Ttl {
    match random.u8(..3) {
        0 => Ttl::Default,
        1 => Ttl::Never,
        _ => Ttl::After(random.u64(..)),
    }
}

fn change<'a>(random: &mut Rng, key: &'a [u8], value: &'a [u8]) -> Change<'a> {
    let ttl = ttl(random);
    match random.u8(..6) {
        0 => Change::Set { key, value, ttl },
        1 => Change::SetIf {
            key,
            value,
            ttl,
            condition: match random.u8(..3) {
                0 => Condition::Absent,
                1 => Condition::Present,
                _ => Condition::Version(random.u64(..)),
            },
        },
        2 => Change::Increment {
            key,
            delta: random.i64(..),
            ttl,
        },
        3 => Change::Touch { key, ttl },
        4 => Change::Delete { key },
        _ => Change::DeleteIf {
            key,
            version: random.u64(..),
        },
    }
}

#[test]
fn changes_are_read_as_they_were_packed() {
    for seed in 0..ROUNDS {
        let random = &mut Rng::with_seed(seed);
        let strings: Vec<_> = (0..random.usize(..20))
            .map(|_| (bytes(random, 40), bytes(random, 200)))
            .collect();
        let changes: Vec<_> = strings
            .iter()
            .map(|(key, value)| change(random, key, value))
            .collect();
        let packed = pack(changes.iter().copied());
        whole(&packed);
        let read = Changes::new(packed.bytes());
        assert_eq!(read.announced(), changes.len() as u64);
        assert!(read.eq(changes.into_iter().map(Ok)));
    }
}

#[test]
fn a_key_too_long_to_pack_stays_too_long_for_any_map() {
    let key = vec![b'k'; 1 << 17];
    let packed = pack([Change::Delete { key: &key }]);
    let read: Vec<_> = Changes::new(packed.bytes()).collect();
    assert_eq!(
        read,
        [Ok(Change::Delete {
            key: &key[..65_535]
        })]
    );
}

#[test]
fn outcomes_and_errors_are_read_as_they_were_packed() {
    let numbers = [0, 1, u64::MAX, 7];
    let packed = pack_outcomes(vec![9; 3], numbers.into_iter());
    whole(&packed);
    let read = Outcomes::read(packed.bytes()).expect("no error");
    assert!(read.take(numbers.len()).eq(numbers));
    for error in [
        Error::InvalidKey(KeyFault::Empty),
        Error::InvalidKey(KeyFault::TooLong(513)),
        Error::InvalidKey(KeyFault::NotUtf8),
        Error::ValueTooLarge(1 << 20),
        Error::InvalidTtl,
        Error::Full,
        Error::Conflict(None),
        Error::Conflict(Some(u64::MAX)),
        Error::NotACounter,
        Error::Overflow,
    ] {
        let packed = pack_error(Vec::new(), 1024, error);
        whole(&packed);
        let read = Outcomes::read(packed.bytes()).map(Iterator::count);
        assert_eq!(read, Err((1024, error)));
    }
}

/// Reads bytes as each of the lists. None of the results may lie outside of them.
fn read_all(bytes: &[u8]) {
    let inside = |part: &[u8]| {
        let (whole, part) = (bytes.as_ptr_range(), part.as_ptr_range());
        whole.start <= part.start && part.end <= whole.end
    };
    let keys = Keys::new(bytes);
    let most = keys.size_hint().1.expect("a bound");
    assert!(most <= bytes.len());
    let keys: Vec<_> = keys.collect();
    assert!(keys.len() <= most && keys.into_iter().all(inside));
    let values = Values::new(bytes);
    let most = values.size_hint().1.expect("a bound");
    let values: Vec<_> = values.collect();
    assert!(values.len() <= most && values.into_iter().flatten().all(inside));
    let changes = Changes::new(bytes);
    let most = changes.size_hint().1.expect("a bound");
    let changes: Vec<_> = changes.collect();
    assert!(changes.len() <= most);
    // Nothing follows a malformed change.
    let bad = changes.iter().position(|change| change.is_err());
    assert!(bad.is_none_or(|at| at + 1 == changes.len()));
    for change in changes.into_iter().flatten() {
        if let Change::Set { key, value, .. } | Change::SetIf { key, value, .. } = change {
            assert!(inside(key) && inside(value));
        }
    }
    if let Ok(outcomes) = Outcomes::read(bytes) {
        assert!(outcomes.count() <= bytes.len() / 8);
    }
}

#[test]
fn any_bytes_are_read_without_a_panic() {
    for seed in 0..ROUNDS {
        let random = &mut Rng::with_seed(seed);
        let mut noise = bytes(random, 300);
        read_all(&noise);
        // Small numbers lead further into the list.
        noise.iter_mut().for_each(|byte| *byte %= 9);
        read_all(&noise);
        for (at, byte) in noise.iter_mut().enumerate() {
            *byte = if at % 8 == 0 { *byte } else { 0 };
        }
        read_all(&noise);
    }
}

#[test]
fn damaged_lists_are_read_without_a_panic() {
    for seed in 0..ROUNDS {
        let random = &mut Rng::with_seed(seed);
        let strings: Vec<_> = (0..8).map(|_| bytes(random, 60)).collect();
        let keys = pack_keys(Vec::new(), strings.iter().map(Vec::as_slice));
        let changes: Vec<_> = strings
            .iter()
            .map(|string| change(random, string, string))
            .collect();
        let changes = pack(changes);
        let mut values = PackedValues::new();
        strings.iter().for_each(|string| values.push(string));
        for packed in [keys, changes, values.finish()] {
            let mut bytes = packed.bytes().to_vec();
            for _ in 0..random.usize(1..5) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            bytes.truncate(random.usize(..=bytes.len()));
            read_all(&bytes);
        }
    }
}

#[test]
fn a_list_that_announces_more_than_it_has_ends_early() {
    for count in [3, 1 << 40, u64::MAX] {
        let mut keys = pack_keys(Vec::new(), [b"a".as_slice(), b"b"].into_iter()).into_words();
        keys.truncate(5);
        keys[0] = count;
        let bytes: Vec<u8> = keys.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert!(Keys::new(&bytes).eq([b"a".as_slice(), b"b"]));
        assert!(Changes::new(&bytes[..8]).eq([Err(Malformed)]));
    }
    assert_eq!(Keys::new(&[]).count(), 0);
    assert_eq!(Values::new(&[]).count(), 0);
    assert_eq!(Changes::new(&[]).count(), 0);
}
