//! Compares the codec with the generated types: what it reads, what it rejects, and what it answers.

mod answers;
mod generator;

use super::perform::{check, perform};
use super::request::{Batch, BatchError, Operation};
use super::response::Results;
use crate::convert;
use crate::rejection;
use fastrand::Rng;
use generator::{mutated, request};
use localmap::{Host, Limits, LocalMap, ManualClock, MapOptions};
use localmap_sidecar_proto::operation::Kind;
use localmap_sidecar_proto::{
    Change, OperationResult, PipelineRequest, PipelineResponse, change, operation_result,
};
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Returns what the generated types hold for an operation.
fn generated(operation: &Operation<'_>) -> localmap_sidecar_proto::Operation {
    let bytes = bytes::Bytes::copy_from_slice;
    let kind = match *operation {
        Operation::Unknown => None,
        Operation::Get(key) => Some(Kind::Get(bytes(key))),
        Operation::Take(key) => Some(Kind::Take(bytes(key))),
        Operation::GetEntry(key) => Some(Kind::GetEntry(bytes(key))),
        Operation::Contains(key) => Some(Kind::Contains(bytes(key))),
        Operation::Set(set) => Some(Kind::Set(change::Set {
            key: bytes(set.key),
            value: bytes(set.value),
            ttl: set.ttl,
            condition: set.condition,
        })),
        Operation::Increment(increment) => Some(Kind::Increment(change::Increment {
            key: bytes(increment.key),
            delta: increment.delta,
            ttl: increment.ttl,
        })),
        Operation::Touch(touch) => Some(Kind::Touch(change::Touch {
            key: bytes(touch.key),
            ttl: touch.ttl,
        })),
        Operation::Delete(delete) => Some(Kind::Delete(change::Delete {
            key: bytes(delete.key),
            version: delete.version,
        })),
    };
    localmap_sidecar_proto::Operation { kind }
}

/// Reads a request with both readers, which must agree.
fn read(bytes: &[u8]) -> Option<PipelineRequest> {
    let expected = PipelineRequest::decode(bytes);
    match (Batch::read(bytes, usize::MAX), expected) {
        (Ok(request), Ok(expected)) => {
            assert_eq!(request.tenant, expected.tenant);
            let operations: Vec<_> = request.operations.iter().map(generated).collect();
            assert_eq!(operations, expected.operations);
            Some(expected)
        }
        (Err(BatchError::Malformed { at }), Err(expected)) => {
            // The rest of the message alone is malformed in the same way.
            let rest = PipelineRequest::decode(&bytes[at..]).expect_err("malformed");
            assert_eq!(rest.to_string(), expected.to_string());
            None
        }
        (read, expected) => panic!("{bytes:02x?}: {read:?}, but prost: {expected:?}"),
    }
}

#[test]
fn requests_are_read_as_the_generated_types_read_them() {
    let mut rng = Rng::with_seed(1);
    for _ in 0..20_000 {
        let bytes = request(&mut rng);
        assert!(read(&bytes).is_some(), "{bytes:02x?}");
    }
}

#[test]
fn the_same_bytes_are_malformed_as_for_the_generated_types() {
    let mut rng = Rng::with_seed(2);
    let (mut accepted, mut rejected) = (0, 0);
    for _ in 0..50_000 {
        let mut bytes = request(&mut rng);
        mutated(&mut bytes, &mut rng);
        match read(&bytes) {
            Some(_) => accepted += 1,
            None => rejected += 1,
        }
    }
    // It tries both.
    assert!(
        accepted > 5_000 && rejected > 5_000,
        "{accepted} {rejected}"
    );
}

#[test]
fn random_bytes_are_read_like_the_generated_types_read_them() {
    let mut rng = Rng::with_seed(3);
    for _ in 0..50_000 {
        let bytes: Vec<u8> = (0..rng.usize(..40)).map(|_| rng.u8(..)).collect();
        read(&bytes);
    }
}

#[test]
fn a_request_has_a_most_of_operations() {
    let request = PipelineRequest {
        operations: vec![localmap_sidecar_proto::Operation::default(); 3],
        ..PipelineRequest::default()
    };
    let bytes = request.encode_to_vec();
    assert!(Batch::read(&bytes, 3).is_ok());
    let error = Batch::read(&bytes, 2).expect_err("too many");
    assert_eq!(error, BatchError::TooMany { max: 2 });
}

fn map(host: &Host, clock: &ManualClock) -> LocalMap {
    let limits = Limits::default().max_entries(12).max_value(400);
    let options = MapOptions::new().limits(limits).clock(clock.clone());
    host.map(&options).expect("a map")
}

