//! A request of a pipeline, read where it lies: its tenant and its operations.

use super::wire::{Malformed, Message};
use localmap_sidecar_proto::{Condition, Ttl, condition, ttl};

/// A request: a batch of operations.
#[derive(Debug, Default)]
pub(super) struct Batch<'a> {
    /// Empty: that of the request before.
    pub(super) tenant: &'a str,
    pub(super) operations: Vec<Operation<'a>>,
}

/// An operation. As in the generated types, a part that is not set has its default value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation<'a> {
    /// Of no kind that is known here.
    Unknown,
    Get(&'a [u8]),
    Set(Set<'a>),
    Increment(Increment<'a>),
    Touch(Touch<'a>),
    Take(&'a [u8]),
    Delete(Delete<'a>),
    GetEntry(&'a [u8]),
    Contains(&'a [u8]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Set<'a> {
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) ttl: Option<Ttl>,
    pub(super) condition: Option<Condition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Increment<'a> {
    pub(super) key: &'a [u8],
    pub(super) delta: i64,
    pub(super) ttl: Option<Ttl>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Touch<'a> {
    pub(super) key: &'a [u8],
    pub(super) ttl: Option<Ttl>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Delete<'a> {
    pub(super) key: &'a [u8],
    pub(super) version: Option<u64>,
}

/// Why a request cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BatchError {
    /// It is malformed in the field that begins at this index.
    Malformed { at: usize },
    /// It has more operations than this.
    TooMany { max: usize },
}

impl<'a> Batch<'a> {
    /// Reads a request of at most `max` operations.
    pub(super) fn read(bytes: &'a [u8], max: usize) -> Result<Self, BatchError> {
        let mut message = Message::new(bytes);
        let mut batch = Self::default();
        loop {
            let at = bytes.len() - message.len();
            match batch.read_field(&mut message) {
                Ok(true) if batch.operations.len() > max => {
                    return Err(BatchError::TooMany { max });
                }
                Ok(true) => {}
                Ok(false) => return Ok(batch),
                Err(Malformed) => return Err(BatchError::Malformed { at }),
            }
        }
    }

    /// Returns the number of operations.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.operations.len()).unwrap_or(u32::MAX)
    }

    /// Reads the next field. Returns `false` at the end.
    #[inline]
    fn read_field(&mut self, message: &mut Message<'a>) -> Result<bool, Malformed> {
        let Some(field) = message.next_field()? else {
            return Ok(false);
        };
        match field.number() {
            1 => self.tenant = str::from_utf8(message.bytes(field)?).map_err(|_| Malformed)?,
            2 => self
                .operations
                .push(Operation::read(message.message(field)?)?),
            _ => message.skip(field)?,
        }
        Ok(true)
    }
}

impl<'a> Operation<'a> {
    /// Returns `true` if it may change the map.
    pub(super) fn writes(&self) -> bool {
        match self {
            Self::Unknown | Self::Get(_) | Self::GetEntry(_) | Self::Contains(_) => false,
            Self::Set(_)
            | Self::Increment(_)
            | Self::Touch(_)
            | Self::Take(_)
            | Self::Delete(_) => true,
        }
    }

    /// Reads an operation. Of several kinds, the last one counts; a message that is repeated is
    /// merged.
    #[inline]
    fn read(mut message: Message<'a>) -> Result<Self, Malformed> {
        let mut operation = Self::Unknown;
        while let Some(field) = message.next_field()? {
            operation = match (field.number(), operation) {
                (1, _) => Self::Get(message.bytes(field)?),
                (2, Self::Set(set)) => Self::Set(set.merge(message.message(field)?)?),
                (2, _) => Self::Set(Set::default().merge(message.message(field)?)?),
                (3, Self::Increment(increment)) => {
                    Self::Increment(increment.merge(message.message(field)?)?)
                }
                (3, _) => Self::Increment(Increment::default().merge(message.message(field)?)?),
                (4, Self::Touch(touch)) => Self::Touch(touch.merge(message.message(field)?)?),
                (4, _) => Self::Touch(Touch::default().merge(message.message(field)?)?),
                (5, _) => Self::Take(message.bytes(field)?),
                (6, Self::Delete(delete)) => Self::Delete(delete.merge(message.message(field)?)?),
                (6, _) => Self::Delete(Delete::default().merge(message.message(field)?)?),
                (7, _) => Self::GetEntry(message.bytes(field)?),
                (8, _) => Self::Contains(message.bytes(field)?),
                (_, operation) => {
                    message.skip(field)?;
                    operation
                }
            };
        }
        Ok(operation)
    }
}

impl<'a> Set<'a> {
    #[inline]
    fn merge(mut self, mut message: Message<'a>) -> Result<Self, Malformed> {
        while let Some(field) = message.next_field()? {
            match field.number() {
                1 => self.key = message.bytes(field)?,
                2 => self.value = message.bytes(field)?,
                3 => self.ttl = Some(merge_ttl(self.ttl, message.message(field)?)?),
                4 => {
                    let condition = merge_condition(self.condition, message.message(field)?)?;
                    self.condition = Some(condition);
                }
                _ => message.skip(field)?,
            }
        }
        Ok(self)
    }
}

impl<'a> Increment<'a> {
    fn merge(mut self, mut message: Message<'a>) -> Result<Self, Malformed> {
        while let Some(field) = message.next_field()? {
            match field.number() {
                1 => self.key = message.bytes(field)?,
                2 => self.delta = message.sint64(field)?,
                3 => self.ttl = Some(merge_ttl(self.ttl, message.message(field)?)?),
                _ => message.skip(field)?,
            }
        }
        Ok(self)
    }
}

impl<'a> Touch<'a> {
    fn merge(mut self, mut message: Message<'a>) -> Result<Self, Malformed> {
        while let Some(field) = message.next_field()? {
            match field.number() {
                1 => self.key = message.bytes(field)?,
                2 => self.ttl = Some(merge_ttl(self.ttl, message.message(field)?)?),
                _ => message.skip(field)?,
            }
        }
        Ok(self)
    }
}

impl<'a> Delete<'a> {
    fn merge(mut self, mut message: Message<'a>) -> Result<Self, Malformed> {
        while let Some(field) = message.next_field()? {
            match field.number() {
                1 => self.key = message.bytes(field)?,
                2 => self.version = Some(message.uint64(field)?),
                _ => message.skip(field)?,
            }
        }
        Ok(self)
    }
}

fn merge_ttl(ttl: Option<Ttl>, mut message: Message<'_>) -> Result<Ttl, Malformed> {
    let mut ttl = ttl.unwrap_or_default();
    while let Some(field) = message.next_field()? {
        match field.number() {
            1 => ttl.kind = Some(ttl::Kind::Never(message.bool(field)?)),
            2 => ttl.kind = Some(ttl::Kind::AfterNanos(message.uint64(field)?)),
            _ => message.skip(field)?,
        }
    }
    Ok(ttl)
}

fn merge_condition(
    condition: Option<Condition>,
    mut message: Message<'_>,
) -> Result<Condition, Malformed> {
    let mut condition = condition.unwrap_or_default();
    while let Some(field) = message.next_field()? {
        match field.number() {
            1 => condition.kind = Some(condition::Kind::Absent(message.bool(field)?)),
            2 => condition.kind = Some(condition::Kind::Present(message.bool(field)?)),
            3 => condition.kind = Some(condition::Kind::Version(message.uint64(field)?)),
            _ => message.skip(field)?,
        }
    }
    Ok(condition)
}
