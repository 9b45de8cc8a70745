//! Schemas for the keys and values of [localmap](https://github.com/localmap/localmap)'s maps.
//!
//! A [`Schema`] is a file in TOML or JSON: the versions that it serves, rules for the keys with each
//! prefix, limits, and the first entries of each map. [`preload()`] checks it and writes it into a
//! folder, for example in an init container. [`load`] reads it there and says what is wrong if it is
//! missing, newer, older, damaged or unreadable; programs call it before they start.
//!
//! ```
//! use localmap_schema::{PreloadOptions, Source, Ttl, load, preload};
//! use std::path::Path;
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! # let file = folder.join("schema.toml");
//! # std::fs::write(&file, "format = 1\nversion = 7\nprefix = [{ prefix = \"session:\" }]\n")?;
//! // In the init container:
//! preload(Source::File(&file), folder, &PreloadOptions::new())?;
//!
//! // In the main container:
//! let preloaded = load(folder, Some(&"5..7".parse()?))?;
//! let schema = preloaded.schema();
//! assert!(schema.check_value(b"session:1", b"alice", Ttl::Default).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The [JSON Schema](JSON_SCHEMA) of the file is for editors and other programs.
//!
//! # Features
//!
//! - `map`, off by default: limits, first entries and rules in the types of `localmap`. Without it,
//!   this crate does not depend on Wasmtime.

mod amount;
mod bytes;
mod check;
mod digest;
mod document;
mod error;
mod files;
mod folder;
mod layout;
mod limits;
mod load;
#[cfg(feature = "map")]
mod map;
mod parse;
mod prefix;
mod preload;
#[cfg(test)]
mod published;
mod rules;
mod schema;
mod store;
mod syntax;
mod ttl;
mod version;
mod violation;

pub use digest::{Digest, InvalidDigest};
pub use document::FORMAT;
pub use error::SchemaError;
pub use layout::MAX_SIZE;
pub use limits::{SchemaLimits, SchemaPolicy};
pub use load::{LoadError, Preloaded, load};
pub use prefix::{Kind, Prefix};
pub use preload::{
    DEFAULT_MAX_SIZE, DEFAULT_MODE, PreloadError, PreloadOptions, PreloadOutcome, Source, preload,
    read,
};
pub use schema::{EntriesFile, Entry, Schema};
pub use store::FILE_NAME;
pub use ttl::Ttl;
pub use version::{InvalidVersionRange, VersionRange};
pub use violation::Violation;

/// The JSON Schema of a schema file, for editors and other programs.
///
/// It describes the fields and their forms. It cannot say what [`Schema::parse`] checks besides, such
/// as that a value is not longer than its prefix allows.
pub const JSON_SCHEMA: &str = include_str!("../schema/localmap-schema.json");

/// Runs the examples of the README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
