//! Errors about components that localmap cannot use.

use crate::contract::buckets::BucketsError;
use crate::contract::error::{ConfigureError, PreloadError};
use crate::contract::names::{
    CHANGES, CLOCK, CONTROL, HTTP_HANDLER_0_3, KEYVALUE_DRAFTS, LOCAL_MAP, MIRROR, SEED,
    is_keyvalue, same_interface, version_of_wasi,
};

/// An error in the bytes of a component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentError {
    /// The bytes are not WebAssembly.
    #[error("not WebAssembly: expected a component, which starts with the bytes 00 61 73 6d")]
    NotWasm,
    /// The bytes are the text format of WebAssembly.
    #[error(
        "the text format of WebAssembly, not the binary one: convert it with `wasm-tools parse`"
    )]
    Text,
    /// The bytes are a compressed file.
    #[error("a file that is compressed with {format}, not a component: unpack it first")]
    #[non_exhaustive]
    Compressed {
        /// The format, such as `gzip`.
        format: &'static str,
    },
    /// The bytes are a package of WIT in its binary format.
    #[error(
        "a WIT package, which has types but no code: give the component that was built against it"
    )]
    WitPackage,
    /// The bytes are a core module.
    #[error(
        "a core WebAssembly module, not a component: build it for the target wasm32-wasip2, \
         or make a component of it with `wasm-tools component new`"
    )]
    CoreModule,
    /// The bytes start like a component but are not valid.
    #[error("not a valid WebAssembly component")]
    #[non_exhaustive]
    Invalid {
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A reason why a component does not fit a world of the contract, or its host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Incompatibility {
    /// The app imports no map.
    #[error(
        "it imports no map: build it with the crate localmap-client, against wit/ ({LOCAL_MAP}), or \
         against wasi:keyvalue"
    )]
    NoMapImport,
    /// The component cannot be given a map, because it already exports the host's side of one: it
    /// has been plugged, or it is a map itself.
    #[error(
        "it already has its map, since it exports {CONTROL} and imports no map: it can be used as \
         it is, and `plug` is for the app without its map"
    )]
    HasMap,
    /// The app imports a map and also exports the host's side of one, so that a map of its own
    /// cannot be exported.
    #[error(
        "it exports {CONTROL} or {CHANGES}, under which the host reaches the map that it is given: \
         build it without that export"
    )]
    ExportsControl,
    /// The component imports an interface under a label (`implements`).
    #[error(
        "its import `{name}` is a label for {interface}, which localmap does not support: import \
         the interface under its own name, once"
    )]
    #[non_exhaustive]
    Label {
        /// The label.
        name: String,
        /// The interface that the import implements.
        interface: String,
    },
    /// The component uses another proposal that no engine of this crate supports.
    #[error(
        "it uses a proposal of WebAssembly that localmap does not support ({reason}): build it \
         without"
    )]
    #[non_exhaustive]
    Proposal {
        /// What the validator says about it.
        reason: String,
    },
    /// The component imports an interface that its host does not provide, or not all of it.
    #[error(
        "it imports {}, which this host does not provide{}",
        import(name, functions),
        hint(name)
    )]
    #[non_exhaustive]
    MissingImport {
        /// The name of the import.
        name: String,
        /// The functions that the host lacks, or a resource; empty if it provides none of the
        /// interface.
        functions: Vec<String>,
    },
    /// The component imports an interface that its host provides with other types.
    #[error("its import {name} is not what this host expects ({reason})")]
    #[non_exhaustive]
    OtherImport {
        /// The name of the import.
        name: String,
        /// The first difference.
        reason: String,
    },
    /// Buckets were configured, but the app does not import `wasi:keyvalue`.
    #[error("it does not import wasi:keyvalue/store of the drafts {}", drafts())]
    NoKeyvalueImport,
    /// The component imports a version or an interface of `wasi:keyvalue` that the adapter does
    /// not serve.
    #[error(
        "it imports {found}, but localmap serves store, atomics and batch of wasi:keyvalue {}: \
         build it against one of them",
        drafts()
    )]
    #[non_exhaustive]
    OtherKeyvalue {
        /// The name that the component uses.
        found: String,
    },
    /// The component uses another version of the contract.
    #[error(
        "it uses {found}, but this localmap has {expected}: build it against this version, or \
         use the localmap of its version"
    )]
    #[non_exhaustive]
    OtherVersion {
        /// The name that the component uses.
        found: String,
        /// The name in this version.
        expected: &'static str,
    },
    /// The types of an interface of the component differ from the contract.
    #[error(
        "its {name} is not what the contract expects ({reason}): build it against {}",
        contract_of(name)
    )]
    #[non_exhaustive]
    OtherTypes {
        /// The name of the interface.
        name: String,
        /// The first difference.
        reason: String,
    },
    /// The app imports the host's side of the map.
    #[error("it imports {name}, which belongs to the host: build it without that import")]
    #[non_exhaustive]
    ImportsControl {
        /// The name that the app uses.
        name: String,
    },
    /// The provider does not export an interface of the contract.
    #[error("it does not export {name}")]
    #[non_exhaustive]
    NoExport {
        /// The name of the interface.
        name: &'static str,
    },
    /// The provider imports more than a clock and a seed.
    #[error("it imports {name}: a map may import only {CLOCK} and {SEED}")]
    #[non_exhaustive]
    ExtraImport {
        /// The name of the import.
        name: String,
    },
}

