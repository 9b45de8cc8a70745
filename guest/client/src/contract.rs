//! The contract as `wit-bindgen` puts it into Rust, and how its types become ours.
//! Nothing generated leaves this crate.

use std::time::Duration;

use crate::{Condition, Entry, Error, KeyFault, Scanned, Ttl, types::nanos};
pub(crate) use generated::localmap::core::local_map as calls;

mod generated {
    #![allow(
        unsafe_code,
        clippy::undocumented_unsafe_blocks,
        reason = "calls of the component ABI pass raw pointers; all of it is written by the macro"
    )]
    #![allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        clippy::cast_possible_truncation,
        clippy::semicolon_if_nothing_returned,
        reason = "written by the macro"
    )]

    wit_bindgen::generate!({
        path: "wit",
        world: "localmap:core/app",
        // Keys and values go into a call from where they lie, without a copy. The
        // second form is for changes: the macro takes them for types that are also
        // given back.
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

impl From<Ttl> for calls::Ttl {
    fn from(ttl: Ttl) -> Self {
        match ttl {
            Ttl::Default => Self::Default,
            Ttl::Never => Self::Never,
            Ttl::After(span) => Self::After(nanos(span)),
        }
    }
}

impl From<Condition> for calls::Condition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Absent => Self::Absent,
            Condition::Present => Self::Present,
            Condition::Version(version) => Self::Version(version),
        }
    }
}

impl From<calls::Entry> for Entry {
    fn from(entry: calls::Entry) -> Self {
        Self {
            value: entry.value,
            version: entry.version,
            expires_in: entry.expires_in.map(Duration::from_nanos),
        }
    }
}

impl From<calls::Scanned> for Scanned {
    fn from(entry: calls::Scanned) -> Self {
        Self {
            key: entry.key,
            value: entry.value,
            version: entry.version,
            expires_in: entry.expires_in.map(Duration::from_nanos),
        }
    }
}

impl From<calls::Error> for Error {
    fn from(error: calls::Error) -> Self {
        match error {
            calls::Error::InvalidKey(fault) => Self::InvalidKey(fault.into()),
            calls::Error::ValueTooLarge(max) => Self::ValueTooLarge { max },
            calls::Error::InvalidTtl => Self::InvalidTtl,
            calls::Error::Full => Self::Full,
            calls::Error::Conflict(current) => Self::Conflict { current },
            calls::Error::NotACounter => Self::NotACounter,
            calls::Error::Overflow => Self::Overflow,
        }
    }
}

impl From<calls::KeyFault> for KeyFault {
    fn from(fault: calls::KeyFault) -> Self {
        match fault {
            calls::KeyFault::Empty => Self::Empty,
            calls::KeyFault::TooLong(len) => Self::TooLong { len },
            calls::KeyFault::NotUtf8 => Self::NotUtf8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_more_than_u64_nanoseconds_becomes_the_longest_there_is() {
        let nanos = |span| match calls::Ttl::from(Ttl::After(span)) {
            calls::Ttl::After(nanos) => Some(nanos),
            _ => None,
        };
        assert_eq!(nanos(Duration::from_nanos(1)), Some(1));
        assert_eq!(nanos(Duration::from_nanos(u64::MAX)), Some(u64::MAX));
        let longer = Duration::from_nanos(u64::MAX) + Duration::from_nanos(1);
        assert_eq!(nanos(longer), Some(u64::MAX));
        assert_eq!(nanos(Duration::MAX), Some(u64::MAX));
    }

    #[test]
    fn a_span_of_zero_stays_zero_so_that_the_map_can_refuse_it() {
        assert!(matches!(
            calls::Ttl::from(Ttl::After(Duration::ZERO)),
            calls::Ttl::After(0)
        ));
    }
}
