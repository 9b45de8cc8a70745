//! Packed batches: they have the results of `get-many` and `apply` of `local-map`, and a malformed
//! list never ends the map.

use super::convert::{pack, unpack_outcomes, unpack_values};

use super::raw::{Block, Map, from_blocks, to_blocks};
use super::{MEMORY, WAYS, compiled, maps};
use fastrand::Rng;
use localmap::wasmtime::component::{Component, Linker};
use localmap::wasmtime::{Engine, Store};
use localmap::{Host, LinkedMap, MapOptions};
use localmap_engine::{Change, Condition, Error, KeyFault, MAX_CHANGES, Outcome, Ttl};
use localmap_packed::{Outcomes, pack_keys};
use localmap_tests::vectors::Subject;

fn get(map: &mut Map, keys: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
    let keys = pack_keys(Vec::new(), keys.iter().copied());
    unpack_values(&map.get_packed(&to_blocks(keys.bytes())))
}

fn apply(map: &mut Map, changes: &[Change<'_>]) -> Result<Vec<Outcome>, (u32, Error)> {
    unpack_outcomes(
        changes,
        &map.apply_packed(&to_blocks(pack(changes).bytes())),
    )
}

const fn set<'a>(key: &'a [u8], value: &'a [u8]) -> Change<'a> {
    let ttl = Ttl::Never;
    Change::Set { key, value, ttl }
}

/// Returns a random change. Few keys, versions and lengths of values, so that changes meet.
fn change(random: &mut Rng) -> Change<'static> {
    const KEYS: [&[u8]; 8] = [b"a", b"b", b"c", b"d", b"e", b"", &[b'k'; 64], &[b'k'; 129]];
    const VALUES: [&[u8]; 5] = [b"", &[1; 8], &[2; 8], &[3; 65], &[4; 5000]];
    let key = KEYS[random.usize(..KEYS.len())];
    let value = VALUES[random.usize(..VALUES.len())];
    let ttl = match random.u8(..8) {
        0 => Ttl::After(0),
        1 | 2 => Ttl::After(random.u64(1..50)),
        3 => Ttl::Default,
        _ => Ttl::Never,
    };
    match random.u8(..10) {
        0..4 => Change::Set { key, value, ttl },
        4 => Change::SetIf {
            key,
            value,
            ttl,
            condition: match random.u8(..3) {
                0 => Condition::Absent,
                1 => Condition::Present,
                _ => Condition::Version(random.u64(..200)),
            },
        },
        5 | 6 => Change::Increment {
            key,
            delta: random.i64(-5..5),
            ttl,
        },
        7 => Change::Touch { key, ttl },
        8 => Change::Delete { key },
        _ => Change::DeleteIf {
            key,
            version: random.u64(..200),
        },
    }
}

#[test]
fn random_batches_have_the_results_of_local_map() {
    for way in WAYS {
        let compiled = compiled(way);
        let mut made = 0;
        for seed in 0..20 {
            let random = &mut Rng::with_seed(seed);
            let [mut one, mut other] =
                [(); 2].map(|()| Map::new(&compiled, MEMORY).expect("a map"));
            for now in 0..150 {
                one.set_clock(now);
                other.set_clock(now);
                let changes: Vec<_> = (0..random.usize(..6)).map(|_| change(random)).collect();
                let answer = apply(&mut one, &changes);
                assert_eq!(answer, other.apply_bytes(&changes), "{way:?} {changes:?}");
                made += usize::from(answer.is_ok());
                let keys: Vec<&[u8]> = changes.iter().map(key_of).collect();
                assert_eq!(get(&mut one, &keys), other.get_many_bytes(&keys));
                assert_eq!(one.stats(), other.stats(), "{way:?} {changes:?}");
            }
        }
        assert!(made > 1000, "{made} batches were made");
    }
}

fn key_of<'a>(change: &Change<'a>) -> &'a [u8] {
    match *change {
        Change::Set { key, .. }
        | Change::SetIf { key, .. }
        | Change::Increment { key, .. }
        | Change::Touch { key, .. }
        | Change::Delete { key }
        | Change::DeleteIf { key, .. } => key,
    }
}