/// Formats an import, or some of its functions.
fn import(name: &str, functions: &[String]) -> String {
    match functions {
        [] => name.to_owned(),
        functions => format!("`{}` of {name}", functions.join("`, `")),
    }
}

/// Names the text of the contract that an interface belongs to.
fn contract_of(name: &str) -> &'static str {
    match is_keyvalue(name) {
        true => "the published text of that draft of wasi:keyvalue",
        false => "wit/",
    }
}

/// Returns `true` for the name of an interface of a released WASI 0.2 or 0.3.
pub(crate) fn is_of_wasi(name: &str) -> bool {
    version_of_wasi(name).is_some_and(|version| {
        (version.starts_with("0.2.") || version.starts_with("0.3.")) && !version.contains('-')
    })
}

/// Says what to do about an interface that a host lacks.
fn hint(name: &str) -> String {
    if same_interface(MIRROR, name) {
        return match name == MIRROR {
            true => ": a host of mirrors does, such as `localmap serve --mirror \
                     NAME=etcd://HOST:2379/PREFIX/`"
                .to_owned(),
            false => format!(": build it against this version of the contract, {MIRROR}"),
        };
    }
    version_hint(name).to_owned()
}

/// Says what to do about an interface of another version of WASI.
fn version_hint(name: &str) -> &'static str {
    let version = version_of_wasi(name).unwrap_or_default();
    if version.starts_with("0.3.0-") {
        ": it is of a release candidate of WASI 0.3, so build it with tools for the final WASI 0.3"
    } else if version.starts_with("0.2.0-") {
        ": it is of a preview of WASI 0.2, so build it with newer tools"
    } else if name.starts_with(HTTP_HANDLER_0_3) {
        ": as a middleware, it passes requests on to another handler, so compose it with one, for \
         example with `wac plug MIDDLEWARE --plug HANDLER`"
    } else {
        ""
    }
}

fn drafts() -> String {
    KEYVALUE_DRAFTS.join(" and ")
}

/// An error from composing an app and a map.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlugError {
    /// The bytes of the app are not a component.
    #[error("cannot read the app")]
    #[non_exhaustive]
    Component {
        /// The reason.
        source: ComponentError,
    },
    /// The app does not fit `world app` of the contract, and its imports of `wasi:keyvalue` are not
    /// served.
    #[error("the component cannot be given a map")]
    #[non_exhaustive]
    Incompatible {
        /// The reason.
        source: Incompatibility,
    },
    /// A limit of the map is out of its range.
    #[error("cannot configure the map")]
    #[non_exhaustive]
    Limits {
        /// The rejected limit and the reason.
        source: ConfigureError,
    },
    /// The app cannot have these buckets.
    #[error("cannot configure the buckets of the app")]
    #[non_exhaustive]
    Buckets {
        /// The rejected bucket and the reason.
        source: BucketsError,
    },
    /// The map would reject one of the entries that it is to have from the start.
    #[error("cannot give the map its entries")]
    #[non_exhaustive]
    Entries {
        /// The index of the rejected entry and the reason.
        source: PreloadError,
    },
    /// The app and the map cannot be composed. For example, the app has an export of the same
    /// name as the map, or their imports conflict.
    #[error("cannot compose the app with its map")]
    #[non_exhaustive]
    Compose {
        /// The error of the composition.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<Incompatibility> for PlugError {
    fn from(source: Incompatibility) -> Self {
        Self::Incompatible { source }
    }
}
