//! Why a component is not one that localmap can use.

use crate::contract::buckets::BucketsError;
use crate::contract::error::ConfigureError;
use crate::contract::names::{CLOCK, KEYVALUE_DRAFTS, LOCAL_MAP, SEED};

/// Why bytes are not a component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentError {
    /// They are not WebAssembly at all.
    #[error("not WebAssembly: expected a component, which starts with the bytes 00 61 73 6d")]
    NotWasm,
    /// They are a core module.
    #[error(
        "a core WebAssembly module, not a component: build it for the target wasm32-wasip2, \
         or make a component of it with `wasm-tools component new`"
    )]
    CoreModule,
    /// They start like a component and are not valid.
    #[error("not a valid WebAssembly component")]
    #[non_exhaustive]
    Invalid {
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// In what way a component does not fit a world of the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Incompatibility {
    /// An app that asks for no map.
    #[error(
        "it does not import {LOCAL_MAP}: build it with the crate localmap-client, or against wit/"
    )]
    NoMapImport,
    /// An app that asks for no `wasi:keyvalue`, where buckets were to be given to it.
    #[error("it does not import wasi:keyvalue/store, of the drafts {}", drafts())]
    NoKeyvalueImport,
    /// `wasi:keyvalue` of a version that is not known here, or an interface of it.
    #[error(
        "it imports {found}, and localmap has store, atomics and batch of wasi:keyvalue {}: \
         build it against one of them",
        drafts()
    )]
    #[non_exhaustive]
    OtherKeyvalue {
        /// The name that the component uses.
        found: String,
    },
    /// An interface of the contract, of a version that is not the one here.
    #[error(
        "it uses {found}, and this is {expected}: build it against this version, or take the localmap of its version"
    )]
    #[non_exhaustive]
    OtherVersion {
        /// The name that the component uses.
        found: String,
        /// The name that fits.
        expected: &'static str,
    },
    /// An interface of the contract, with types that are not the contract's.
    #[error("its {name} is not that of the contract ({reason}): build it against wit/")]
    #[non_exhaustive]
    OtherTypes {
        /// The name of the interface.
        name: String,
        /// The first difference.
        reason: String,
    },
    /// An app that asks for the host's side of the map.
    #[error("it imports {name}, which belongs to the host alone: build it without")]
    #[non_exhaustive]
    ImportsControl {
        /// The name that it uses.
        name: String,
    },
    /// A provider that lacks an interface.
    #[error("it does not export {name}")]
    #[non_exhaustive]
    NoExport {
        /// The name of the interface.
        name: &'static str,
    },
    /// A provider that asks for more than a clock and a seed.
    #[error("it imports {name}; a map may import {CLOCK} and {SEED} only")]
    #[non_exhaustive]
    ExtraImport {
        /// The name of the import.
        name: String,
    },
}

fn drafts() -> String {
    KEYVALUE_DRAFTS.join(" and ")
}

/// Why an app could not be given a map.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlugError {
    /// The bytes are not a component.
    #[error("cannot read the app")]
    #[non_exhaustive]
    Component {
        /// Why not.
        source: ComponentError,
    },
    /// The component is not one that a map can be given to.
    #[error("the component does not fit the world localmap:core/app")]
    #[non_exhaustive]
    Incompatible {
        /// In what way.
        source: Incompatibility,
    },
    /// The limits are not ones that a map can have.
    #[error("cannot configure the map")]
    #[non_exhaustive]
    Limits {
        /// Which, and why.
        source: ConfigureError,
    },
    /// The buckets are not ones that an app can have.
    #[error("cannot give the app its buckets")]
    #[non_exhaustive]
    Buckets {
        /// Which, and why.
        source: BucketsError,
    },
    /// App and map do not go together, for example because the app has an export
    /// of the map's name, or their imports clash.
    #[error("cannot compose the app with its map")]
    #[non_exhaustive]
    Compose {
        /// What the composition says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<Incompatibility> for PlugError {
    fn from(source: Incompatibility) -> Self {
        Self::Incompatible { source }
    }
}