#[test]
fn values_of_any_length_arrive_whole() {
    for mut map in maps() {
        let lens = (0..70).chain([511, 512, 700, 1024, 4096, 5000, 70_000]);
        let values: Vec<Vec<u8>> = (1u8..)
            .zip(lens)
            .map(|(byte, len)| vec![byte; len])
            .collect();
        let keys: Vec<_> = (0..values.len()).map(|at| format!("key {at}")).collect();
        let keys: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
        let changes: Vec<_> = keys
            .iter()
            .zip(&values)
            .map(|(key, value)| set(key, value))
            .collect();
        assert!(apply(&mut map, &changes).is_ok());
        let found = get(&mut map, &keys);
        assert!(found.into_iter().flatten().eq(values));
    }
}

#[test]
fn values_of_more_than_a_mebibyte_are_cut_as_in_local_map() {
    for mut map in maps() {
        let value = vec![7; 300 << 10];
        let keys: [&[u8]; 5] = [b"a", b"b", b"c", b"d", b"e"];
        for key in keys {
            map.set_bytes(key, &value, Ttl::Never).expect("room");
        }
        assert_eq!(get(&mut map, &keys).len(), 3);
        assert_eq!(map.get_many_bytes(&keys).len(), 3);
        map.set_bytes(b"large", &vec![8; 1 << 20], Ttl::Never)
            .expect("room");
        assert_eq!(get(&mut map, &[b"large", b"large"]).len(), 1);
    }
}

#[test]
fn a_batch_beyond_its_limits_is_full_at_the_first_change_too_many() {
    for mut map in maps() {
        let all = vec![Change::Delete { key: b"k" }; MAX_CHANGES];
        assert_eq!(apply(&mut map, &all).map(|all| all.len()), Ok(MAX_CHANGES));
        for more in [1, 2, 100] {
            let changes = vec![Change::Delete { key: b"k" }; MAX_CHANGES + more];
            let most = u32::try_from(MAX_CHANGES).expect("a small number");
            let expected = Err((most, Error::Full));
            assert_eq!(apply(&mut map, &changes), expected);
            assert_eq!(map.apply_bytes(&changes), expected);
        }
        let value = vec![0; 600 << 10];
        let changes = [set(b"a", &value), set(b"b", &value), set(b"", b"")];
        assert_eq!(apply(&mut map, &changes), Err((1, Error::Full)));
        assert_eq!(map.apply_bytes(&changes), Err((1, Error::Full)));
        assert_eq!(map.len(), 0);
    }
}

#[test]
fn an_error_has_its_index_and_its_number() {
    for mut map in maps() {
        let version = map.set_bytes(b"there", b"1", Ttl::Never).expect("room");
        let max = map.limits().max_value;
        let (condition, ttl) = (Condition::Absent, Ttl::Never);
        let long = vec![0; (1 << 20) + 1];
        let bad_keys = [
            (Vec::new(), KeyFault::Empty),
            (vec![b'k'; 129], KeyFault::TooLong(129)),
        ];
        for (key, fault) in &bad_keys {
            let changes = [set(b"new", b""), set(key, b"")];
            let expected = Err((1, Error::InvalidKey(*fault)));
            assert_eq!(apply(&mut map, &changes), expected);
        }
        let key = b"there".as_slice();
        for (change, error) in [
            (set(key, &long), Error::ValueTooLarge(max)),
            (
                Change::SetIf {
                    key,
                    value: b"",
                    ttl,
                    condition,
                },
                Error::Conflict(Some(version)),
            ),
            (
                Change::DeleteIf {
                    key: b"absent",
                    version,
                },
                Error::Conflict(None),
            ),
            (Change::Increment { key, delta: 1, ttl }, Error::NotACounter),
            (
                Change::Touch {
                    key,
                    ttl: Ttl::After(0),
                },
                Error::InvalidTtl,
            ),
        ] {
            let changes = [set(b"new", b""), set(b"other", b""), change];
            assert_eq!(apply(&mut map, &changes), Err((2, error)));
        }
        assert_eq!(map.len(), 1);
    }
}

/// Returns the answer of `apply-packed` to bytes of any contents.
fn apply_raw(map: &mut Map, bytes: &[u8]) -> Result<(), (u32, Error)> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(64), 0);
    unpack_outcomes(&[], &map.apply_packed(&to_blocks(&bytes))).map(|_| ())
}

