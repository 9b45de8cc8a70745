//! The types of the contract in linear memory. Their fields and cases are those of the types that
//! Wasmtime generates from the WIT; the compiler compares the names and types, and the assertions
//! below the sizes.

use super::layout::{Layout, align_to, max, of, variant};
use super::lift::{Lift, Source, discriminant, field, no_such_case};
use super::lower::{self, Lower, Parameters};
use crate::contract::bindings::{changes, control, local_map};
use wasmtime::Result;
use wasmtime::component::ComponentType;

/// Lays out a record: its fields in order.
macro_rules! record {
    ($type:ty { $($field:ident: $of:ty,)* }) => {
        impl Layout for $type {
            const ALIGN: usize = {
                let mut align = 1;
                $(align = max(align, <$of as Layout>::ALIGN);)*
                align
            };
            const SIZE: usize = {
                let mut end = 0;
                $(end = align_to(end, <$of as Layout>::ALIGN) + <$of as Layout>::SIZE;)*
                align_to(end, Self::ALIGN)
            };
        }

        same_layout!($type);
    };
}

/// Lays out a record that is read.
macro_rules! lifted_record {
    ($type:ty { $($field:ident: $of:ty,)* }) => {
        record!($type { $($field: $of,)* });

        impl Lift for $type {
            fn lift(from: &mut Source<'_>, bytes: &[u8]) -> Result<Self> {
                let mut end = 0;
                $(
                    let start = align_to(end, <$of as Layout>::ALIGN);
                    end = start + <$of as Layout>::SIZE;
                    let $field = <$of as Lift>::lift(from, field(bytes, start))?;
                )*
                let _ = end;
                Ok(Self { $($field),* })
            }
        }
    };
}

/// Lays out a record that is written.
macro_rules! lowered_record {
    ($type:ty { $($field:ident: $of:ty,)* }) => {
        record!($type { $($field: $of,)* });

        impl Lower for $type {
            fn lower(&self, parameters: &mut impl Parameters, to: &mut [u8]) -> Result<()> {
                let mut end = 0;
                $(
                    let start = align_to(end, <$of as Layout>::ALIGN);
                    end = start + <$of as Layout>::SIZE;
                    self.$field.lower(parameters, lower::field(to, start))?;
                )*
                let _ = end;
                Ok(())
            }
        }
    };
}

/// Lays out a variant: its discriminant and the payload of its case.
macro_rules! variant {
    ($type:ty { $($payload:ty,)* }) => {
        impl Layout for $type {
            const SIZE: usize = variant(&[$(of::<$payload>()),*]).0;
            const ALIGN: usize = variant(&[$(of::<$payload>()),*]).1;
        }

        same_layout!($type);
    };
}

/// The type of a case's payload.
macro_rules! payload {
    () => {
        ()
    };
    ($payload:ty) => {
        $payload
    };
}

/// Lays out a variant that is read, with its cases and their discriminants.
macro_rules! lifted_variant {
    ($type:ty { $($number:literal: $case:ident $(($payload:ty))?,)* }) => {
        variant!($type { $(payload!($($payload)?),)* });

        impl Lift for $type {
            fn lift(from: &mut Source<'_>, bytes: &[u8]) -> Result<Self> {
                let payload = field(bytes, Self::ALIGN);
                match discriminant(bytes)? {
                    $($number => Ok(Self::$case $((<$payload as Lift>::lift(from, payload)?))?),)*
                    case => {
                        let _ = (from, payload);
                        Err(no_such_case(case))
                    }
                }
            }
        }
    };
}

/// Lays out a variant that is written, with its cases and their discriminants.
macro_rules! lowered_variant {
    ($type:ty { $($number:literal: $case:ident $(($name:ident: $payload:ty))?,)* }) => {
        variant!($type { $(payload!($($payload)?),)* });

        impl Lower for $type {
            fn lower(&self, parameters: &mut impl Parameters, to: &mut [u8]) -> Result<()> {
                match self {
                    $(Self::$case $(($name))? => {
                        lower::write(&[$number], to);
                        $($name.lower(parameters, lower::field(to, Self::ALIGN))?;)?
                    })*
                }
                Ok(())
            }
        }
    };
}

