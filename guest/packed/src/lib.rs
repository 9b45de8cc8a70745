//! The packed form of batches in the interface `blocks` of localmap's contract: many keys, values,
//! changes or outcomes, one after another in a single list of blocks.
//!
//! `wit/blocks.wit` defines the form. This crate writes it, and reads it from bytes that may come
//! from an adversary: it never panics, and never returns a byte outside of them. Guests, the map
//! component and hosts share it, so it has types of its own, without a map behind them.
//!
//! | list | written with | read with |
//! |---|---|---|
//! | keys | [`pack_keys`] | [`Keys`] |
//! | values | [`PackedValues`] | [`Values`] |
//! | changes | [`PackedChanges`] | [`Changes`] |
//! | outcomes | [`pack_outcomes`], [`pack_error`] | [`Outcomes`] |
//!
//! ```
//! use localmap_packed::{Keys, PackedValues, Values, pack_keys};
//!
//! let keys = pack_keys(Vec::new(), [b"one".as_slice(), b"two"].into_iter());
//! assert_eq!(keys.blocks().len(), 1);
//!
//! // What a map does with them.
//! let mut values = PackedValues::new();
//! for key in Keys::new(keys.bytes()) {
//!     match key {
//!         b"one" => values.push(b"1"),
//!         _ => values.push_absent(),
//!     }
//! }
//! let values = values.finish();
//! let read: Vec<Option<&[u8]>> = Values::new(values.bytes()).collect();
//! assert_eq!(read, [Some(b"1".as_slice()), None]);
//! ```

#![no_std]

extern crate alloc;

mod change;
mod key;
mod outcome;
mod packed;
mod reader;
mod value;

pub use change::{Change, Changes, Condition, Malformed, PackedChanges, Ttl};
pub use key::{Keys, pack_keys};
pub use outcome::{Error, KeyFault, Outcomes, pack_error, pack_outcomes};
pub use packed::{BLOCK, Block, Packed};
pub use value::{PackedValues, Values};