#[test]
fn a_malformed_change_is_refused_with_its_index() {
    for mut map in maps() {
        let too_large = Error::ValueTooLarge(map.limits().max_value);
        let whole = pack(&[set(b"a", b"1"), set(b"b", b"2")]);
        let whole = whole.bytes();
        // The second change begins at byte 48, after a count and a change of 5 words.
        for (at, byte) in [
            (48, 8),
            (48, 255),
            (49, 3),
            (50, 255),
            (51, 255),
            (52, 255),
            (55, 1),
        ] {
            let mut bytes = whole.to_vec();
            bytes[at] = byte;
            assert_eq!(apply_raw(&mut map, &bytes), Err((1, too_large)), "{at}");
        }
        // The batch announces a third change, and ends in its middle.
        let mut bytes = whole.to_vec();
        bytes[0] = 3;
        bytes.truncate(128);
        bytes[88] = 0;
        bytes[92..96].copy_from_slice(&[255; 4]);
        assert_eq!(apply_raw(&mut map, &bytes), Err((2, too_large)));
        assert_eq!(map.len(), 0);
        assert_eq!(apply_raw(&mut map, &[]), Ok(()));
    }
}

#[test]
fn keys_that_are_not_whole_have_no_value() {
    for mut map in maps() {
        map.set_bytes(b"a", b"1", Ttl::Never).expect("room");
        let whole = pack_keys(Vec::new(), [b"a".as_slice(), b"a", b"a"].into_iter());
        for (at, byte, expected) in [(0, 255, 3), (8, 255, 0), (15, 1, 0), (24, 200, 1)] {
            let mut bytes = whole.bytes().to_vec();
            bytes.truncate(64);
            bytes[at] = byte;
            let values = unpack_values(&map.get_packed(&to_blocks(&bytes)));
            // The padding is read as empty keys, which are absent.
            let values: Vec<_> = values.into_iter().flatten().collect();
            assert_eq!(values, vec![b"1"; expected], "{at}");
        }
        assert_eq!(unpack_values(&map.get_packed(&vec![])), []);
    }
}

/// Any bytes get an answer, and the map stays as it was or is changed by a whole batch.
#[test]
fn hostile_lists_never_end_a_map() {
    for mut map in maps() {
        let random = &mut Rng::with_seed(7);
        let mut kept = 0;
        for round in 0..3000u32 {
            let changes: Vec<_> = (0..random.usize(1..6)).map(|_| change(random)).collect();
            let keys: Vec<&[u8]> = changes.iter().map(key_of).collect();
            let (keys, changes) = (pack_keys(Vec::new(), keys.into_iter()), pack(&changes));
            for (at, packed) in [keys, changes].into_iter().enumerate() {
                let mut bytes = packed.bytes().to_vec();
                for _ in 0..random.usize(..4) {
                    let len = bytes.len().min(200);
                    bytes[random.usize(..len)] = match round % 3 {
                        0 => random.u8(..),
                        1 => random.u8(..10),
                        _ => 255,
                    };
                }
                bytes.truncate(random.usize(..=bytes.len() / 64) * 64);
                let blocks: Vec<Block> = to_blocks(&bytes);
                let answer = if at == 0 {
                    map.get_packed(&blocks)
                } else {
                    map.apply_packed(&blocks)
                };
                kept += usize::from(Outcomes::read(&from_blocks(&answer)).is_ok());
            }
        }
        assert!(kept > 0);
        assert!(map.set_bytes(b"alive", b"", Ttl::Never).is_ok());
    }
}

