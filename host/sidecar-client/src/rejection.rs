//! The errors of the contract: why a map has rejected a write.

use crate::entry::Version;
use localmap_sidecar_proto as proto;

/// A write that the map has rejected. It has changed nothing.
///
/// ```no_run
/// # async fn example() -> Result<(), localmap_sidecar_client::Error> {
/// use localmap_sidecar_client::{Client, Condition, Error, RejectionReason, Ttl};
///
/// let tenant = Client::connect("/run/localmap/maps.sock")?.tenant("alice");
/// match tenant.set_if("leader", "me", Ttl::Default, Condition::Absent).await {
///     Ok(_) => println!("I lead"),
///     Err(Error::Rejected(rejection)) => match rejection.reason {
///         RejectionReason::Conflict { .. } => println!("another one leads"),
///         _ => return Err(rejection.into()),
///     },
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", at(.index))]
#[non_exhaustive]
pub struct Rejection {
    /// The reason.
    pub reason: RejectionReason,
    /// The reason in words, which say what to do.
    pub message: String,
    /// The index of the rejected change, counted from 0; only of
    /// [`Tenant::apply`](crate::Tenant::apply).
    pub index: Option<usize>,
}

fn at(index: &Option<usize>) -> String {
    match index {
        Some(index) => format!("change {index} of the batch was rejected, nothing has changed: "),
        None => String::new(),
    }
}

/// The reason why a map has rejected a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectionReason {
    /// The key is empty, too long, not UTF-8 where that is required, or outside of the schema.
    InvalidKey,
    /// The value is longer than the map allows, or not of the type that the schema requires.
    ValueTooLarge,
    /// The TTL is zero, or longer than the schema allows.
    InvalidTtl,
    /// A limit of the map is reached and nothing can be evicted.
    Full,
    /// The condition does not hold.
    Conflict {
        /// The version of the present value; `None` if the key is absent.
        current: Option<Version>,
    },
    /// The value to increment is not 8 bytes long, or the schema requires a counter.
    NotACounter,
    /// The sum does not fit into an `i64`.
    Overflow,
    /// The sidecar is newer than this client and has a reason that the client does not know.
    Unknown,
}

impl From<proto::Rejection> for Rejection {
    fn from(rejection: proto::Rejection) -> Self {
        use proto::rejection::Reason;
        let reason = match rejection.reason() {
            Reason::InvalidKey => RejectionReason::InvalidKey,
            Reason::ValueTooLarge => RejectionReason::ValueTooLarge,
            Reason::InvalidTtl => RejectionReason::InvalidTtl,
            Reason::Full => RejectionReason::Full,
            Reason::Conflict => RejectionReason::Conflict {
                current: rejection.current_version,
            },
            Reason::NotACounter => RejectionReason::NotACounter,
            Reason::Overflow => RejectionReason::Overflow,
            Reason::Unspecified => RejectionReason::Unknown,
        };
        Self {
            reason,
            message: rejection.message,
            index: rejection.index.map(|index| index as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_has_the_present_version() {
        let rejection = Rejection::from(proto::Rejection {
            reason: proto::rejection::Reason::Conflict.into(),
            message: "conflict: read it again".to_owned(),
            current_version: Some(4),
            index: Some(2),
        });
        let current = Some(4);
        assert_eq!(rejection.reason, RejectionReason::Conflict { current });
        assert_eq!(
            rejection.to_string(),
            "change 2 of the batch was rejected, nothing has changed: conflict: read it again"
        );
    }

    #[test]
    fn a_reason_of_a_newer_sidecar_is_unknown() {
        let rejection = Rejection::from(proto::Rejection {
            reason: 99,
            message: "new".to_owned(),
            ..Default::default()
        });
        assert_eq!(rejection.reason, RejectionReason::Unknown);
        assert_eq!(rejection.to_string(), "new");
    }
}
