//! The messages of the protocol as types of the library, and back.

use bytes::Bytes;
use localmap::{Change, Condition, Entry, Outcome, Ttl};
use localmap_sidecar_proto as proto;
use std::time::Duration;
use tonic::Status;

/// Converts a TTL. Unset is the default of the map.
pub(crate) fn ttl(ttl: Option<&proto::Ttl>) -> Result<Ttl, Status> {
    use proto::ttl::Kind;
    match ttl.and_then(|ttl| ttl.kind) {
        None => Ok(Ttl::Default),
        Some(Kind::Never(true)) => Ok(Ttl::Never),
        Some(Kind::Never(false)) => Err(not_true("ttl.never")),
        Some(Kind::AfterNanos(nanos)) => Ok(Ttl::After(Duration::from_nanos(nanos))),
    }
}

/// Converts a condition; `None` if it is unset.
pub(crate) fn condition(condition: Option<&proto::Condition>) -> Result<Option<Condition>, Status> {
    use proto::condition::Kind;
    match condition.and_then(|condition| condition.kind) {
        None => Ok(None),
        Some(Kind::Absent(true)) => Ok(Some(Condition::Absent)),
        Some(Kind::Present(true)) => Ok(Some(Condition::Present)),
        Some(Kind::Absent(false)) => Err(not_true("condition.absent")),
        Some(Kind::Present(false)) => Err(not_true("condition.present")),
        Some(Kind::Version(version)) => Ok(Some(Condition::Version(version))),
    }
}

/// Converts a change.
pub(crate) fn change(change: &proto::Change) -> Result<Change<'_>, Status> {
    use proto::change::Kind;
    match &change.kind {
        None => Err(Status::invalid_argument(
            "a change is empty: set one of its fields",
        )),
        Some(Kind::Set(set)) => set_change(set),
        Some(Kind::Increment(increment)) => increment_change(increment),
        Some(Kind::Touch(touch)) => touch_change(touch),
        Some(Kind::Delete(delete)) => Ok(delete_change(delete)),
    }
}

/// Converts a set, with or without a condition.
pub(crate) fn set_change(set: &proto::change::Set) -> Result<Change<'_>, Status> {
    let (key, value) = (&set.key[..], &set.value[..]);
    let ttl = ttl(set.ttl.as_ref())?;
    Ok(match condition(set.condition.as_ref())? {
        None => Change::Set { key, value, ttl },
        Some(condition) => Change::SetIf {
            key,
            value,
            ttl,
            condition,
        },
    })
}

/// Converts an increment.
pub(crate) fn increment_change(increment: &proto::change::Increment) -> Result<Change<'_>, Status> {
    Ok(Change::Increment {
        key: &increment.key,
        delta: increment.delta,
        ttl: ttl(increment.ttl.as_ref())?,
    })
}

/// Converts a touch.
pub(crate) fn touch_change(touch: &proto::change::Touch) -> Result<Change<'_>, Status> {
    Ok(Change::Touch {
        key: &touch.key,
        ttl: ttl(touch.ttl.as_ref())?,
    })
}

/// Converts a delete, with or without a version.
pub(crate) fn delete_change(delete: &proto::change::Delete) -> Change<'_> {
    let key = &delete.key[..];
    match delete.version {
        None => Change::Delete { key },
        Some(version) => Change::DeleteIf { key, version },
    }
}

/// Converts the outcome of a change.
pub(crate) fn outcome(outcome: Outcome) -> proto::Outcome {
    use proto::outcome::Kind;
    let kind = match outcome {
        Outcome::Stored(version) => Kind::Stored(version),
        Outcome::Counter(sum) => Kind::Sum(sum),
        Outcome::Touched(present) => Kind::Touched(present),
        Outcome::Deleted(present) => Kind::Deleted(present),
    };
    proto::Outcome { kind: Some(kind) }
}

/// Converts an entry.
pub(crate) fn entry(key: Bytes, entry: Entry) -> proto::Entry {
    proto::Entry {
        key,
        version: entry.version,
        expires_in_nanos: entry.expires_in.map(nanos),
        value: entry.value.into(),
    }
}

/// Returns a time in nanoseconds. Maps have none that does not fit.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns the status for a field that has no meaning unless it is true.
fn not_true(field: &str) -> Status {
    Status::invalid_argument(format!(
        "`{field}` is false: set it to true, or leave it out"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::{change, condition as conditions, ttl as ttls};

    #[test]
    fn an_unset_ttl_is_the_default_and_zero_is_left_to_the_map() {
        let of = |kind| ttl(Some(&proto::Ttl { kind })).expect("a TTL");
        assert_eq!(ttl(None).expect("a TTL"), Ttl::Default);
        assert_eq!(of(None), Ttl::Default);
        assert_eq!(of(Some(ttls::Kind::Never(true))), Ttl::Never);
        for nanos in [0, 1, u64::MAX] {
            let after = Ttl::After(Duration::from_nanos(nanos));
            assert_eq!(of(Some(ttls::Kind::AfterNanos(nanos))), after);
        }
    }

    #[test]
    fn fields_that_mean_something_only_if_true_are_not_false() {
        let never = proto::Ttl {
            kind: Some(ttls::Kind::Never(false)),
        };
        let refused = ttl(Some(&never)).expect_err("it means nothing");
        assert!(refused.message().contains("ttl.never"), "{refused}");
        for kind in [
            conditions::Kind::Absent(false),
            conditions::Kind::Present(false),
        ] {
            let kind = Some(kind);
            assert!(condition(Some(&proto::Condition { kind })).is_err());
        }
    }

    #[test]
    fn a_change_has_a_kind() {
        assert!(change(&proto::Change { kind: None }).is_err());
        let delete = change::Delete {
            key: "k".into(),
            version: Some(3),
        };
        let kind = Some(change::Kind::Delete(delete));
        let wanted = Change::DeleteIf {
            key: b"k",
            version: 3,
        };
        assert_eq!(change(&proto::Change { kind }).expect("a delete"), wanted);
    }
}
