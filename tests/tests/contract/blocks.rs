//! `localmap:core/blocks`: it shares the map with `local-map`, and it checks arguments that no
//! client sends. Both hold for the map component and for the linker of an app's host.

mod convert;
mod packed;
pub(crate) mod raw;
mod rule;

use localmap_engine::{Error, KeyFault, Ttl};
use localmap_tests::vectors::{self, Subject};
use raw::{Bytes, Compiled, Key, Map, Way, from_bytes, to_block, to_bytes, to_key};

/// More memory than a map with default limits needs.
const MEMORY: usize = 64 << 20;

const WAYS: [Way; 2] = [Way::Straight, Way::Linked];

/// Returns a map for each way.
fn maps() -> impl Iterator<Item = Map> {
    WAYS.into_iter()
        .map(|way| Map::new(&compiled(way), MEMORY).expect("a map"))
}

fn compiled(way: Way) -> Compiled {
    Compiled::new(way).expect("it compiles")
}

#[test]
fn vectors() {
    WAYS.into_iter().for_each(vectors_by);
}

fn vectors_by(way: Way) {
    let compiled = compiled(way);
    let mut faults = String::new();
    for (file, script) in vectors::host_files().expect("the folder of the vectors") {
        let new = || Map::new(&compiled, MEMORY).expect("a map");
        match vectors::run(&file, &script, new) {
            Ok(compared) => assert!(compared > 0, "{file} compares nothing"),
            Err(fault) => faults += &fault,
        }
    }
    assert!(faults.is_empty(), "{way:?}: {faults}");
}

/// Returns lengths around the sizes of words, blocks, slots of the map, and pieces of values.
fn lengths() -> impl Iterator<Item = usize> {
    let around = [512, 700, 1024, 2048, 4096, 8192, 65_536, 300_000];
    let around = around.into_iter().flat_map(|len| len - 9..len + 9);
    (0..200).chain(around).chain([1 << 20])
}

fn value(len: usize) -> Vec<u8> {
    (1..=255).step_by(7).cycle().take(len).collect()
}

#[test]
fn what_one_interface_stores_the_other_reads() {
    maps().for_each(what_one_interface_stores_the_other_reads_in);
}

fn what_one_interface_stores_the_other_reads_in(mut map: Map) {
    for len in lengths() {
        let value = value(len);
        let version = map.set_blocks(to_key(b"k"), &to_bytes(&value), Ttl::Never);
        let version = version.expect("room");
        assert!(map.get_bytes(b"k").as_ref() == Some(&value), "{len}");
        assert_eq!(map.set_bytes(b"k", &value, Ttl::Never), Ok(version + 1));
        let found = map.get_blocks(to_key(b"k")).expect("it is there");
        assert!(from_bytes(&found) == value, "{len}");
    }
    for len in 1..=64 {
        let key = &value(len)[..];
        map.set_blocks(to_key(key), &to_bytes(key), Ttl::Never)
            .expect("room");
        assert_eq!(map.get_bytes(key).as_deref(), Some(key));
        map.delete(key);
        assert!(map.get_blocks(to_key(key)).is_none());
    }
}

#[test]
fn padding_after_the_bytes_is_ignored() {
    maps().for_each(what_is_behind_the_bytes_is_not_looked_at_in);
}

fn what_is_behind_the_bytes_is_not_looked_at_in(mut map: Map) {
    for len in 1..=130 {
        let value = value(len);
        let mut bytes = to_bytes(&value);
        let used = (len - 1) % 64 + 1;
        let mut rest = [0xee; 64];
        rest[..used].copy_from_slice(&value[len - used..]);
        bytes.rest = to_block(&rest);
        let mut key = [0xdd; 64];
        key[0] = b'k';
        let key = Key {
            length: 1,
            bytes: to_block(&key),
        };
        map.set_blocks(key, &bytes, Ttl::Never).expect("room");
        assert_eq!(map.get_bytes(b"k"), Some(value));
        assert!(map.get_blocks(key).is_some());
    }
}

