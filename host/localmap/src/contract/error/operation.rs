//! One error for each operation, of the refusals that it can meet.

use super::{Error, KeyFault, MapTerminated};
use crate::contract::bindings::local_map;
use crate::contract::types::Version;

pub(super) const INVALID_TTL: &str = "a TTL of zero: give at least one nanosecond, or `never`";
pub(super) const FULL: &str =
    "the map is full: delete entries, give them shorter TTLs, or raise its limits or its memory";
pub(super) const NOT_A_COUNTER: &str =
    "not a counter: a counter is a value of 8 bytes, and this key has another";
pub(super) const OVERFLOW: &str = "the counter would overflow 64 bits: set it anew";
pub(super) const FOREIGN_PIN: &str = "this pin is one of another map";

pub(super) fn invalid_key(fault: &KeyFault) -> String {
    format!("invalid key: {fault}")
}

pub(super) fn too_large(len: &u64, max: &u64) -> String {
    format!("the value is too large: it has {len} bytes, and this map takes at most {max} bytes")
}

pub(super) fn conflict(current: &Option<Version>) -> String {
    match current {
        Some(version) => format!("conflict: the key is there with version {version}"),
        None => "conflict: the key is not there".to_owned(),
    }
}

/// What a map refuses, of all operations: the errors of the contract.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refused {
    InvalidKey { fault: KeyFault },
    ValueTooLarge { len: u64, max: u64 },
    InvalidTtl,
    Full,
    Conflict { current: Option<Version> },
    NotACounter,
    Overflow,
}

impl Refused {
    /// What the map has answered to a value of `len` bytes.
    pub(crate) fn new(error: local_map::Error, len: usize) -> Self {
        use local_map::Error as E;
        match error {
            E::InvalidKey(fault) => Self::InvalidKey {
                fault: fault.into(),
            },
            E::ValueTooLarge(max) => Self::ValueTooLarge {
                len: len as u64,
                max,
            },
            E::InvalidTtl => Self::InvalidTtl,
            E::Full => Self::Full,
            E::Conflict(current) => Self::Conflict { current },
            E::NotACounter => Self::NotACounter,
            E::Overflow => Self::Overflow,
        }
    }
}

/// What kills a map that refuses something for a reason that the operation has not.
fn contradicts(refused: Refused) -> wasmtime::Error {
    wasmtime::format_err!(
        "the map contradicts its contract: this operation cannot be refused for {refused:?}"
    )
}

