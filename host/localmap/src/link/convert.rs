//! Converts the arguments and results of apps to the types of this crate and back.

use crate::contract::bindings::local_map as wit;
use crate::contract::change::{Change, Outcome};
use crate::contract::duration::nanos;
use crate::contract::entry::{Condition, Entry, Page, Ttl};
use crate::contract::error::{Error, KeyFault};

use std::time::Duration;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, WasmList};

/// Bytes in the memory of an app.
pub(super) type Bytes = WasmList<u8>;

/// A pin in the store of an app.
pub(super) enum Pin {}

/// One change of a batch, with its keys and values still in the memory of the app.
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(super) enum SentChange {
    #[component(name = "set")]
    Set(SentSet),
    #[component(name = "set-if")]
    SetIf(SentSetIf),
    #[component(name = "increment")]
    Increment(SentIncrement),
    #[component(name = "touch")]
    Touch(SentTouch),
    #[component(name = "delete")]
    Delete(Bytes),
    #[component(name = "delete-if")]
    DeleteIf(SentDeleteIf),
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct SentSet {
    key: Bytes,
    value: Bytes,
    ttl: wit::Ttl,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct SentSetIf {
    key: Bytes,
    value: Bytes,
    ttl: wit::Ttl,
    condition: wit::Condition,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct SentIncrement {
    key: Bytes,
    delta: i64,
    ttl: wit::Ttl,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct SentTouch {
    key: Bytes,
    ttl: wit::Ttl,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct SentDeleteIf {
    key: Bytes,
    version: u64,
}

impl SentChange {
    /// Returns the change. It borrows its bytes from the memory of the app.
    pub(super) fn read<'a, T: 'static>(&self, store: &'a StoreContextMut<'_, T>) -> Change<'a> {
        let bytes = |bytes: &Bytes| bytes.as_le_slice(store);
        match self {
            Self::Set(change) => Change::Set {
                key: bytes(&change.key),
                value: bytes(&change.value),
                ttl: change.ttl.into(),
            },
            Self::SetIf(change) => Change::SetIf {
                key: bytes(&change.key),
                value: bytes(&change.value),
                ttl: change.ttl.into(),
                condition: change.condition.into(),
            },
            Self::Increment(change) => Change::Increment {
                key: bytes(&change.key),
                delta: change.delta,
                ttl: change.ttl.into(),
            },
            Self::Touch(change) => Change::Touch {
                key: bytes(&change.key),
                ttl: change.ttl.into(),
            },
            Self::Delete(key) => Change::Delete { key: bytes(key) },
            Self::DeleteIf(change) => Change::DeleteIf {
                key: bytes(&change.key),
                version: change.version,
            },
        }
    }
}

impl From<wit::Ttl> for Ttl {
    fn from(ttl: wit::Ttl) -> Self {
        match ttl {
            wit::Ttl::Default => Self::Default,
            wit::Ttl::Never => Self::Never,
            wit::Ttl::After(nanos) => Self::After(Duration::from_nanos(nanos)),
        }
    }
}

impl From<wit::Condition> for Condition {
    fn from(condition: wit::Condition) -> Self {
        match condition {
            wit::Condition::Absent => Self::Absent,
            wit::Condition::Present => Self::Present,
            wit::Condition::Version(version) => Self::Version(version),
        }
    }
}

pub(super) fn entry(entry: Entry) -> wit::Entry {
    wit::Entry {
        value: entry.value,
        version: entry.version,
        expires_in: entry.expires_in.map(nanos),
    }
}

pub(super) fn page(page: Page) -> wit::Page {
    let entries = page.entries.into_iter().map(|scanned| wit::Scanned {
        key: scanned.key,
        value: scanned.entry.value,
        version: scanned.entry.version,
        expires_in: scanned.entry.expires_in.map(nanos),
    });
    wit::Page {
        entries: entries.collect(),
        next: page.next,
    }
}

pub(super) fn outcome(outcome: Outcome) -> wit::Outcome {
    match outcome {
        Outcome::Stored(version) => wit::Outcome::Stored(version),
        Outcome::Counter(sum) => wit::Outcome::Counter(sum),
        Outcome::Touched(present) => wit::Outcome::Touched(present),
        Outcome::Deleted(present) => wit::Outcome::Deleted(present),
    }
}

/// Converts an error for the app. An error that is not part of the contract, such as the
/// termination of the map, ends the app.
pub(super) fn error(error: Error) -> wasmtime::Result<wit::Error> {
    Ok(match error {
        Error::InvalidKey { fault } => wit::Error::InvalidKey(match fault {
            KeyFault::Empty => wit::KeyFault::Empty,
            KeyFault::TooLong { len } => wit::KeyFault::TooLong(len),
            KeyFault::NotUtf8 => wit::KeyFault::NotUtf8,
        }),
        Error::ValueTooLarge { max, .. } => wit::Error::ValueTooLarge(max),
        Error::InvalidTtl => wit::Error::InvalidTtl,
        Error::Full => wit::Error::Full,
        Error::Conflict { current } => wit::Error::Conflict(current),
        Error::NotACounter => wit::Error::NotACounter,
        Error::Overflow => wit::Error::Overflow,
        // The app's host can downcast to `MapTerminated`.
        Error::Terminated { source } => return Err(source.into()),
        other => return Err(other.into()),
    })
}
