//! Conversations between sessions and a model of a mirror, about a model of a map.

mod model;
mod talk;

use super::*;
use localmap_sidecar_proto::Entry;
use localmap_sidecar_proto::mirror_request::{Ack, Held as HeldPart, HeldEntry};
use model::{EPOCH, Map, Mirror, Random};
use std::collections::BTreeSet;
use talk::{TIMEOUT, Talk};

/// Returns the only response.
fn only(mut responses: Vec<MirrorResponse>) -> MirrorResponse {
    assert_eq!(responses.len(), 1, "{responses:?}");
    responses.remove(0)
}

fn keys(entries: &[Entry]) -> BTreeSet<&[u8]> {
    entries.iter().map(|entry| &entry.key[..]).collect()
}

#[test]
fn a_new_mirror_gets_everything_and_then_what_changes() {
    let mut map = Map::new(1 << 20);
    map.set("a", "1", None);
    let mut talk = Talk::open(Mirror::default(), false, &map);
    let all = only(talk.follow(&mut map));
    assert!(all.reset && !all.more && (all.nonce, all.epoch) == (1, EPOCH));
    assert_eq!(all.revision, map.journal().revision());
    map.set("b", "2", Some(5));
    map.touch("a", Some(9));
    let later = only(talk.follow(&mut map));
    assert!(!later.reset && keys(&later.entries) == BTreeSet::from([&b"b"[..]]));
    assert_eq!(later.refreshed[0].key, "a");
    map.advance(5);
    assert_eq!(only(talk.follow(&mut map)).removed, ["b"]);
    assert!(talk.follow(&mut map).is_empty());
}

#[test]
fn an_empty_map_is_told_once() {
    let mut map = Map::new(1 << 20);
    let mut talk = Talk::open(Mirror::default(), true, &map);
    let all = only(talk.follow(&mut map));
    assert!(all.reset && !all.more && all.entries.is_empty());
}

#[test]
fn one_response_is_under_way() {
    let mut map = Map::new(1 << 20);
    let mut talk = Talk::open(Mirror::default(), false, &map);
    talk.next(&mut map).expect("a response");
    map.set("a", "1", None);
    assert_eq!(talk.next(&mut map), None);
    let wrong = talk.receive(Kind::Ack(Ack { nonce: 2 }));
    let fault = wrong.expect_err("another nonce");
    assert_eq!(
        fault.to_string(),
        "nonce 2 came, and the response under way has nonce 1"
    );
    let mut talk = Talk::open(Mirror::default(), false, &map);
    assert!(talk.next(&mut map).is_some());
    talk.ack();
    let again = talk.receive(Kind::Ack(Ack { nonce: 1 }));
    assert!(matches!(again, Err(Fault::Nonce { expected: None, .. })));
}

#[test]
fn requests_out_of_order_are_faults() {
    let map = Map::new(1 << 20);
    let mut talk = Talk::open(Mirror::default(), true, &map);
    let empty = talk.session.receive(None, talk.now);
    assert_eq!(empty, Err(Fault::Empty));
    let open = talk.receive(Kind::Open(Open::default()));
    assert_eq!(open, Err(Fault::OpenTwice));
    let held = talk.receive(Kind::Held(HeldPart::default()));
    assert_eq!(held, Err(Fault::NotCompared));
    let nack = talk.receive(Kind::Nack(Nack::default()));
    assert!(matches!(nack, Err(Fault::Nonce { .. })));
}

#[test]
fn a_resumption_by_revision_sends_only_what_has_changed() {
    let mut map = Map::new(1 << 20);
    for key in ["a", "b", "c"] {
        map.set(key, "1", None);
    }
    let mut talk = Talk::open(Mirror::default(), false, &map);
    talk.follow(&mut map);
    map.set("b", "2", None);
    map.touch("a", Some(7));
    map.delete("c");
    let mut talk = talk.reopen(false, &map);
    let changes = only(talk.follow(&mut map));
    assert!(!changes.reset);
    assert_eq!(keys(&changes.entries), BTreeSet::from([&b"b"[..]]));
    assert_eq!((changes.refreshed.len(), changes.removed.len()), (1, 1));
    // Nothing has changed, and the mirror is told so.
    let mut talk = talk.reopen(false, &map);
    let none = only(talk.follow(&mut map));
    assert!(!none.more && none.entries.is_empty() && none.revision == talk.mirror.revision);
}

