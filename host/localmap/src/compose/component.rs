//! Components that others wrote: whether the bytes are one, and whether it fits
//! the contract.

use crate::compose::error::{ComponentError, Incompatibility};
use crate::contract::names::{BLOCKS, CLOCK, CONTROL, LOCAL_MAP, SEED};
use std::collections::HashSet;
use wac_graph::types::{ItemKind, Package, SubtypeChecker, Type, are_semver_compatible};
use wac_graph::{CompositionGraph, PackageId};
use wasmparser::{Parser, Validator, WasmFeatures};

/// The ways to the map.
const MAP: [&str; 2] = [LOCAL_MAP, BLOCKS];
const CLOCK_FUNCTIONS: &[&str] = &["now", "resolution"];
const SEED_FUNCTIONS: &[&str] = &["insecure-seed"];

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
    pub(crate) fn app_misfits(&self) -> Vec<Incompatibility> {
        let mut misfits = Vec::new();
        for (name, kind) in self.imports() {
            if same_interface(CONTROL, name) {
                misfits.push(Incompatibility::ImportsControl {
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
            misfits.push(Incompatibility::NoMapImport);
        }
        misfits
    }

    /// Why the component does not fit `world provider`; empty: it does.
    pub(crate) fn provider_misfits(&self) -> Vec<Incompatibility> {
        let mut misfits = Vec::new();
        for expected in [LOCAL_MAP, CONTROL] {
            match self
                .exports()
                .find(|(name, _)| same_interface(expected, name))
            {
                None => misfits.push(Incompatibility::NoExport { name: expected }),
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
                misfits.push(Incompatibility::ExtraImport {
                    name: name.to_owned(),
                });
                continue;
            };
            let ItemKind::Instance(id) = kind else {
                continue;
            };
            for (function, kind) in &self.graph.types()[id].exports {
                if matches!(kind, ItemKind::Func(_)) && !given.contains(&function.as_str()) {
                    misfits.push(Incompatibility::ExtraImport {
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
    ) -> Option<Incompatibility> {
        if !compatible(expected, name) {
            return Some(Incompatibility::OtherVersion {
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
    ) -> Option<Incompatibility> {
        let types = self.graph.types();
        let ours = types[self.graph[self.map].ty()].exports.get(expected)?;
        let (is, wanted) = order(*ours);
        let mut cache = HashSet::new();
        let reason = SubtypeChecker::new(&mut cache)
            .is_subtype(is, types, wanted, types)
            .err()?;
        Some(Incompatibility::OtherTypes {
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
