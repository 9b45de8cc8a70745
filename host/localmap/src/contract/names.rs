//! Names of the interfaces that components import and export.
//!
//! ```
//! use localmap::names;
//!
//! let app = wat::parse_str(format!(
//!     r#"(component (import "{}" (instance)))"#,
//!     names::LOCAL_MAP,
//! ))?;
//! assert!(localmap::inspect(&app)?.imports.iter().any(|item| item.name == names::LOCAL_MAP));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

/// The interface of the map, which an app imports.
pub const LOCAL_MAP: &str = "localmap:core/local-map@0.1.0";

/// A faster interface to the same map, which an app may import as well. It passes keys and values
/// eight bytes at a time.
pub const BLOCKS: &str = "localmap:core/blocks@0.1.0";

/// The host's side of a map: limits, preloading, statistics. No app may import it.
pub const CONTROL: &str = "localmap:core/control@0.1.0";

/// The drafts of `wasi:keyvalue` that the adapter serves.
pub const KEYVALUE_DRAFTS: [&str; 2] = ["0.2.0-draft", "0.2.0-draft2"];

/// The prefix of the export of a component that answers HTTP requests. A patch version follows.
pub const HTTP_HANDLER: &str = "wasi:http/incoming-handler@0.2";

/// The prefix of the export of a command. A patch version follows.
pub const COMMAND: &str = "wasi:cli/run@0.2";

/// The clock interface that a map component imports.
pub(crate) const CLOCK: &str = "wasi:clocks/monotonic-clock@0.2.0";

/// The interface from which a map component imports the seed of its hash function.
pub(crate) const SEED: &str = "wasi:random/insecure-seed@0.2.0";

/// Returns `true` for an interface of `wasi:keyvalue`, of any version.
pub(crate) fn is_keyvalue(name: &str) -> bool {
    name.starts_with("wasi:keyvalue/")
}
