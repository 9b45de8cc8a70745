//! Batches of operations for a pipeline, and their results.

use crate::entry::{Condition, Entry, Ttl, Version};
use crate::error::Error;
use crate::rejection::Rejection;
use bytes::Bytes;
use localmap_sidecar_proto::change::{Delete, Increment, Set, Touch};
use localmap_sidecar_proto::operation::Kind;
use localmap_sidecar_proto::{self as proto, operation_result};

/// The most bytes that the encoding of an operation adds to its key and value.
const OVERHEAD: usize = 64;

/// A batch of operations, which a [`Pipeline`](crate::Pipeline) performs in order.
///
/// Each operation stands for itself: one that is rejected does not stop the others. For all or
/// nothing use [`Tenant::apply`](crate::Tenant::apply).
///
/// ```
/// use localmap_sidecar_client::{Batch, Ttl};
///
/// let batch = Batch::new()
///     .set("a", "1", Ttl::Default)
///     .increment("hits", 1, Ttl::Default)
///     .get("a");
/// assert_eq!(batch.len(), 3);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    operations: Vec<proto::Operation>,
    bytes: usize,
}

impl Batch {
    /// Creates an empty batch. See [`Batch`] for an example.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a read of a value: [`OperationResult::Value`] or [`OperationResult::Absent`].
    #[must_use]
    pub fn get(self, key: impl AsRef<[u8]>) -> Self {
        self.with_key(key.as_ref(), Kind::Get)
    }

    /// Adds a read of an entry: [`OperationResult::Entry`] or [`OperationResult::Absent`].
    #[must_use]
    pub fn get_entry(self, key: impl AsRef<[u8]>) -> Self {
        self.with_key(key.as_ref(), Kind::GetEntry)
    }

    /// Adds a look whether a key is present: [`OperationResult::Present`].
    #[must_use]
    pub fn contains(self, key: impl AsRef<[u8]>) -> Self {
        self.with_key(key.as_ref(), Kind::Contains)
    }

    /// Adds a read that deletes: [`OperationResult::Value`] or [`OperationResult::Absent`].
    #[must_use]
    pub fn take(self, key: impl AsRef<[u8]>) -> Self {
        self.with_key(key.as_ref(), Kind::Take)
    }

    /// Adds a write: [`OperationResult::Stored`] or [`OperationResult::Rejected`].
    #[must_use]
    pub fn set(self, key: impl AsRef<[u8]>, value: impl Into<Bytes>, ttl: Ttl) -> Self {
        self.with_set(key.as_ref(), value.into(), ttl, None)
    }

    /// Adds a conditional write: [`OperationResult::Stored`] or [`OperationResult::Rejected`].
    #[must_use]
    pub fn set_if(
        self,
        key: impl AsRef<[u8]>,
        value: impl Into<Bytes>,
        ttl: Ttl,
        condition: Condition,
    ) -> Self {
        self.with_set(key.as_ref(), value.into(), ttl, Some(condition))
    }

    /// Adds an addition to a counter: [`OperationResult::Counter`] or
    /// [`OperationResult::Rejected`].
    #[must_use]
    pub fn increment(self, key: impl AsRef<[u8]>, delta: i64, ttl: Ttl) -> Self {
        self.with_key(key.as_ref(), |key| {
            Kind::Increment(Increment {
                key,
                delta,
                ttl: ttl.to_proto(),
            })
        })
    }

    /// Adds a new TTL of an entry: [`OperationResult::Present`] or [`OperationResult::Rejected`].
    #[must_use]
    pub fn touch(self, key: impl AsRef<[u8]>, ttl: Ttl) -> Self {
        self.with_key(key.as_ref(), |key| {
            Kind::Touch(Touch {
                key,
                ttl: ttl.to_proto(),
            })
        })
    }

    /// Adds a delete: [`OperationResult::Present`].
    #[must_use]
    pub fn delete(self, key: impl AsRef<[u8]>) -> Self {
        self.with_key(key.as_ref(), |key| {
            Kind::Delete(Delete { key, version: None })
        })
    }

    /// Adds a conditional delete: [`OperationResult::Present`] or [`OperationResult::Rejected`].
    #[must_use]
    pub fn delete_if(self, key: impl AsRef<[u8]>, version: Version) -> Self {
        let version = Some(version);
        self.with_key(key.as_ref(), |key| Kind::Delete(Delete { key, version }))
    }

    /// Returns the number of operations.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Returns `true` if there are no operations.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Returns the most bytes that the batch takes as a message. A pipeline accepts 4 MiB.
    #[must_use]
    pub fn message_len(&self) -> usize {
        self.bytes
    }

    /// Returns the operations.
    pub(crate) fn into_operations(self) -> Vec<proto::Operation> {
        self.operations
    }

    fn with_set(self, key: &[u8], value: Bytes, ttl: Ttl, condition: Option<Condition>) -> Self {
        let value_len = value.len();
        let mut batch = self.with_key(key, |key| {
            Kind::Set(Set {
                key,
                value,
                ttl: ttl.to_proto(),
                condition: condition.map(Condition::to_proto),
            })
        });
        batch.bytes += value_len;
        batch
    }

    fn with_key(mut self, key: &[u8], kind: impl FnOnce(Bytes) -> Kind) -> Self {
        let kind = Some(kind(Bytes::copy_from_slice(key)));
        self.operations.push(proto::Operation { kind });
        self.bytes += key.len() + OVERHEAD;
        self
    }
}

/// The result of an operation of a [`Batch`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OperationResult {
    /// The key is absent.
    Absent,
    /// The value, of `get` and `take`. See [`Entry::value`] about its memory.
    Value(Bytes),
    /// The entry, of `get_entry`.
    Entry(Entry),
    /// The version of the stored value, of `set` and `set_if`.
    Stored(Version),
    /// The new value of the counter, of `increment`.
    Counter(i64),
    /// Whether the key was present, of `contains`, `touch`, `delete` and `delete_if`.
    Present(bool),
    /// The write was rejected and has changed nothing.
    Rejected(Rejection),
}

impl TryFrom<proto::OperationResult> for OperationResult {
    type Error = Error;

    fn try_from(result: proto::OperationResult) -> Result<Self, Error> {
        use operation_result::Kind;
        Ok(match result.kind {
            Some(Kind::Absent(_)) => Self::Absent,
            Some(Kind::Value(value)) => Self::Value(value),
            Some(Kind::Entry(entry)) => Self::Entry(entry.into()),
            Some(Kind::Stored(version)) => Self::Stored(version),
            Some(Kind::Sum(sum)) => Self::Counter(sum),
            Some(Kind::Present(present)) => Self::Present(present),
            Some(Kind::Rejected(rejected)) => Self::Rejected(rejected.into()),
            None => return Err(Error::protocol("a result of no kind")),
        })
    }
}
