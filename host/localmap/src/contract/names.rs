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

/// The host's view of what changes in a map, which a map component may export. No app may import it.
pub const CHANGES: &str = "localmap:core/changes@0.1.0";

/// The interface that a guest of the sidecar exports.
pub const HANDLER: &str = "localmap:core/handler@0.1.0";

/// The interface by which a guest reads mirrors, which are copies of data of other machines that its host
/// keeps up to date: see the crate `localmap-mirror`.
pub const MIRROR: &str = "localmap:core/mirror@0.1.0";

/// The drafts of `wasi:keyvalue` that the adapter serves.
pub const KEYVALUE_DRAFTS: [&str; 2] = ["0.2.0-draft", "0.2.0-draft2"];

/// The prefix of the export of a component of WASI 0.2 that answers HTTP requests. A patch version
/// follows.
pub const HTTP_HANDLER: &str = "wasi:http/incoming-handler@0.2";

/// The prefix of the export of a component of WASI 0.3 that answers HTTP requests. A patch version
/// follows.
pub const HTTP_HANDLER_0_3: &str = "wasi:http/handler@0.3";

/// The prefix of the export of a command of WASI 0.2. A patch version follows.
pub const COMMAND: &str = "wasi:cli/run@0.2";

/// The prefix of the export of a command of WASI 0.3. A patch version follows.
pub const COMMAND_0_3: &str = "wasi:cli/run@0.3";

/// The clock interface that a map component imports.
pub(crate) const CLOCK: &str = "wasi:clocks/monotonic-clock@0.2.0";

/// The interface from which a map component imports the seed of its hash function.
pub(crate) const SEED: &str = "wasi:random/insecure-seed@0.2.0";

/// Returns `true` if two names are equal except for their versions.
pub(crate) fn same_interface(a: &str, b: &str) -> bool {
    a.split('@').next() == b.split('@').next()
}

/// Returns `true` for an interface of `wasi:keyvalue`, of any version.
pub(crate) fn is_keyvalue(name: &str) -> bool {
    name.starts_with("wasi:keyvalue/")
}

/// The packages of WASI.
const WASI: [&str; 7] = [
    "cli",
    "clocks",
    "filesystem",
    "http",
    "io",
    "random",
    "sockets",
];

/// Returns the version in the name of an interface of WASI; `None` for other names.
pub(crate) fn version_of_wasi(name: &str) -> Option<&str> {
    let (package, rest) = name.strip_prefix("wasi:")?.split_once('/')?;
    let version = rest.split_once('@').map_or("", |(_, version)| version);
    WASI.contains(&package).then_some(version)
}

/// Returns `true` for the name of an interface of WASI 0.3, released or not.
pub(crate) fn is_of_wasi_0_3(name: &str) -> bool {
    version_of_wasi(name).is_some_and(|version| version.starts_with("0.3."))
}
