//! Components that others wrote: whether the bytes are one, and whether it fits
//! the contract.

use crate::keyvalue::KEYVALUE_DRAFTS;
use std::collections::HashSet;
use wac_graph::types::{ItemKind, Package, SubtypeChecker, Type, are_semver_compatible};
use wac_graph::{CompositionGraph, PackageId};
use wasmparser::{Parser, Validator, WasmFeatures};

/// The interface that an app imports: the map.
pub const LOCAL_MAP: &str = "localmap:core/local-map@0.1.0";
/// A faster way to the same map, which an app may import as well.
pub const WORDS: &str = "localmap:core/words@0.1.0";
/// The ways to the map.
const MAP: [&str; 2] = [LOCAL_MAP, WORDS];
/// The interface that belongs to the host: limits, preloading, statistics.
pub const CONTROL: &str = "localmap:core/control@0.1.0";
const CLOCK: &str = "wasi:clocks/monotonic-clock@0.2.0";
const CLOCK_FUNCTIONS: &[&str] = &["now", "resolution"];
const SEED: &str = "wasi:random/insecure-seed@0.2.0";
const SEED_FUNCTIONS: &[&str] = &["insecure-seed"];

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
pub enum Misfit {
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

/// A component beside the map component, or beside what serves other imports of it, in a graph that can compose them.
pub(crate) struct Pair {
    pub(crate) graph: CompositionGraph,
    pub(crate) map: PackageId,
    pub(crate) other: PackageId,
}

impl Pair {
    /// Reads `bytes`, with `map` (the map component or one with other limits baked
    /// in) beside.
    pub(crate) fn read(bytes: &[u8], map: &[u8]) -> Result<Self, ComponentError> {
        validate(bytes)?;
        let invalid =
            |source: Box<dyn std::error::Error + Send + Sync>| ComponentError::Invalid { source };
        let mut graph = CompositionGraph::new();
        let mut register = |name: &str, bytes: &[u8]| {
            let package = Package::from_bytes(name, None, bytes, graph.types_mut())
                .map_err(|error| invalid(error.into()))?;
            graph
                .register_package(package)
                .map_err(|error| invalid(error.into()))
        };
        let map = register("localmap:map", map)?;
        let other = register("localmap:app", bytes)?;
        Ok(Self { graph, map, other })
    }

    pub(crate) fn imports(&self) -> impl Iterator<Item = (&str, ItemKind)> {
        let types = self.graph.types();
        let imports = &types[self.graph[self.other].ty()].imports;
        imports.iter().map(|(name, kind)| (name.as_str(), *kind))
    }

    pub(crate) fn exports(&self) -> impl Iterator<Item = (&str, ItemKind)> {
        let types = self.graph.types();
        let exports = &types[self.graph[self.other].ty()].exports;
        exports.iter().map(|(name, kind)| (name.as_str(), *kind))
    }

    /// The names under which the component imports the map: more than one where it was
    /// made of parts that know different versions of the contract.
    pub(crate) fn map_imports(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.imports().filter_map(|(name, _)| {
            let ours = MAP.into_iter().find(|ours| compatible(ours, name))?;
            Some((name, ours))
        })
    }

    /// The first import of a kind that compositions do not know.
    pub(crate) fn import_that_cannot_be_composed(&self) -> Option<&str> {
        let types = self.graph.types();
        let composes = |kind: &ItemKind| match kind {
            ItemKind::Instance(id) => types[*id]
                .exports
                .values()
                .all(|kind| !matches!(kind, ItemKind::Module(_) | ItemKind::Component(_))),
            ItemKind::Func(_) | ItemKind::Value(_) => true,
            ItemKind::Type(ty) => !matches!(ty, Type::Resource(_)),
            ItemKind::Module(_) | ItemKind::Component(_) => false,
        };
        self.imports()
            .find(|(_, kind)| !composes(kind))
            .map(|(name, _)| name)
    }

