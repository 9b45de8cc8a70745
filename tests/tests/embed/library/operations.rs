//! Operations on many keys, and arguments of any size.

use super::map;
use localmap::{
    ApplyError, Change, ChangeError, Condition, KeyFault, MapOptions, Outcome, SetError, Ttl,
};
use std::ops::ControlFlow;

#[test]
fn get_many_calls_the_map_until_it_has_all_values() {
    let mut map = map(&MapOptions::new());
    let value = vec![7; 700_000];
    for key in [b"a", b"b", b"c"] {
        map.set(key, &value, Ttl::Never).expect("room");
    }
    let long = [0; 500];
    let mut keys = vec![&b"a"[..], b"b", b"", &long, b"c", b"x"];
    keys.extend(std::iter::repeat_n(&b"y"[..], 1000));
    let values = map.get_many(&keys).expect("alive");
    assert_eq!(values.len(), keys.len());
    let there: Vec<bool> = values.iter().take(6).map(Option::is_some).collect();
    assert_eq!(there, [true, true, false, false, true, false]);
    assert_eq!(
        map.get_many(&[]).expect("alive"),
        Vec::<Option<Vec<u8>>>::new()
    );
}

#[test]
fn a_visit_passes_each_entry_once_until_it_breaks() {
    let mut map = map(&MapOptions::new());
    for number in 0..1000u32 {
        let key = [b"a:", &number.to_be_bytes()[..]].concat();
        map.set(&key, &number.to_le_bytes(), Ttl::Never)
            .expect("room");
    }
    map.set(b"b", b"", Ttl::Never).expect("room");
    let mut found = Vec::new();
    let visited = map.visit(b"a:", |scanned| {
        assert!(scanned.key.starts_with(b"a:"));
        found.push(scanned.entry.value);
        ControlFlow::Continue(())
    });
    visited.expect("alive");
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 1000);
    let mut visits = 0;
    let visited = map.visit(b"", |_| {
        visits += 1;
        if visits == 300 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    visited.expect("alive");
    assert_eq!(visits, 300);
}

/// Arguments over their limits would fill the memory of the map before it could refuse them, so
/// the library refuses them first.
#[test]
fn arguments_of_any_size_do_no_harm() {
    let mut map = map(&MapOptions::new().max_memory(4 << 20));
    let huge = vec![b'x'; 64 << 20];
    assert_eq!(map.get(&huge).expect("alive"), None);
    assert!(!map.delete(&huge).expect("alive"));
    assert_eq!(map.scan(&huge, 0, 10).expect("alive").next, None);
    let refused = map.set(&huge, b"", Ttl::Never);
    assert!(matches!(
        refused,
        Err(SetError::InvalidKey { fault: KeyFault::TooLong { len }, .. }) if len == 64 << 20
    ));
    let refused = map.set(b"k", &huge, Ttl::Never);
    assert!(
        matches!(refused, Err(SetError::ValueTooLarge { len, max, .. }) if (len, max) == (64 << 20, 1 << 20))
    );
    let change = |value| Change::Set {
        key: b"k",
        value,
        ttl: Ttl::Never,
    };
    // A batch is checked as a whole first.
    for (batch, at) in [
        (vec![change(&huge)], 0),
        (vec![change(&[0; 600_000]); 3], 1),
        (vec![change(&[]); 1025], 1024),
        (vec![Change::Delete { key: &huge }], 0),
    ] {
        let refused = map.apply(&batch).expect_err("too large");
        let ApplyError::Refused { index, source, .. } = refused else {
            panic!("{refused}");
        };
        assert_eq!(index, at);
        assert!(matches!(source, ChangeError::Full), "{source}");
    }
    assert!(map.pin(&huge).expect("alive").is_none());
    assert_eq!(map.len().expect("alive"), 0);
}

#[test]
fn apply_reports_the_refused_change_and_the_reason() {
    let mut map = map(&MapOptions::new());
    let set = |key, condition| Change::SetIf {
        key,
        value: b"v",
        ttl: Ttl::Never,
        condition,
    };
    let outcomes = map
        .apply(&[
            set(b"a", Condition::Absent),
            set(b"a", Condition::Version(1)),
            Change::Touch {
                key: b"b",
                ttl: Ttl::Never,
            },
            Change::DeleteIf {
                key: b"a",
                version: 2,
            },
        ])
        .expect("it holds");
    assert_eq!(
        outcomes,
        [
            Outcome::Stored(1),
            Outcome::Stored(2),
            Outcome::Touched(false),
            Outcome::Deleted(true),
        ]
    );
    let refused = map
        .apply(&[
            set(b"a", Condition::Absent),
            set(b"a", Condition::Absent),
            set(b"", Condition::Absent),
        ])
        .expect_err("it is there");
    let ApplyError::Refused { index, source, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!(index, 1);
    assert!(matches!(
        source,
        ChangeError::Conflict {
            current: Some(3),
            ..
        }
    ));
    assert!(map.is_empty().expect("alive"));
    assert_eq!(map.apply(&[]).expect("nothing to refuse"), []);
}
