//! What a copy holds after lists and revisions, compared with a model.

use super::*;
use crate::read::MirrorEntry;
use std::collections::BTreeMap;
use std::sync::LazyLock;

static HOST: LazyLock<Host> = LazyLock::new(|| Host::new().expect("a host"));

/// Keys of at most 8 bytes and values of at most 16.
fn limits() -> Limits {
    Limits::default().max_key(8).max_value(16).utf8_keys(true)
}

fn replica(limits: Limits) -> Replica {
    let options = MirrorOptions::new().limits(limits).max_omitted(50);
    Replica::new(&HOST, &options, 0).expect("a copy")
}

fn put<'a>(key: &'a [u8], value: &'a [u8], revision: u64) -> Event<'a> {
    Event {
        key,
        value: Some(value),
        revision,
    }
}

fn delete(key: &[u8], revision: u64) -> Event<'_> {
    Event {
        key,
        value: None,
        revision,
    }
}

/// The entries of a copy.
fn entries(replica: &mut Replica) -> BTreeMap<Vec<u8>, MirrorEntry> {
    let mut entries = BTreeMap::new();
    let visit = |key: &[u8], entry: EntryRef<'_>| {
        entries.insert(key.to_vec(), entry.to_entry());
        ControlFlow::Continue(())
    };
    replica.visit(visit).expect("alive");
    entries
}

/// The source: all of its keys.
type Model = BTreeMap<Vec<u8>, MirrorEntry>;

/// Checks that a copy holds what fits of a model, and says what it omits.
fn compare(replica: &mut Replica, model: &Model) {
    let limits = replica.limits.clone();
    let fits =
        |key: &[u8], entry: &MirrorEntry| omitted::reason(&limits, key, &entry.value).is_none();
    let mut held = model.clone();
    held.retain(|key, entry| fits(key, entry));
    assert_eq!(entries(replica), held);
    assert_eq!(replica.entries(), held.len() as u64);
    assert_eq!(replica.omitted().len(), model.len() - held.len());
    for (key, entry) in model {
        let reason = omitted::reason(&limits, key, &entry.value);
        assert_eq!(replica.omitted().get(key), reason, "{}", key.escape_ascii());
        let found = replica.get_with(key, |found| found.map(EntryRef::to_entry));
        if reason.is_none() {
            assert_eq!(found.expect("alive").as_ref(), Some(entry));
        }
    }
}

#[test]
fn the_newest_key_is_the_one_that_was_stored_last() {
    let mut copy = replica(limits());
    assert_eq!(copy.newest(), (0, None));
    copy.load(&[put(b"a", b"1", 5), put(b"b", b"2", 3)])
        .expect("room");
    assert_eq!(copy.newest(), (5, Some(&b"a"[..])));
    copy.apply(&[put(b"too long a key", b"3", 6), delete(b"a", 7)], 7)
        .expect("room");
    assert_eq!(copy.newest(), (6, Some(&b"too long a key"[..])));
    copy.apply(&[delete(b"too long a key", 8)], 8)
        .expect("room");
    assert_eq!(copy.newest(), (6, None));
    copy.apply(&[put(b"c", b"", 9), put(b"d", b"", 9)], 9)
        .expect("room");
    assert_eq!(copy.newest(), (9, Some(&b"d"[..])));
}

/// A change that owns its key and its value.
struct Change {
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    revision: u64,
}

impl Change {
    fn random(random: &mut fastrand::Rng, revision: u64) -> Self {
        const KEYS: [&[u8]; 12] = [
            b"",
            b"a",
            b"b",
            b"c",
            b"d",
            b"12345678",
            b"123456789",
            b"\xff",
            b"a\xff",
            b"\0",
            b"\xc3\xa4",
            b"a key that is far too long",
        ];
        let key = random.choice(KEYS).unwrap_or_default().to_vec();
        let len = random.choice([0, 1, 8, 16, 17, 4_000]).unwrap_or_default();
        Self {
            key,
            value: (random.u8(..3) > 0).then(|| vec![random.u8(..); len]),
            revision,
        }
    }

    fn event(&self) -> Event<'_> {
        Event {
            key: &self.key,
            value: self.value.as_deref(),
            revision: self.revision,
        }
    }

    fn apply(&self, model: &mut Model) {
        match &self.value {
            None => model.remove(&self.key),
            Some(value) => {
                let entry = MirrorEntry {
                    value: value.clone(),
                    mod_revision: self.revision,
                };
                model.insert(self.key.clone(), entry)
            }
        };
    }
}