    /// Why the component does not fit `world app`; empty: it does.
    pub(crate) fn app_misfits(&self) -> Vec<Misfit> {
        let mut misfits = Vec::new();
        for (name, kind) in self.imports() {
            if same_interface(CONTROL, name) {
                misfits.push(Misfit::ImportsControl {
                    name: name.to_owned(),
                });
            } else if let Some(ours) = MAP.into_iter().find(|ours| same_interface(ours, name)) {
                misfits.extend(self.misfit(ours, name, |ours| (ours, kind)));
            }
        }
        if !self
            .imports()
            .any(|(name, _)| MAP.into_iter().any(|ours| same_interface(ours, name)))
        {
            misfits.push(Misfit::NoMapImport);
        }
        misfits
    }

    /// Why the component does not fit `world provider`; empty: it does.
    pub(crate) fn provider_misfits(&self) -> Vec<Misfit> {
        let mut misfits = Vec::new();
        for expected in [LOCAL_MAP, CONTROL] {
            match self
                .exports()
                .find(|(name, _)| same_interface(expected, name))
            {
                None => misfits.push(Misfit::NoExport { name: expected }),
                Some((name, kind)) => {
                    misfits.extend(self.misfit(expected, name, |ours| (kind, ours)));
                }
            }
        }
        for (name, kind) in self.imports() {
            let given = if compatible(CLOCK, name) {
                CLOCK_FUNCTIONS
            } else if compatible(SEED, name) {
                SEED_FUNCTIONS
            } else {
                misfits.push(Misfit::ExtraImport {
                    name: name.to_owned(),
                });
                continue;
            };
            let ItemKind::Instance(id) = kind else {
                continue;
            };
            for (function, kind) in &self.graph.types()[id].exports {
                if matches!(kind, ItemKind::Func(_)) && !given.contains(&function.as_str()) {
                    misfits.push(Misfit::ExtraImport {
                        name: format!("{name}#{function}"),
                    });
                }
            }
        }
        misfits
    }

    /// Compares the component's interface `name` with the map's own `expected`:
    /// `order` tells which of the two must be usable as the other.
    fn misfit(
        &self,
        expected: &'static str,
        name: &str,
        order: impl FnOnce(ItemKind) -> (ItemKind, ItemKind),
    ) -> Option<Misfit> {
        if !compatible(expected, name) {
            return Some(Misfit::OtherVersion {
                found: name.to_owned(),
                expected,
            });
        }
        self.other_types(expected, name, order)
    }

    /// The same for versions that go together.
    pub(crate) fn other_types(
        &self,
        expected: &str,
        name: &str,
        order: impl FnOnce(ItemKind) -> (ItemKind, ItemKind),
    ) -> Option<Misfit> {
        let types = self.graph.types();
        let ours = types[self.graph[self.map].ty()].exports.get(expected)?;
        let (is, wanted) = order(*ours);
        let mut cache = HashSet::new();
        let reason = SubtypeChecker::new(&mut cache)
            .is_subtype(is, types, wanted, types)
            .err()?;
        Some(Misfit::OtherTypes {
            name: name.to_owned(),
            reason: format!("{reason:#}"),
        })
    }
}

/// wac-graph panics on truncated bytes, and knows proposals that we do not run.
fn validate(bytes: &[u8]) -> Result<(), ComponentError> {
    if Parser::is_core_wasm(bytes) {
        return Err(ComponentError::CoreModule);
    }
    if !Parser::is_component(bytes) {
        return Err(ComponentError::NotWasm);
    }
    Validator::new_with_features(WasmFeatures::default())
        .validate_all(bytes)
        .map_err(|source| ComponentError::Invalid {
            source: source.into(),
        })?;
    Ok(())
}

/// Whether a component that asks for `name` can be given `ours`.
fn compatible(ours: &str, name: &str) -> bool {
    ours == name || are_semver_compatible(ours, name)
}

/// Whether two names differ in their version at most.
pub(crate) fn same_interface(a: &str, b: &str) -> bool {
    a.split('@').next() == b.split('@').next()
}
