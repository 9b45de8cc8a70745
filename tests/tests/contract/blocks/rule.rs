//! A rule for the writes of an app: a schema that is enforced. It holds for every function that
//! writes, of both interfaces, alone and in a batch.

use super::raw::{Map, Way, is_short, to_bytes, to_key};
use super::{MEMORY, compiled};
use localmap::MapOptions;
use localmap_engine::{Change, Condition, Error, KeyFault, Outcome, Ttl};
use localmap_schema::Schema;
use localmap_tests::vectors::Subject;

const SCHEMA: &[u8] = br#"
    format = 1
    version = 1

    [[prefix]]
    prefix = "t:"
    type = "utf-8"
    max-key = 6
    max-value = 3
    default-ttl = "1s"
    max-ttl = "1m"

    [[prefix]]
    prefix = "c:"
    type = "counter"
    default-ttl = "5s"

    [[prefix]]
    prefix = "b:"
    max-key = 100
"#;

const SECOND: u64 = 1_000_000_000;
const MINUTE: Ttl = Ttl::After(60 * SECOND);
const LONGER: Ttl = Ttl::After(60 * SECOND + 1);

fn map() -> Map {
    let schema = Schema::parse(SCHEMA).expect("a schema");
    let options = MapOptions::new().write_rule(schema);
    Map::with_options(&compiled(Way::Linked), MEMORY, options).expect("a map")
}

const fn set<'a>(key: &'a [u8], value: &'a [u8], ttl: Ttl) -> Change<'a> {
    Change::Set { key, value, ttl }
}

const fn set_if<'a>(key: &'a [u8], value: &'a [u8], ttl: Ttl) -> Change<'a> {
    Change::SetIf {
        key,
        value,
        ttl,
        condition: Condition::Absent,
    }
}

const fn increment(key: &[u8], ttl: Ttl) -> Change<'_> {
    Change::Increment { key, delta: 1, ttl }
}

const fn touch(key: &[u8], ttl: Ttl) -> Change<'_> {
    Change::Touch { key, ttl }
}

const fn too_long(len: u64) -> Error {
    Error::InvalidKey(KeyFault::TooLong(len))
}

const LONG_KEY: &[u8] = &[b'k'; 70];
const LONG_VALUE: &[u8] = &[b'v'; 1000];

/// Writes that do not fit, and what the app receives.
const MISFITS: &[(Change<'_>, Error)] = &[
    (set(b"x", b"", Ttl::Default), too_long(1)),
    (
        set(b"", b"", Ttl::Default),
        Error::InvalidKey(KeyFault::Empty),
    ),
    (set(LONG_KEY, b"", Ttl::Default), too_long(70)),
    (set(b"t:12345", b"", MINUTE), too_long(7)),
    (set(b"t:a", b"1234", MINUTE), Error::ValueTooLarge(3)),
    (set(b"t:a", LONG_VALUE, MINUTE), Error::ValueTooLarge(3)),
    (set(b"t:a", b"1\xff", MINUTE), Error::ValueTooLarge(1)),
    (set(b"t:a", b"1", LONGER), Error::InvalidTtl),
    (set(b"t:a", b"1", Ttl::Never), Error::InvalidTtl),
    (set(b"t:a", b"1", Ttl::After(0)), Error::InvalidTtl),
    (set(b"c:a", b"1", Ttl::Never), Error::NotACounter),
    (set(b"c:a", LONG_VALUE, Ttl::Never), Error::NotACounter),
    (set_if(b"x", b"", Ttl::Default), too_long(1)),
    (set_if(b"t:a", b"1234", MINUTE), Error::ValueTooLarge(3)),
    (set_if(b"t:a", b"1", Ttl::Never), Error::InvalidTtl),
    (set_if(b"c:a", b"1", Ttl::Never), Error::NotACounter),
    (increment(b"x", Ttl::Default), too_long(1)),
    (increment(b"t:a", MINUTE), Error::ValueTooLarge(3)),
    (touch(b"x", Ttl::Default), too_long(1)),
    (touch(b"t:a", LONGER), Error::InvalidTtl),
    (touch(b"t:a", Ttl::Never), Error::InvalidTtl),
];

fn key_of<'a>(change: &Change<'a>) -> &'a [u8] {
    match change {
        Change::Set { key, .. }
        | Change::SetIf { key, .. }
        | Change::Increment { key, .. }
        | Change::Touch { key, .. }
        | Change::Delete { key }
        | Change::DeleteIf { key, .. } => key,
    }
}

