//! The messages of the sidecar for the types of the vectors, and back.

use localmap_engine::{Change, Condition, Error, KeyFault, Outcome, Ttl};
use localmap_sidecar_proto as proto;
use localmap_tests::vectors::Entry;
use proto::rejection::Reason;
use proto::{change, condition, outcome as outcomes, ttl};

pub(super) fn ttl_message(ttl: Ttl) -> Option<proto::Ttl> {
    let kind = match ttl {
        Ttl::Default => return None,
        Ttl::Never => ttl::Kind::Never(true),
        Ttl::After(nanos) => ttl::Kind::AfterNanos(nanos),
    };
    Some(proto::Ttl { kind: Some(kind) })
}

pub(super) fn condition_message(condition: Condition) -> proto::Condition {
    let kind = match condition {
        Condition::Absent => condition::Kind::Absent(true),
        Condition::Present => condition::Kind::Present(true),
        Condition::Version(version) => condition::Kind::Version(version),
    };
    proto::Condition { kind: Some(kind) }
}

pub(super) fn change_message(change: &Change<'_>) -> proto::Change {
    let bytes = |bytes: &[u8]| bytes.to_vec().into();
    let kind = match *change {
        Change::Set { key, value, ttl } => change::Kind::Set(change::Set {
            key: bytes(key),
            value: bytes(value),
            ttl: ttl_message(ttl),
            condition: None,
        }),
        Change::SetIf {
            key,
            value,
            ttl,
            condition,
        } => change::Kind::Set(change::Set {
            key: bytes(key),
            value: bytes(value),
            ttl: ttl_message(ttl),
            condition: Some(condition_message(condition)),
        }),
        Change::Increment { key, delta, ttl } => change::Kind::Increment(change::Increment {
            key: bytes(key),
            delta,
            ttl: ttl_message(ttl),
        }),
        Change::Touch { key, ttl } => change::Kind::Touch(change::Touch {
            key: bytes(key),
            ttl: ttl_message(ttl),
        }),
        Change::Delete { key } => change::Kind::Delete(change::Delete {
            key: bytes(key),
            version: None,
        }),
        Change::DeleteIf { key, version } => change::Kind::Delete(change::Delete {
            key: bytes(key),
            version: Some(version),
        }),
    };
    proto::Change { kind: Some(kind) }
}

pub(super) fn outcome(outcome: proto::Outcome) -> Outcome {
    match outcome.kind.expect("an outcome") {
        outcomes::Kind::Stored(version) => Outcome::Stored(version),
        outcomes::Kind::Sum(sum) => Outcome::Counter(sum),
        outcomes::Kind::Touched(present) => Outcome::Touched(present),
        outcomes::Kind::Deleted(present) => Outcome::Deleted(present),
    }
}

pub(super) fn entry(found: proto::Entry, key: &[u8]) -> Entry {
    assert_eq!(found.key, key);
    Entry {
        value: found.value.into(),
        version: found.version,
        expires_in: found.expires_in_nanos,
    }
}

/// Returns the error that a rejection stands for. Its numbers are in its message.
pub(super) fn error(rejected: &proto::Rejection) -> Error {
    let message = &rejected.message;
    let numbers = message.split(|letter: char| !letter.is_ascii_digit());
    let numbers: Vec<u64> = numbers.filter_map(|digits| digits.parse().ok()).collect();
    match rejected.reason() {
        Reason::InvalidKey if message.contains("empty") => Error::InvalidKey(KeyFault::Empty),
        Reason::InvalidKey if message.contains("UTF-8") => Error::InvalidKey(KeyFault::NotUtf8),
        Reason::InvalidKey => Error::InvalidKey(KeyFault::TooLong(numbers[0])),
        Reason::ValueTooLarge => Error::ValueTooLarge(numbers[1]),
        Reason::InvalidTtl => Error::InvalidTtl,
        Reason::Full => Error::Full,
        Reason::Conflict => Error::Conflict(rejected.current_version),
        Reason::NotACounter => Error::NotACounter,
        Reason::Overflow => Error::Overflow,
        Reason::Unspecified => panic!("no reason: {message}"),
    }
}
