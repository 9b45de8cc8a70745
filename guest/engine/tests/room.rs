//! What gives back memory comes before what needs it.

use localmap_engine::*;
#[test]
fn a_batch_that_deletes_makes_room_for_what_it_sets() {
    let limits = Limits {
        max_bytes: 1 << 20,
        ..Limits::default()
    };
    let mut map = Map::new(|| 0, 1, limits);
    map.set(b"a", &vec![b'v'; 600_000], Ttl::Never).unwrap();
    let large = vec![b'w'; 600_000];
    let batch = [
        Change::Delete { key: b"a" },
        Change::Set {
            key: b"c",
            value: &large,
            ttl: Ttl::Never,
        },
    ];
    assert_eq!(
        map.apply(&batch),
        Ok(vec![Outcome::Deleted(true), Outcome::Stored(2)])
    );
}
#[test]
fn an_overwrite_of_another_length_that_fits_only_in_place_of_the_old_one() {
    let limits = Limits {
        max_bytes: 1 << 20,
        ..Limits::default()
    };
    let mut map = Map::new(|| 0, 1, limits);
    map.set(b"a", &vec![b'v'; 600_000], Ttl::Never).unwrap();
    assert_eq!(map.set(b"a", &vec![b'w'; 700_000], Ttl::Never), Ok(2));
    assert!(
        map.get(b"a")
            .is_some_and(|v| v.to_vec() == vec![b'w'; 700_000])
    );
}

#[test]
fn a_batch_in_which_what_is_freed_comes_after_what_needs_it() {
    let limits = Limits {
        max_bytes: 1 << 20,
        ..Limits::default()
    };
    for shrink in [false, true] {
        let mut map = Map::new(|| 0, 1, limits.clone());
        map.set(b"a", &vec![b'v'; 100_000], Ttl::Never).unwrap();
        map.set(b"b", &vec![b'v'; 600_000], Ttl::Never).unwrap();
        let (large, small) = (vec![b'w'; 600_000], vec![b'w'; 100_000]);
        let second = if shrink {
            Change::Set {
                key: b"b",
                value: &small,
                ttl: Ttl::Never,
            }
        } else {
            Change::Delete { key: b"b" }
        };
        let batch = [
            Change::Set {
                key: b"a",
                value: &large,
                ttl: Ttl::Never,
            },
            second,
        ];
        assert!(map.apply(&batch).is_ok());
        assert!(map.get(b"a").is_some_and(|v| v.to_vec() == large));
    }
}
