//! The map against a real Redis: the same random streams of operations, and the same
//! answers. What differs by design is named in `docs/differences-from-redis.md` and shown
//! here.
//!
//! Redis has no clock that a test could set, so time is counted in whole hours: a run
//! takes less than half of one, and what is left of a TTL, rounded, is exact. That
//! hours pass is told to Redis by bringing its deadlines nearer.

#![cfg(unix)]

mod map;
mod operation;
mod server;

use localmap::{
    Condition, Host, IncrementError, KeyFault, LocalMap, ManualClock, MapOptions, SetError,
    SetIfError, TouchError, Ttl,
};
use std::time::Duration;

use map::Map;
use operation::{KEYS, Operation, Side, key};
use server::Redis;

/// Operations of one stream, and how many streams there are.
const LENGTH: usize = 4_000;
const STREAMS: u64 = 6;

#[test]
fn the_same_streams_have_the_same_answers() {
    let Some(mut redis) = Redis::start() else {
        eprintln!("skipped: there is no redis-server here");
        return;
    };
    let host = Host::new().expect("a host");
    for seed in 0..STREAMS {
        redis.clear();
        let mut map = Map::new(&host);
        let mut random = fastrand::Rng::with_seed(seed);
        let mut done: Vec<Operation> = Vec::new();
        for at in 0..LENGTH {
            let operation = Operation::random(&mut random);
            done.push(operation.clone());
            let last = &done[at.saturating_sub(20)..];
            let (ours, theirs) = (map.perform(&operation), redis.perform(&operation));
            assert_eq!(ours, theirs, "stream {seed}, the last of {last:#?}");
            // What it has left behind, at its key and from time to time everywhere.
            let all = if at % 50 == 0 { 0..KEYS } else { 0..0 };
            for number in operation.key().into_iter().chain(all) {
                let (ours, theirs) = (map.state(number), redis.state(number));
                let key = key(number);
                assert_eq!(ours, theirs, "{key:?}, stream {seed}, after {last:#?}");
            }
        }
    }
    println!("{} operations compared", STREAMS * LENGTH as u64);
}

/// An answer of Redis, in words.
fn say(redis: &mut Redis, words: &[&str]) -> String {
    match redis.ask(words) {
        Ok(redis::Value::Int(number)) => number.to_string(),
        Ok(redis::Value::Nil) => "none".to_owned(),
        Ok(redis::Value::Okay) => "ok".to_owned(),
        Ok(redis::Value::BulkString(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("error: {}", error.detail().unwrap_or_default()),
    }
}

/// What `docs/differences-from-redis.md` says of Redis is what it does.
#[test]
fn the_differences_are_those_that_are_documented() {
    let Some(mut redis) = Redis::start() else {
        eprintln!("skipped: there is no redis-server here");
        return;
    };
    let redis = &mut redis;
    let host = Host::new().expect("a host");
    let options = MapOptions::new().clock(ManualClock::new());
    let mut map: LocalMap = host.map(&options).expect("a map");
    let second = || Ttl::After(Duration::from_secs(1));

    // Keys.
    assert_eq!(say(redis, &["SET", "", "v"]), "ok");
    let refused = map.set(b"", b"v", Ttl::Never);
    let empty = |error: &SetError| matches!(error, SetError::InvalidKey { fault, .. } if *fault == KeyFault::Empty);
    assert!(refused.is_err_and(|error| empty(&error)));
    assert_eq!(say(redis, &["SET", &"k".repeat(129), "v"]), "ok");
    assert!(map.set(&[b'k'; 129], b"v", Ttl::Never).is_err());

    // A TTL that is no time at all.
    let refused = "error: invalid expire time in 'set' command";
    for (at_set, at_expire) in [("0", "0"), ("-1", "-1")] {
        assert_eq!(say(redis, &["SET", "k", "v", "PX", at_set]), refused);
        assert_eq!(say(redis, &["SET", "k", "v"]), "ok");
        assert_eq!(say(redis, &["PEXPIRE", "k", at_expire]), "1");
        assert_eq!(say(redis, &["GET", "k"]), "none");
    }
    map.set(b"k", b"v", Ttl::Never).expect("room");
    let zero = Ttl::After(Duration::ZERO);
    assert!(matches!(map.touch(b"k", zero), Err(TouchError::InvalidTtl)));
    assert!(map.contains(b"k").expect("alive"));
    // One past the end of the clock.
    let end = i64::MAX.to_string();
    assert_eq!(say(redis, &["SET", "k", "v", "PX", &end]), refused);
    let stored = map.set(b"k", b"v", Ttl::After(Duration::MAX));
    assert!(stored.is_ok());

    // PERSIST tells whether there was a TTL, `touch` whether there is an entry.
    assert_eq!(say(redis, &["SET", "k", "v"]), "ok");
    assert_eq!(say(redis, &["PERSIST", "k"]), "0");
    map.set(b"k", b"v", Ttl::Never).expect("room");
    assert!(map.touch(b"k", Ttl::Never).expect("room"));

    // Counters are text there, and 8 bytes here.
    assert_eq!(say(redis, &["SET", "n", "41"]), "ok");
    assert_eq!(say(redis, &["INCRBY", "n", "1"]), "42");
    assert_eq!(say(redis, &["GET", "n"]), "42");
    map.set(b"n", b"41", Ttl::Never).expect("room");
    let refused = map.increment(b"n", 1, Ttl::Never);
    assert!(matches!(refused, Err(IncrementError::NotACounter)));
    map.set(b"n", b"12345678", Ttl::Never).expect("room");
    assert!(map.increment(b"n", 1, Ttl::Never).is_ok());
    assert_eq!(say(redis, &["SET", "n", "eight by"]), "ok");
    let refused = "error: value is not an integer or out of range";
    assert_eq!(say(redis, &["INCRBY", "n", "1"]), refused);
    // A new one has no TTL there, and the TTL of the call here.
    assert_eq!(say(redis, &["DEL", "n"]), "1");
    assert_eq!(say(redis, &["INCRBY", "n", "1"]), "1");
    assert_eq!(say(redis, &["PTTL", "n"]), "-1");
    map.delete(b"n").expect("alive");
    map.increment(b"n", 1, second()).expect("room");
    let left = map.get_entry(b"n").expect("alive").expect("there");
    assert_eq!(left.expires_in, Some(Duration::from_secs(1)));

    // A condition that does not hold is an error here, which tells what is there.
    assert_eq!(say(redis, &["SET", "n", "v", "NX"]), "none");
    let refused = map.set_if(b"n", b"v", Ttl::Never, Condition::Absent);
    let current = |error: &SetIfError| matches!(error, SetIfError::Conflict { current, .. } if *current == Some(left.version));
    assert!(refused.is_err_and(|error| current(&error)));
}