#[test]
fn a_key_longer_than_its_block_is_absent_and_refused() {
    maps().for_each(a_key_longer_than_its_block_is_absent_and_refused_in);
}

fn a_key_longer_than_its_block_is_absent_and_refused_in(mut map: Map) {
    for length in [65, 128, 129, u32::MAX] {
        let key = Key {
            length,
            bytes: to_block(&[b'k'; 64]),
        };
        assert!(map.get_blocks(key).is_none());
        assert_eq!(
            map.set_blocks(key, &to_bytes(b"v"), Ttl::Never),
            Err(Error::InvalidKey(KeyFault::TooLong(length.into())))
        );
    }
    assert_eq!(map.len(), 0);
}

#[test]
fn a_length_that_is_not_that_of_the_blocks_is_refused() {
    maps().for_each(a_length_that_is_not_that_of_the_blocks_is_refused_in);
}

fn a_length_that_is_not_that_of_the_blocks_is_refused_in(mut map: Map) {
    let limits = map.limits();
    let block = to_block(&[7; 64]);
    for (length, blocks) in [
        (0, 1),
        (1, 1),
        (64, 1),
        (65, 0),
        (129, 1),
        (128, 2),
        (1000, 5),
        (1 << 20, 0),
        (u32::MAX, 0),
        (u32::MAX, 3),
        (u32::MAX - 63, 1000),
        (3, 16_384),
    ] {
        let value = Bytes {
            length,
            blocks: vec![block; blocks],
            rest: block,
        };
        assert_eq!(
            map.set_blocks(to_key(b"k"), &value, Ttl::Never),
            Err(Error::ValueTooLarge(limits.max_value)),
            "{length} {blocks}"
        );
    }
    assert_eq!(map.len(), 0);
    // Complete values that are too large for the map.
    for over in [1, 63, 64, 65] {
        let value = to_bytes(&value((1 << 20) + over));
        assert_eq!(
            map.set_blocks(to_key(b"k"), &value, Ttl::Never),
            Err(Error::ValueTooLarge(limits.max_value))
        );
    }
    // Errors are checked in the same order as in `local-map`.
    let long = to_bytes(&[7; (1 << 20) + 1]);
    assert_eq!(
        map.set_blocks(to_key(b""), &long, Ttl::After(0)),
        map.set_bytes(b"", &[7; (1 << 20) + 1], Ttl::After(0))
    );
    assert_eq!(
        map.set_blocks(to_key(b"k"), &long, Ttl::After(0)),
        Err(Error::InvalidTtl)
    );
}

/// There is room for parameters even if the store refuses more memory, and values in several
/// pieces are reassembled.
#[test]
fn memory_that_the_store_refuses_is_full_and_the_map_goes_on() {
    WAYS.into_iter().for_each(memory_is_full_by);
}

fn memory_is_full_by(way: Way) {
    let compiled = compiled(way);
    for size in [1, 100, 10_000, 300_000] {
        let mut map = Map::new(&compiled, 4 << 20).expect("a map");
        let value = value(size);
        let mut stored = 0u32;
        let error = loop {
            match map.set(&stored.to_be_bytes(), &value, Ttl::Never) {
                Ok(_) => stored += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error, Error::Full, "{size}");
        assert!(stored as usize * (size + 100) > 1 << 20, "{size}: {stored}");
        assert!(map.memory() <= 4 << 20);
        // Small values use the remaining room.
        let mut more = (0..).map(|n: u32| map.set(&n.to_le_bytes()[..3], b"", Ttl::Never));
        assert_eq!(more.find_map(Result::err), Some(Error::Full), "{size}");
        // A key in another table may still have room for a small value.
        for len in [1, 200, 20_000, 400_000, 1 << 20] {
            let answer = map.set(b"new", &vec![8; len], Ttl::Never);
            let full = answer == Err(Error::Full);
            assert!(full || answer.is_ok() && len < 300_000, "{size} {len}");
        }
        for key in 0..stored {
            assert!(
                map.get(&key.to_be_bytes()).as_ref() == Some(&value),
                "{size}"
            );
        }
    }
}