#[test]
fn a_comparison_sends_only_what_differs() {
    let mut map = Map::new(1 << 20);
    for key in 0..50 {
        map.set(&format!("k{key}"), "1", (key % 2 == 0).then_some(1_000));
    }
    let mut talk = Talk::open(Mirror::default(), true, &map);
    talk.follow(&mut map);
    map.set("k7", "2", None);
    map.touch("k9", Some(500));
    map.delete("k11");
    map.lose();
    let mut talk = talk.reopen(true, &map);
    let responses = talk.follow(&mut map);
    assert!(responses[0].compare && responses[0].nonce == 0);
    let sent = || responses.iter().skip(1);
    assert_eq!(sent().map(|part| part.entries.len()).sum::<usize>(), 1);
    assert_eq!(sent().map(|part| part.removed.len()).sum::<usize>(), 1);
    // Those with a deadline on either side.
    assert_eq!(sent().map(|part| part.refreshed.len()).sum::<usize>(), 26);
    assert!(!sent().any(|part| part.reset));
}

/// A page of a scan for which there was no room is read again, and compared again.
#[test]
fn a_comparison_in_parts_sends_only_what_differs() {
    let mut map = Map::new(1 << 20);
    for key in 0..22 {
        map.set(&format!("k{key}"), "1", None);
    }
    let mut talk = Talk::open(Mirror::default(), true, &map);
    talk.follow(&mut map);
    // A page with two of them does not fit after one with one.
    let large = [0, 3, 4];
    for key in large {
        map.set(&format!("k{key}"), &"v".repeat(400_000), None);
    }
    map.lose();
    map.page = 3;
    let mut talk = talk.reopen(true, &map);
    let responses = talk.follow(&mut map);
    assert_eq!(
        responses
            .iter()
            .map(|part| part.entries.len())
            .sum::<usize>(),
        3
    );
    assert!(responses.iter().all(|part| part.refreshed.is_empty()));
}

#[test]
fn a_mirror_that_cannot_compare_begins_again() {
    let mut map = Map::new(1 << 20);
    map.set("a", "1", None);
    let mut talk = Talk::open(Mirror::default(), false, &map);
    talk.follow(&mut map);
    map.lose();
    assert!(only(talk.follow(&mut map)).reset);
    talk.mirror.epoch += 1;
    let mut talk = talk.reopen(true, &map);
    assert!(only(talk.follow(&mut map)).reset);
    talk.mirror.revision += 1;
    let mut talk = talk.reopen(false, &map);
    assert!(only(talk.follow(&mut map)).reset);
}

#[test]
fn a_list_that_is_too_long_leads_to_a_reset() {
    let mut map = Map::new(1 << 20);
    map.set("a", "1", None);
    let mut mirror = Mirror::default();
    mirror.epoch = EPOCH;
    let mut talk = Talk::open(mirror, true, &map);
    assert!(talk.next(&mut map).expect("a response").compare);
    let long = || HeldPart {
        entries: (0..2_000_u32)
            .map(|key| HeldEntry {
                key: [&key.to_le_bytes()[..], &[0; 508]].concat().into(),
                ..HeldEntry::default()
            })
            .collect(),
        last: false,
    };
    while talk.next(&mut map).is_none() {
        talk.receive(Kind::Held(long())).expect("a part");
    }
    // The rest of the list comes while the reset is under way.
    talk.receive(Kind::Held(long())).expect("a part");
    let last = HeldPart {
        last: true,
        ..HeldPart::default()
    };
    talk.receive(Kind::Held(last.clone())).expect("the last");
    assert_eq!(talk.receive(Kind::Held(last)), Err(Fault::NotCompared));
    talk.ack();
}

#[test]
fn a_refused_version_is_not_sent_again() {
    let mut map = Map::new(1 << 20);
    map.set("a", "1", None);
    map.set("b", "1", None);
    let mut talk = Talk::open(Mirror::default(), false, &map);
    talk.next(&mut map).expect("a response");
    let nack = |nonce, keys: &[&'static str]| {
        let keys = keys.iter().map(|key| Bytes::from(*key)).collect();
        Kind::Nack(Nack {
            nonce,
            keys,
            message: "why".to_owned(),
            resync: false,
        })
    };
    let refused = talk.receive(nack(1, &["a", "a", "x"])).expect("a NACK");
    let refused = refused.expect("entries");
    assert_eq!((refused.entries, &refused.message[..]), (1, "why"));
    map.touch("a", Some(5));
    assert_eq!(talk.next(&mut map), None);
    map.set("a", "2", None);
    let changed = talk.next(&mut map).expect("a response");
    assert_eq!(changed.entries[0].value, "2");
    // All of it.
    let refused = talk.receive(nack(2, &[])).expect("a NACK");
    assert_eq!(refused.expect("entries").entries, 1);
    map.touch("a", None);
    map.touch("b", Some(5));
    let touched = talk.next(&mut map).expect("a response");
    assert_eq!(
        (touched.refreshed.len(), &touched.refreshed[0].key[..]),
        (1, &b"b"[..])
    );
}