/// Makes the enum of an operation out of the names of its variants, the ways into it
/// from what the map has answered, and the way into [`Error`].
macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident: $($variant:ident)*;)*) => {
        $(errors! { @ [$(#[$doc])*] $name {} {} {} $($variant)* })*
    };
    (@ $d:tt $n:ident {$($v:tt)*} {$($r:tt)*} {$($u:tt)*} InvalidKey $($more:ident)*) => {
        errors! { @ $d $n {
            $($v)*
            /// The key is not one that the map takes.
            #[error("{}", invalid_key(.fault))]
            #[non_exhaustive]
            InvalidKey {
                /// What is wrong with it.
                fault: KeyFault,
            },
        } {
            $($r)* Refused::InvalidKey { fault } => Ok(Self::InvalidKey { fault }),
        } {
            $($u)* $n::InvalidKey { fault } => Self::InvalidKey { fault },
        } $($more)* }
    };
    (@ $d:tt $n:ident {$($v:tt)*} {$($r:tt)*} {$($u:tt)*} ValueTooLarge $($more:ident)*) => {
        errors! { @ $d $n {
            $($v)*
            /// The value is over [`Limits::max_value`](crate::Limits::max_value).
            #[error("{}", too_large(.len, .max))]
            #[non_exhaustive]
            ValueTooLarge {
                /// Its length, in bytes.
                len: u64,
                /// The limit, in bytes.
                max: u64,
            },
        } {
            $($r)* Refused::ValueTooLarge { len, max } => Ok(Self::ValueTooLarge { len, max }),
        } {
            $($u)* $n::ValueTooLarge { len, max } => Self::ValueTooLarge { len, max },
        } $($more)* }
    };
    (@ $d:tt $n:ident {$($v:tt)*} {$($r:tt)*} {$($u:tt)*} InvalidTtl $($more:ident)*) => {
        errors! { @ $d $n {
            $($v)*
            /// The TTL is zero.
            #[error("{}", INVALID_TTL)]
            InvalidTtl,
        } {
            $($r)* Refused::InvalidTtl => Ok(Self::InvalidTtl),
        } {
            $($u)* $n::InvalidTtl => Self::InvalidTtl,
        } $($more)* }
    };
    (@ $d:tt $n:ident {$($v:tt)*} {$($r:tt)*} {$($u:tt)*} Full $($more:ident)*) => {
        errors! { @ $d $n {
            $($v)*
            /// A limit of the map, or of the memory that its store may have, is reached,
            /// and nothing may be [evicted](crate::Policy); or a batch is larger than
            /// one may be.
            #[error("{}", FULL)]
            Full,
        } {
            $($r)* Refused::Full => Ok(Self::Full),
        } {
            $($u)* $n::Full => Self::Full,
        } $($more)* }
    };
    (@ $d:tt $n:ident {$($v:tt)*} {$($r:tt)*} {$($u:tt)*} Conflict $($more:ident)*) => {
        errors! { @ $d $n {
            $($v)*
            /// The condition does not hold.
            #[error("{}", conflict(.current))]
            #[non_exhaustive]
            Conflict {
                /// The version that is there. `None`: the key is absent.
                current: Option<Version>,
            },
        } {
            $($r)* Refused::Conflict { current } => Ok(Self::Conflict { current }),
        } {
            $($u)* $n::Conflict { current } => Self::Conflict { current },
        } $($more)* }
    };
    (@ $d:tt $n:ident {$($v:tt)*} {$($r:tt)*} {$($u:tt)*} NotACounter $($more:ident)*) => {
        errors! { @ $d $n {
            $($v)*
            /// The value is not the 8 bytes of a counter.
            #[error("{}", NOT_A_COUNTER)]
            NotACounter,
        } {
            $($r)* Refused::NotACounter => Ok(Self::NotACounter),
        } {
            $($u)* $n::NotACounter => Self::NotACounter,
        } $($more)* }
    };
    (@ $d:tt $n:ident {$($v:tt)*} {$($r:tt)*} {$($u:tt)*} Overflow $($more:ident)*) => {
        errors! { @ $d $n {
            $($v)*
            /// The counter would leave the range of `i64`.
            #[error("{}", OVERFLOW)]
            Overflow,
        } {
            $($r)* Refused::Overflow => Ok(Self::Overflow),
        } {
            $($u)* $n::Overflow => Self::Overflow,
        } $($more)* }
    };
    (@ $d:tt $n:ident {$($v:tt)*} $r:tt {$($u:tt)*} ForeignPin $($more:ident)*) => {
        errors! { @ $d $n {
            $($v)*
            /// The pin was made by another map.
            #[error("{}", FOREIGN_PIN)]
            ForeignPin,
        } $r {
            $($u)* $n::ForeignPin => Self::ForeignPin,
        } $($more)* }
    };
    // The last of them, written where the enum is: thiserror's `transparent` is a name.
    (@ [$($d:tt)*] $n:ident {$($v:tt)*} $r:tt {$($u:tt)*} Terminated) => {
        $($d)*
        #[derive(Debug, Clone, thiserror::Error)]
        #[non_exhaustive]
        pub enum $n {
            $($v)*
            /// The map is dead: in this call, or since an earlier one.
            #[error(transparent)]
            #[non_exhaustive]
            Terminated {
                /// What killed it, and when.
                #[from]
                source: MapTerminated,
            },
        }
        errors! { @ways $n $r {
            $($u)* $n::Terminated { source } => Self::Terminated { source },
        } }
    };
    (@ [$($d:tt)*] $n:ident {$($v:tt)*} $r:tt $u:tt) => {
        $($d)*
        #[derive(Debug, Clone, thiserror::Error)]
        #[non_exhaustive]
        pub enum $n {
            $($v)*
        }
        errors! { @ways $n $r $u }
    };
    (@ways $n:ident {$($r:tt)*} {$($u:tt)*}) => {
        impl TryFrom<Refused> for $n {
            type Error = wasmtime::Error;

            fn try_from(refused: Refused) -> wasmtime::Result<Self> {
                match refused {
                    $($r)*
                    #[allow(unreachable_patterns, reason = "a change can be refused for each")]
                    other => Err(contradicts(other)),
                }
            }
        }

        impl From<$n> for Error {
            fn from(error: $n) -> Self {
                match error {
                    $($u)*
                }
            }
        }
    };
}

errors! {
    /// Why [`LocalMap::set`](crate::LocalMap::set) stored nothing.
    SetError: InvalidKey ValueTooLarge InvalidTtl Full Terminated;
    /// Why [`LocalMap::set_if`](crate::LocalMap::set_if) stored nothing.
    SetIfError: InvalidKey ValueTooLarge InvalidTtl Full Conflict Terminated;
    /// Why [`LocalMap::increment`](crate::LocalMap::increment) counted nothing.
    IncrementError: InvalidKey ValueTooLarge InvalidTtl Full NotACounter Overflow Terminated;
    /// Why [`LocalMap::touch`](crate::LocalMap::touch) changed nothing.
    TouchError: InvalidKey InvalidTtl Full Terminated;
    /// Why [`LocalMap::delete_if`](crate::LocalMap::delete_if) deleted nothing.
    DeleteIfError: Conflict Terminated;
    /// Why [`LocalMap::pin`](crate::LocalMap::pin) holds nothing.
    PinError: Full Terminated;
    /// Why [`LocalMap::pinned`](crate::LocalMap::pinned) or
    /// [`LocalMap::unpin`](crate::LocalMap::unpin) did nothing.
    PinnedError: ForeignPin Terminated;
    /// Why one [`Change`](crate::Change) of a batch was refused, and all of them with it.
    ChangeError: InvalidKey ValueTooLarge InvalidTtl Full Conflict NotACounter Overflow;
}

/// Why a batch was refused. It has changed nothing then.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// One of its changes was refused.
    #[error("change {index} of the batch was refused")]
    #[non_exhaustive]
    Refused {
        /// Which change, counted from 0.
        index: usize,
        /// Why.
        source: ChangeError,
    },
    /// The map is dead: in this call, or since an earlier one.
    #[error(transparent)]
    #[non_exhaustive]
    Terminated {
        /// What killed it, and when.
        #[from]
        source: MapTerminated,
    },
}

/// Why entries could not be put into a map.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PreloadError {
    /// One of them was refused.
    #[error("entry {index} of those to be there from the start was refused")]
    #[non_exhaustive]
    Refused {
        /// Which one, counted from 0. Those before it are stored.
        index: usize,
        /// Why.
        source: SetError,
    },
    /// The map is dead: in this call, or since an earlier one.
    #[error(transparent)]
    #[non_exhaustive]
    Terminated {
        /// What killed it, and when.
        #[from]
        source: MapTerminated,
    },
}