/// Compares a layout with the one that Wasmtime computes from the WIT.
macro_rules! same_layout {
    ($type:ty) => {
        const _: () = assert!(
            <$type as Layout>::SIZE == <$type as ComponentType>::SIZE32
                && <$type as Layout>::ALIGN == <$type as ComponentType>::ALIGN32 as usize
        );
    };
}

lifted_record!(local_map::Entry {
    value: Vec<u8>,
    version: u64,
    expires_in: Option<u64>,
});

lifted_record!(local_map::Scanned {
    key: Vec<u8>,
    value: Vec<u8>,
    version: u64,
    expires_in: Option<u64>,
});

lifted_record!(local_map::Page {
    entries: Vec<local_map::Scanned>,
    next: Option<u64>,
});

lifted_variant!(local_map::KeyFault {
    0: Empty,
    1: TooLong(u64),
    2: NotUtf8,
});

lifted_variant!(local_map::Error {
    0: InvalidKey(local_map::KeyFault),
    1: ValueTooLarge(u64),
    2: InvalidTtl,
    3: Full,
    4: Conflict(Option<u64>),
    5: NotACounter,
    6: Overflow,
});

lifted_variant!(local_map::Outcome {
    0: Stored(u64),
    1: Counter(i64),
    2: Touched(bool),
    3: Deleted(bool),
});

lifted_variant!(control::Policy {
    0: Refuse,
    1: Lru,
    2: S3Fifo,
});

lifted_record!(control::Limits {
    max_entries: u64,
    max_bytes: u64,
    max_key: u32,
    max_value: u64,
    default_ttl: Option<u64>,
    utf8_keys: bool,
    policy: control::Policy,
    max_pins: u32,
});

lifted_variant!(control::Setting {
    0: MaxEntries,
    1: MaxBytes,
    2: MaxKey,
    3: MaxValue,
    4: DefaultTtl,
    5: Utf8Keys,
    6: Policy,
    7: MaxPins,
});

lifted_variant!(control::ConfigureError {
    0: OutOfRange(control::Setting),
    1: Lowered(control::Setting),
});

lifted_record!(control::Statistics {
    entries: u64,
    bytes: u64,
    payload: u64,
    overhead: u64,
    free: u64,
    pinned: u64,
    high_water: u64,
    hits: u64,
    misses: u64,
    writes: u64,
    expired: u64,
    evicted: u64,
    refused: u64,
});

lifted_variant!(changes::Became {
    0: Stored,
    1: Touched,
    2: Gone,
});

lifted_record!(changes::Changed {
    key: Vec<u8>,
    became: changes::Became,
});

lifted_record!(changes::Told {
    changed: Vec<changes::Changed>,
    lost: bool,
    more: bool,
    due_in: Option<u64>,
});

lifted_record!(changes::Entry {
    value: Vec<u8>,
    version: u64,
    expires_in: Option<u64>,
});

lowered_variant!(local_map::Ttl {
    0: Default,
    1: Never,
    2: After(nanos: u64),
});

lowered_variant!(local_map::Condition {
    0: Absent,
    1: Present,
    2: Version(version: u64),
});

lowered_record!(local_map::SetChange<'_> {
    key: &[u8],
    value: &[u8],
    ttl: local_map::Ttl,
});

lowered_record!(local_map::SetIfChange<'_> {
    key: &[u8],
    value: &[u8],
    ttl: local_map::Ttl,
    condition: local_map::Condition,
});

lowered_record!(local_map::IncrementChange<'_> {
    key: &[u8],
    delta: i64,
    ttl: local_map::Ttl,
});

lowered_record!(local_map::TouchChange<'_> {
    key: &[u8],
    ttl: local_map::Ttl,
});

lowered_record!(local_map::DeleteIfChange<'_> {
    key: &[u8],
    version: u64,
});

lowered_variant!(local_map::Change<'_> {
    0: Set(change: local_map::SetChange<'_>),
    1: SetIf(change: local_map::SetIfChange<'_>),
    2: Increment(change: local_map::IncrementChange<'_>),
    3: Touch(change: local_map::TouchChange<'_>),
    4: Delete(key: &[u8]),
    5: DeleteIf(change: local_map::DeleteIfChange<'_>),
});
