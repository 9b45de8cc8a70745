//! The errors of the contract, which are answers, and those that end a call.

use crate::status;
use localmap::{Error, TenantError, WriteViolation};
use localmap_sidecar_proto::Rejection;
use localmap_sidecar_proto::rejection::Reason;
use tonic::Status;

/// The other reason why a batch may be rejected with [`Reason::Full`].
const BATCH_TOO_LARGE: &str = "; or the batch is too large: it may have 1,024 changes, and keys and values \
    of 64 KiB more than `max-value`, or than 1 MiB if that is more";

/// Returns the rejection that an operation of a tenant is answered with.
///
/// # Errors
///
/// Returns the status that the call ends with, if the error is none of the contract.
pub(crate) fn answer(error: TenantError) -> Result<Rejection, Status> {
    match error {
        TenantError::Map(error) => of_map(error),
        other => Err(no_answer(other)),
    }
}

/// Returns the status of an operation that no map rejects.
pub(crate) fn no_answer(error: TenantError) -> Status {
    match error {
        TenantError::RateLimited(error) => status::rate_limited(&error),
        TenantError::Map(Error::Terminated { source, .. }) => status::terminated(&source),
        TenantError::AcrossShards => Status::invalid_argument(error.to_string()),
        other => Status::internal(other.to_string()),
    }
}

/// Does the same as [`answer`] for an operation of a map.
pub(crate) fn of_map(error: Error) -> Result<Rejection, Status> {
    let message = error.to_string();
    let (reason, current_version) = match error {
        Error::InvalidKey { .. } => (Reason::InvalidKey, None),
        Error::ValueTooLarge { .. } => (Reason::ValueTooLarge, None),
        Error::InvalidTtl => (Reason::InvalidTtl, None),
        Error::Full => (Reason::Full, None),
        Error::Conflict { current, .. } => (Reason::Conflict, current),
        Error::NotACounter => (Reason::NotACounter, None),
        Error::Overflow => (Reason::Overflow, None),
        Error::Change { index, source, .. } => {
            let mut rejection = of_map(source.into())?;
            if rejection.reason() == Reason::Full {
                rejection.message.push_str(BATCH_TOO_LARGE);
            }
            return Ok(at(rejection, index));
        }
        Error::Terminated { source, .. } => return Err(status::terminated(&source)),
        other => return Err(Status::internal(other.to_string())),
    };
    Ok(Rejection {
        reason: reason.into(),
        message,
        current_version,
        index: None,
    })
}

/// Returns the rejection of a write that a rule does not accept.
pub(crate) fn of_rule(violation: WriteViolation) -> Rejection {
    let (reason, message) = match violation {
        WriteViolation::InvalidKey => (
            Reason::InvalidKey,
            "the schema has no such key: use one that begins with one of its prefixes, and is as short \
             as that requires"
                .to_owned(),
        ),
        WriteViolation::ValueTooLarge { max } => (
            Reason::ValueTooLarge,
            format!(
                "the schema does not allow this value for the key: it accepts {max} bytes of it, and the \
                 rest is too much, or not UTF-8 where it must be"
            ),
        ),
        WriteViolation::InvalidTtl => (
            Reason::InvalidTtl,
            "the TTL is zero, or longer than the schema allows for the key: use a shorter one, or none \
             for the default"
                .to_owned(),
        ),
        WriteViolation::NotACounter => (
            Reason::NotACounter,
            "the schema decides by the key what is a counter: this key is none, or its value must be \
             one, of 8 bytes"
                .to_owned(),
        ),
        _ => (
            Reason::InvalidKey,
            "the schema does not accept the write".to_owned(),
        ),
    };
    Rejection {
        reason: reason.into(),
        message,
        current_version: None,
        index: None,
    }
}

/// Adds the index of the change that was rejected.
pub(crate) fn at(rejection: Rejection, index: usize) -> Rejection {
    Rejection {
        index: u32::try_from(index).ok(),
        ..rejection
    }
}