#[test]
fn random_revisions_leave_what_the_source_has() {
    for seed in 0..8 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut copy = replica(limits());
        let mut model = Model::new();
        let mut revision = 0;
        for _ in 0..150 {
            // Several revisions at a time, in which keys change more than once.
            let changes: Vec<Change> = (0..random.usize(1..40))
                .map(|_| {
                    revision += u64::from(random.bool());
                    Change::random(&mut random, revision)
                })
                .collect();
            let events: Vec<Event<'_>> = changes.iter().map(Change::event).collect();
            copy.apply(&events, revision).expect("room");
            changes.iter().for_each(|change| change.apply(&mut model));
            compare(&mut copy, &model);
            assert_eq!(copy.revision(), revision);
        }
        // A list of the same source is the same copy.
        let listed: Vec<Event<'_>> = model
            .iter()
            .map(|(key, entry)| put(key, &entry.value, entry.mod_revision))
            .collect();
        let mut list = replica(limits());
        list.load(&listed).expect("room");
        compare(&mut list, &model);
    }
}

#[test]
fn a_revision_of_many_changes_is_written_in_batches() {
    let mut copy = replica(Limits::default().max_entries(10_000).max_value(4_096));
    let keys: Vec<String> = (0..3_000).map(|number| format!("key-{number}")).collect();
    let value = vec![7; 2_000];
    let events: Vec<_> = keys
        .iter()
        .map(|key| put(key.as_bytes(), &value, 9))
        .collect();
    copy.apply(&events, 9).expect("room");
    assert_eq!(copy.entries(), 3_000);
    let events: Vec<_> = keys.iter().map(|key| delete(key.as_bytes(), 10)).collect();
    copy.apply(&events, 10).expect("room");
    assert_eq!(copy.entries(), 0);
}

#[test]
fn a_map_that_is_full_does_not_fit() {
    let mut copy = replica(Limits::default().max_entries(2));
    copy.apply(&[put(b"a", b"1", 1), put(b"b", b"2", 2)], 2)
        .expect("room");
    let error = copy.apply(&[put(b"c", b"3", 3)], 3).expect_err("full");
    assert!(
        matches!(
            error,
            Unfit::Full {
                entries: 2,
                max_entries: 2,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn only_the_result_of_a_revision_has_to_fit() {
    let mut copy = replica(Limits::default().max_entries(2));
    copy.apply(&[put(b"a", b"1", 1), put(b"b", b"2", 2)], 2)
        .expect("room");
    // More keys than fit, before others are deleted.
    let events = [
        put(b"c", b"3", 3),
        put(b"d", b"4", 3),
        delete(b"a", 3),
        delete(b"b", 3),
    ];
    copy.apply(&events, 3).expect("room");
    assert_eq!(
        entries(&mut copy).into_keys().collect::<Vec<_>>(),
        [b"c", b"d"]
    );
    // A key that is stored and deleted again needs none.
    let events = [put(b"e", b"5", 4), delete(b"e", 5), put(b"c", b"6", 6)];
    copy.apply(&events, 6).expect("room");
    assert_eq!(copy.entries(), 2);
    let value = copy.get_with(b"c", |entry| entry.map(|entry| entry.value.to_vec()));
    assert_eq!(value.expect("alive").as_deref(), Some(&b"6"[..]));
}

#[test]
fn too_many_omitted_keys_do_not_fit() {
    let mut copy = replica(limits());
    let keys: Vec<String> = (0..51)
        .map(|number| format!("a-long-key-{number}"))
        .collect();
    let events: Vec<_> = keys.iter().map(|key| put(key.as_bytes(), b"", 1)).collect();
    copy.load(&events[..50]).expect("room");
    let error = copy.load(&events[50..]).expect_err("too many");
    assert!(
        matches!(error, Unfit::TooManyOmitted { max: 50 }),
        "{error}"
    );
    // The same ones again are no more.
    copy.load(&events[..50]).expect("room");
}

#[test]
fn the_bytes_of_omitted_keys_are_limited() {
    let mut copy = replica(Limits::default());
    let key = vec![b'k'; 3 << 20];
    copy.load(&[put(&key, b"", 1)]).expect("room");
    let other = vec![b'o'; 3 << 20];
    copy.load(&[put(&other, b"", 1)]).expect_err("too many");
    copy.apply(&[delete(&key, 2)], 2).expect("room");
    copy.load(&[put(&other, b"", 3)]).expect("room");
}