#[test]
fn a_resync_sends_everything_and_the_second_waits() {
    let mut map = Map::new(1 << 20);
    map.set("a", "1", None);
    let mut talk = Talk::open(Mirror::default(), true, &map);
    for wait in [0, 1, 2, 4] {
        assert!(talk.next(&mut map).is_some_and(|all| all.reset));
        let nonce = talk.session.nonce;
        let resync = Nack {
            nonce,
            resync: true,
            ..Nack::default()
        };
        talk.receive(Kind::Nack(resync)).expect("a NACK");
        let wait = Duration::from_secs(wait);
        assert_eq!(talk.session.wakes_at(), Some(talk.now + wait));
        if !wait.is_zero() {
            assert_eq!(talk.next(&mut map), None);
        }
        talk.now += wait;
    }
}

#[test]
fn a_mirror_that_does_not_answer_is_given_up() {
    let mut map = Map::new(1 << 20);
    let mut talk = Talk::open(Mirror::default(), false, &map);
    talk.next(&mut map).expect("a response");
    assert_eq!(talk.session.wakes_at(), Some(talk.now + TIMEOUT));
    let soon = talk.now + TIMEOUT - Duration::from_nanos(1);
    assert_eq!(talk.session.check(soon), Ok(()));
    let fault = talk.session.check(talk.now + TIMEOUT).expect_err("late");
    assert_eq!(fault.to_string(), "no ACK of nonce 1 within 60s");
    talk.ack();
    assert_eq!(talk.session.check(talk.now + TIMEOUT), Ok(()));
    let mut mirror = Mirror::default();
    mirror.epoch = EPOCH;
    let mut talk = Talk::open(mirror, true, &map);
    talk.next(&mut map).expect("a question");
    let fault = talk.session.check(talk.now + TIMEOUT).expect_err("late");
    assert_eq!(fault, Fault::NoHeld { timeout: TIMEOUT });
}

/// A value that the mirror does not hold is not replaced by its TTL, even if the journal was sent in
/// parts.
#[test]
fn a_touch_between_two_parts_comes_with_the_value() {
    let mut map = Map::new(1 << 20);
    let mut talk = Talk::open(Mirror::default(), false, &map);
    talk.follow(&mut map);
    let large = "v".repeat(700_000);
    map.set("a", &large, None);
    map.set("b", &large, None);
    map.set("c", &large, None);
    map.touch("c", Some(50));
    let first = talk.next(&mut map).expect("a response");
    assert!(first.more && first.entries.len() == 1);
    talk.mirror.apply(&first, &map);
    // The stream is cut here, and goes on from the revision of a part.
    let mut talk = talk.reopen(false, &map);
    let rest = talk.follow(&mut map);
    assert_eq!(rest.iter().flat_map(|part| &part.entries).count(), 2);
}

/// What acceptance asks of a mirror, with a model for the map: thousands of random operations with
/// expiries, lost changes and `clear`, a tiny journal, streams that are cut, refusals and resyncs. The
/// mirror equals the map at each response without `more`.
#[test]
fn a_mirror_equals_the_map_whatever_happens() {
    for seed in 1..=100 {
        let mut random = Random(seed);
        let journal = [600, 3_000, 1 << 20][random.below(3)];
        let mut map = Map::new(journal);
        map.page = 1 + random.below(6);
        let mut talk = Talk::open(Mirror::default(), random.one_in(2), &map);
        for _ in 0..400 {
            for _ in 0..random.below(6) {
                map.change(&mut random);
            }
            match random.below(40) {
                0 => talk = talk.reopen(random.one_in(2), &map),
                1 => map.lose(),
                2 => map.clear(),
                _ => {}
            }
            talk.now += Duration::from_secs(1);
            let Ok(step) = talk.session.step(&mut map, talk.now);
            let Step::Send(response) = step else { continue };
            if response.compare {
                talk.compare();
            } else if random.one_in(12) {
                let (keys, nack) = talk.mirror.refuse(&response, &mut random);
                talk.mirror.apply_but(&response, &keys, &map);
                talk.receive(Kind::Nack(nack)).expect("a NACK");
            } else {
                talk.mirror.apply(&response, &map);
                // Sometimes it is cut before the ACK.
                if random.one_in(30) {
                    talk = talk.reopen(random.one_in(2), &map);
                } else {
                    talk.ack();
                }
            }
        }
        talk.now += Duration::from_secs(60);
        talk.follow(&mut map);
    }
}
