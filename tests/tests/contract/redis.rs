//! The map compared with a real Redis: the same random streams of operations must get the same
//! answers. `docs/differences-from-redis.md` lists the intended differences, and a test shows
//! them.
//!
//! A test cannot set the clock of Redis, so time is counted in whole hours: a run takes less than
//! half an hour, so the remaining hours of a TTL, rounded, are exact. To let hours pass, the test
//! shortens the TTLs in Redis.

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

/// The number of operations in a stream.
const LENGTH: usize = 4_000;

/// The number of streams.
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
            // Compare the state of its key, and from time to time that of all keys.
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

/// Returns an answer of Redis as text.
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

/// Redis does what `docs/differences-from-redis.md` says about it.
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

    // A TTL of zero.
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
    // A TTL past the end of the clock.
    let end = i64::MAX.to_string();
    assert_eq!(say(redis, &["SET", "k", "v", "PX", &end]), refused);
    let stored = map.set(b"k", b"v", Ttl::After(Duration::MAX));
    assert!(stored.is_ok());

    // PERSIST returns whether there was a TTL, and `touch` whether there is an entry.
    assert_eq!(say(redis, &["SET", "k", "v"]), "ok");
    assert_eq!(say(redis, &["PERSIST", "k"]), "0");
    map.set(b"k", b"v", Ttl::Never).expect("room");
    assert!(map.touch(b"k", Ttl::Never).expect("room"));

    // Counters are text in Redis, and 8 bytes in a map.
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
    // A new counter has no TTL in Redis, and the TTL of the call in a map.
    assert_eq!(say(redis, &["DEL", "n"]), "1");
    assert_eq!(say(redis, &["INCRBY", "n", "1"]), "1");
    assert_eq!(say(redis, &["PTTL", "n"]), "-1");
    map.delete(b"n").expect("alive");
    map.increment(b"n", 1, second()).expect("room");
    let left = map.get_entry(b"n").expect("alive").expect("there");
    assert_eq!(left.expires_in, Some(Duration::from_secs(1)));

    // In a map, a condition that does not hold is an error with the current version.
    assert_eq!(say(redis, &["SET", "n", "v", "NX"]), "none");
    let refused = map.set_if(b"n", b"v", Ttl::Never, Condition::Absent);
    let current = |error: &SetIfError| matches!(error, SetIfError::Conflict { current, .. } if *current == Some(left.version));
    assert!(refused.is_err_and(|error| current(&error)));
}