/// An app that was built when `blocks` had only `get` and `set`. It sets a key, and returns `true`
/// if it then finds the value.
const OLD_APP: &str = r#"(component $app
    (import "localmap:core/local-map@0.1.0" (instance $map
        (type $ttl' (variant (case "default") (case "never") (case "after" u64)))
        (export "ttl" (type (eq $ttl')))
        (type $fault' (variant (case "empty") (case "too-long" u64) (case "not-utf8")))
        (export "key-fault" (type $fault (eq $fault')))
        (type $error' (variant (case "invalid-key" $fault) (case "value-too-large" u64)
            (case "invalid-ttl") (case "full") (case "conflict" (option u64))
            (case "not-a-counter") (case "overflow")))
        (export "error" (type (eq $error')))))
    (alias export $map "ttl" (type $ttl))
    (alias export $map "error" (type $error))
    (import "localmap:core/blocks@0.1.0" (instance $blocks
        (alias outer $app $ttl (type $ttl')) (export "ttl" (type $ttl (eq $ttl')))
        (alias outer $app $error (type $error')) (export "error" (type $error (eq $error')))
        (type $block' (tuple u64 u64 u64 u64 u64 u64 u64 u64))
        (export "block" (type $block (eq $block')))
        (type $key' (record (field "length" u32) (field "bytes" $block)))
        (export "key" (type $key (eq $key')))
        (type $bytes' (record (field "length" u32) (field "blocks" (list $block))
            (field "rest" $block)))
        (export "bytes" (type $bytes (eq $bytes')))
        (export "get" (func (param "key" $key) (result (option $bytes))))
        (export "set" (func (param "key" $key) (param "value" $bytes) (param "ttl" $ttl)
            (result (result u64 (error $error)))))))
    (core module $memory
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
        ;; A key of 1 byte, a value of 5, and the TTL `never`.
        (data (i32.const 0) "\01") (data (i32.const 8) "k")
        (data (i32.const 72) "\05") (data (i32.const 88) "value") (data (i32.const 152) "\01"))
    (core instance $memory (instantiate $memory))
    (alias core export $memory "memory" (core memory $mem))
    (alias core export $memory "realloc" (core func $realloc))
    (core func $get (canon lower (func $blocks "get") (memory $mem) (realloc $realloc)))
    (core func $set (canon lower (func $blocks "set") (memory $mem) (realloc $realloc)))
    (core module $main
        (import "blocks" "memory" (memory 1))
        (import "blocks" "get" (func $get (param i32 i64 i64 i64 i64 i64 i64 i64 i64 i32)))
        (import "blocks" "set" (func $set (param i32 i32)))
        (func (export "works") (result i32)
            (i64.store (i32.const 1024) (i64.const -1))
            (call $set (i32.const 0) (i32.const 1024))
            (call $get (i32.const 1) (i64.const 0x6b) (i64.const 0) (i64.const 0) (i64.const 0)
                (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i32.const 2048))
            (i32.and
                (i32.and
                    (i32.eqz (i32.load8_u (i32.const 1024)))
                    (i32.eq (i32.load8_u (i32.const 2048)) (i32.const 1)))
                (i32.and
                    (i32.eq (i32.load (i32.const 2056)) (i32.const 5))
                    (i32.eq (i32.load8_u (i32.const 2072)) (i32.const 118))))))
    (core instance $main (instantiate $main (with "blocks" (instance
        (export "memory" (memory $mem))
        (export "get" (func $get)) (export "set" (func $set))))))
    (func (export "works") (result bool) (canon lift (core func $main "works"))))"#;

/// Returns what the app returns.
fn works<T: 'static>(linker: &Linker<T>, app: &[u8], data: T) -> bool {
    let component = Component::new(linker.engine(), app).expect("it compiles");
    let store = &mut Store::new(linker.engine(), data);
    let instance = linker.instantiate(&mut *store, &component);
    let instance = instance.expect("an instance");
    let works = instance.get_typed_func::<(), (bool,)>(&mut *store, "works");
    works.expect("its type").call(store, ()).expect("it ends").0
}

#[test]
fn an_app_built_before_there_were_packed_batches_works_linked_and_plugged() {
    let app = wat::parse_str(OLD_APP).expect("valid text");
    let engine = Engine::default();
    let mut linker = Linker::<LinkedMap>::new(&engine);
    localmap::add_to_linker(&mut linker, |map| map).expect("the names are free");
    let map = Host::new().expect("a host").map(&MapOptions::new());
    assert!(works(&linker, &app, LinkedMap::new(map.expect("a map"))));

    let plugged = localmap::plug(&app, &localmap::Limits::default()).expect("it fits");
    let mut linker = Linker::<()>::new(&engine);
    let mut clock = linker
        .instance("wasi:clocks/monotonic-clock@0.2.0")
        .expect("a name");
    clock
        .func_wrap("now", |_, (): ()| Ok((1u64,)))
        .expect("a name");
    let mut seed = linker
        .instance("wasi:random/insecure-seed@0.2.0")
        .expect("a name");
    seed.func_wrap("insecure-seed", |_, (): ()| Ok(((1u64, 2u64),)))
        .expect("a name");
    assert!(works(&linker, &plugged, ()));
}