fn accept(
    _: &localmap::Change<'_>,
    ttl: localmap::Ttl,
) -> Result<localmap::Ttl, localmap_sidecar_proto::Rejection> {
    Ok(ttl)
}

/// Performs an operation as the unary calls do: with owned messages, one at a time.
fn expected(map: &mut LocalMap, kind: Kind) -> operation_result::Kind {
    use localmap::Change as C;
    use operation_result::Kind as R;
    let absent_or =
        |value: Option<Vec<u8>>| value.map_or(R::Absent(true), |value| R::Value(value.into()));
    let change = match kind {
        Kind::Get(key) => return absent_or(map.get(&key).expect("live")),
        Kind::Take(key) => return absent_or(map.take(&key).expect("live")),
        Kind::Contains(key) => return R::Present(map.contains(&key).expect("live")),
        Kind::GetEntry(key) => {
            let entry = map.get_entry(&key).expect("live");
            return entry.map_or(R::Absent(true), |entry| {
                R::Entry(convert::entry(key, entry))
            });
        }
        Kind::Set(set) => change::Kind::Set(set),
        Kind::Increment(increment) => change::Kind::Increment(increment),
        Kind::Touch(touch) => change::Kind::Touch(touch),
        Kind::Delete(delete) => change::Kind::Delete(delete),
    };
    let change = Change { kind: Some(change) };
    let made: Result<R, localmap::Error> = match convert::change(&change).expect("checked") {
        C::Set { key, value, ttl } => map.set(key, value, ttl).map(R::Stored).map_err(Into::into),
        C::SetIf {
            key,
            value,
            ttl,
            condition,
        } => {
            let stored = map.set_if(key, value, ttl, condition);
            stored.map(R::Stored).map_err(Into::into)
        }
        C::Increment { key, delta, ttl } => map
            .increment(key, delta, ttl)
            .map(R::Sum)
            .map_err(Into::into),
        C::Touch { key, ttl } => map.touch(key, ttl).map(R::Present).map_err(Into::into),
        C::Delete { key } => map.delete(key).map(R::Present).map_err(Into::into),
        C::DeleteIf { key, version } => {
            let deleted = map.delete_if(key, version);
            deleted.map(|()| R::Present(true)).map_err(Into::into)
        }
    };
    made.unwrap_or_else(|error| R::Rejected(rejection::of_map(error).expect("live")))
}

fn name(kind: &operation_result::Kind) -> &'static str {
    use operation_result::Kind as R;
    match kind {
        R::Absent(_) => "absent",
        R::Value(_) => "value",
        R::Entry(_) => "entry",
        R::Stored(_) => "stored",
        R::Sum(_) => "sum",
        R::Present(_) => "present",
        R::Rejected(_) => "rejected",
    }
}

/// Two maps that get the same operations, one from the codec and one from the generated types, have the
/// same entries, statistics and answers.
#[test]
fn results_are_those_of_the_generated_types() {
    let mut rng = Rng::with_seed(4);
    let host = Host::new().expect("a host");
    let clock = ManualClock::new();
    let (mut straight, mut other) = (map(&host, &clock), map(&host, &clock));
    let (mut found, mut rejected) = (BTreeMap::new(), BTreeSet::new());
    let mut invalid = 0;
    for _ in 0..8_000 {
        let bytes = request(&mut rng);
        let request = Batch::read(&bytes, usize::MAX).expect("well-formed");
        if check(&request.operations).is_err() {
            invalid += 1;
            continue;
        }
        let mut results = Results::with_capacity(0);
        perform(&mut straight, accept, &request.operations, &mut results).expect("live");
        assert_eq!(results.count(), request.operations.len());
        let operations = request.operations.iter().map(generated);
        let expected = operations.map(|operation| OperationResult {
            kind: operation.kind.map(|kind| expected(&mut other, kind)),
        });
        let expected = PipelineResponse {
            results: expected.collect(),
        };
        assert_eq!(
            results.into_bytes(),
            expected.encode_to_vec(),
            "{expected:?}"
        );
        for result in expected.results {
            let kind = result.kind.expect("a result");
            if let operation_result::Kind::Rejected(rejection) = &kind {
                rejected.insert(rejection.reason);
            }
            *found.entry(name(&kind)).or_insert(0) += 1;
        }
        clock.advance(Duration::from_nanos(rng.u64(..3)));
    }
    assert_eq!(
        straight.stats().expect("live"),
        other.stats().expect("live")
    );
    // It has tried everything, also what each map rejects.
    assert!(
        found.len() == 7 && found.values().all(|count| *count > 20),
        "{found:?}"
    );
    assert_eq!(rejected, (1..=7).collect(), "{rejected:?}");
    assert!(invalid > 100, "{invalid}");
}