/// Makes a change alone, by each interface that can.
fn each_way(map: &mut Map, change: Change<'_>) -> Vec<Result<(), Error>> {
    match change {
        Change::Set { key, value, ttl } => {
            let mut answers = vec![map.set_bytes(key, value, ttl).map(drop)];
            if is_short(key) {
                let blocks = map.set_blocks(to_key(key), &to_bytes(value), ttl);
                answers.push(blocks.map(drop));
            }
            answers
        }
        Change::SetIf {
            key,
            value,
            ttl,
            condition,
        } => vec![map.set_if(key, value, ttl, condition).map(drop)],
        Change::Increment { key, delta, ttl } => vec![map.increment(key, delta, ttl).map(drop)],
        Change::Touch { key, ttl } => vec![map.touch(key, ttl).map(drop)],
        Change::Delete { key } => {
            map.delete(key);
            vec![Ok(())]
        }
        Change::DeleteIf { key, version } => vec![map.delete_if(key, version)],
    }
}

#[test]
fn a_write_that_does_not_fit_is_an_error_of_the_contract() {
    let mut map = map();
    for (change, error) in MISFITS {
        for answer in each_way(&mut map, *change) {
            assert_eq!(answer, Err(*error), "{change:?}");
        }
    }
    assert_eq!(map.len(), 0);
}

#[test]
fn a_batch_with_one_that_does_not_fit_changes_nothing() {
    let mut map = map();
    for (change, error) in MISFITS {
        let batch = [
            set(b"t:b", b"1", MINUTE),
            *change,
            increment(b"c:b", MINUTE),
        ];
        assert_eq!(map.apply(&batch), Err((1, *error)), "{change:?}");
        assert_eq!(map.apply_bytes(&batch), Err((1, *error)), "{change:?}");
    }
    assert_eq!(map.len(), 0);
}

#[test]
fn a_write_without_a_ttl_gets_that_of_its_prefix() {
    let fits = [
        (set(b"t:a", b"1", Ttl::Default), Some(SECOND)),
        (set(b"t:a", "é1".as_bytes(), MINUTE), Some(60 * SECOND)),
        (set_if(b"t:a", b"1", Ttl::Default), Some(SECOND)),
        (increment(b"c:a", Ttl::Default), Some(5 * SECOND)),
        (increment(b"c:a", Ttl::Never), None),
        (set(b"c:a", &[1; 8], Ttl::Default), Some(5 * SECOND)),
        (set(b"b:a", LONG_VALUE, Ttl::Default), None),
        (increment(b"b:a", Ttl::Default), None),
    ];
    let mut map = map();
    for (change, expires_in) in fits {
        let key = key_of(&change);
        for answer in each_way(&mut map, change) {
            assert_eq!(answer, Ok(()), "{change:?}");
            let entry = map.get_entry(key).expect("it is there");
            assert_eq!(entry.expires_in, expires_in, "{change:?}");
        }
        map.delete(key);
        for packed in [true, false] {
            match packed {
                true => map.apply(&[change]).map(drop),
                false => map.apply_bytes(&[change]).map(drop),
            }
            .expect("it fits");
            let entry = map.get_entry(key).expect("it is there");
            assert_eq!(entry.expires_in, expires_in, "{change:?} {packed}");
            map.delete(key);
        }
    }
    // Without a TTL, a touch gives that of the prefix as well.
    map.set(b"t:a", b"1", MINUTE).expect("it fits");
    assert_eq!(map.touch(b"t:a", Ttl::Default), Ok(true));
    let entry = map.get_entry(b"t:a").expect("it is there");
    assert_eq!(entry.expires_in, Some(SECOND));
}

/// The host may have stored an entry that the app could not.
#[test]
fn the_rule_is_for_writes_of_apps_alone() {
    let mut map = map();
    let never = localmap::Ttl::Never;
    map.linked().map().set(b"x", b"1", never).expect("room");
    assert_eq!(map.get(b"x").as_deref(), Some(&b"1"[..]));
    assert_eq!(map.take(b"x").as_deref(), Some(&b"1"[..]));
    let version = map.linked().map().set(b"x", b"1", never).expect("room");
    let delete = Change::DeleteIf { key: b"x", version };
    assert_eq!(map.apply(&[delete]), Ok(vec![Outcome::Deleted(true)]));
    map.linked().map().set(b"x", b"1", never).expect("room");
    assert!(map.delete(b"x"));
}
