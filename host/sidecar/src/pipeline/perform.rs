//! Performs the operations of a request on a map, and writes their results.

use super::request::{Delete, Increment, Operation, Set, Touch};
use super::response::Results;
use crate::convert;
use crate::rejection;
use localmap::{Change, Error, LocalMap, MapTerminated};
use localmap_sidecar_proto::Rejection;
use tonic::Status;

/// Decides whether a write is accepted, and with which TTL.
pub(super) trait Admit:
    Fn(&Change<'_>, localmap::Ttl) -> Result<localmap::Ttl, Rejection>
{
}

impl<F: Fn(&Change<'_>, localmap::Ttl) -> Result<localmap::Ttl, Rejection>> Admit for F {}

/// What an operation does.
#[derive(Clone, Copy)]
enum Call<'a> {
    Get(&'a [u8]),
    GetEntry(&'a [u8]),
    Contains(&'a [u8]),
    Take(&'a [u8]),
    Change(Change<'a>),
}

/// Checks that all operations can be performed.
///
/// # Errors
///
/// Returns a status with the index of the first one that lacks a part or has an impossible one.
pub(super) fn check(operations: &[Operation<'_>]) -> Result<(), Status> {
    for (index, operation) in operations.iter().enumerate() {
        if let Err(status) = call(operation) {
            let message = format!("operation {index}: {}", status.message());
            return Err(Status::new(status.code(), message));
        }
    }
    Ok(())
}

/// Performs operations in order, up to one whose result may not fit into the results. That one and
/// those after it have changed nothing.
///
/// # Errors
///
/// Returns a status if the map has terminated.
pub(super) fn perform(
    map: &mut LocalMap,
    admit: impl Admit,
    operations: &[Operation<'_>],
    results: &mut Results,
) -> Result<(), Status> {
    for operation in operations {
        if !results.has_room() || !perform_one(map, &admit, call(operation)?, results)? {
            break;
        }
    }
    Ok(())
}

/// Performs an operation, and returns `true` if its result fits.
#[inline]
fn perform_one(
    map: &mut LocalMap,
    admit: &impl Admit,
    call: Call<'_>,
    results: &mut Results,
) -> Result<bool, Status> {
    match call {
        Call::Get(key) => get(map, key, results).map(|read| read != Read::TooLarge),
        Call::Take(key) => match get(map, key, results)? {
            Read::TooLarge => Ok(false),
            Read::Absent => Ok(true),
            // It has been read, so that a value that does not fit stays.
            Read::Present => map.delete(key).map(|_| true).map_err(ended),
        },
        Call::GetEntry(key) => {
            let entry = map.get_entry(key).map_err(ended)?;
            let Some(entry) = entry else {
                results.absent();
                return Ok(true);
            };
            let expires_in = entry.expires_in.map(convert::nanos);
            Ok(results.entry(key, &entry.value, entry.version, expires_in))
        }
        Call::Contains(key) => {
            let present = map.contains(key).map_err(ended)?;
            results.present(present);
            Ok(true)
        }
        Call::Change(change) => {
            make(map, admit, change, results)?;
            Ok(true)
        }
    }
}

/// What a read has found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    Absent,
    Present,
    /// A value that does not fit into the results.
    TooLarge,
}

/// Copies a value from the memory of the map into the results.
#[inline]
fn get(map: &mut LocalMap, key: &[u8], results: &mut Results) -> Result<Read, Status> {
    map.get_with(key, |value| match value {
        Some(value) if results.value(value) => Read::Present,
        Some(_) => Read::TooLarge,
        None => {
            results.absent();
            Read::Absent
        }
    })
    .map_err(ended)
}

/// Makes a change and writes its outcome, or why it is rejected.
#[inline]
fn make(
    map: &mut LocalMap,
    admit: &impl Admit,
    change: Change<'_>,
    results: &mut Results,
) -> Result<(), Status> {
    let admitted = match change {
        Change::Set { ttl, .. }
        | Change::SetIf { ttl, .. }
        | Change::Increment { ttl, .. }
        | Change::Touch { ttl, .. } => admit(&change, ttl),
        Change::Delete { .. } | Change::DeleteIf { .. } => Ok(localmap::Ttl::Default),
    };
    let ttl = match admitted {
        Ok(ttl) => ttl,
        Err(rejection) => {
            results.rejected(&rejection);
            return Ok(());
        }
    };
    let made = match change {
        Change::Set { key, value, .. } => {
            let stored = map.set(key, value, ttl);
            stored
                .map(|version| results.stored(version))
                .map_err(Error::from)
        }
        Change::SetIf {
            key,
            value,
            condition,
            ..
        } => {
            let stored = map.set_if(key, value, ttl, condition);
            stored
                .map(|version| results.stored(version))
                .map_err(Error::from)
        }
        Change::Increment { key, delta, .. } => {
            let sum = map.increment(key, delta, ttl);
            sum.map(|sum| results.sum(sum)).map_err(Error::from)
        }
        Change::Touch { key, .. } => {
            let touched = map.touch(key, ttl);
            touched
                .map(|present| results.present(present))
                .map_err(Error::from)
        }
        Change::Delete { key } => {
            let deleted = map.delete(key);
            deleted
                .map(|present| results.present(present))
                .map_err(Error::from)
        }
        Change::DeleteIf { key, version } => {
            let deleted = map.delete_if(key, version);
            deleted.map(|()| results.present(true)).map_err(Error::from)
        }
    };
    if let Err(error) = made {
        results.rejected(&rejection::of_map(error)?);
    }
    Ok(())
}

/// Returns what an operation does.
///
/// # Errors
///
/// Returns a status if a part that must be set is not, or is impossible.
#[inline]
fn call<'a>(operation: &Operation<'a>) -> Result<Call<'a>, Status> {
    Ok(match *operation {
        Operation::Get(key) => Call::Get(key),
        Operation::GetEntry(key) => Call::GetEntry(key),
        Operation::Contains(key) => Call::Contains(key),
        Operation::Take(key) => Call::Take(key),
        Operation::Set(Set {
            key,
            value,
            ttl,
            condition,
        }) => {
            let ttl = convert::ttl(ttl.as_ref())?;
            let condition = convert::condition(condition.as_ref())?;
            Call::Change(match condition {
                None => Change::Set { key, value, ttl },
                Some(condition) => Change::SetIf {
                    key,
                    value,
                    ttl,
                    condition,
                },
            })
        }
        Operation::Increment(Increment { key, delta, ttl }) => Call::Change(Change::Increment {
            key,
            delta,
            ttl: convert::ttl(ttl.as_ref())?,
        }),
        Operation::Touch(Touch { key, ttl }) => Call::Change(Change::Touch {
            key,
            ttl: convert::ttl(ttl.as_ref())?,
        }),
        Operation::Delete(Delete { key, version }) => Call::Change(match version {
            None => Change::Delete { key },
            Some(version) => Change::DeleteIf { key, version },
        }),
        Operation::Unknown => {
            return Err(Status::invalid_argument(
                "it is empty: set one of its fields",
            ));
        }
    })
}

fn ended(terminated: MapTerminated) -> Status {
    rejection::no_answer(terminated.into())
}
