//! Reads the components of users and checks whether they fit the contract.

use crate::compose::error::{ComponentError, Incompatibility};
use crate::compose::skeleton::skeleton;
use crate::compose::validate::validate;
use crate::contract::names::{BLOCKS, CHANGES, CLOCK, CONTROL, LOCAL_MAP, SEED, same_interface};
use std::collections::HashSet;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wac_graph::types::{ItemKind, Package, SubtypeChecker, Type, Types, are_semver_compatible};
use wac_graph::{CompositionGraph, PackageId};

/// The interfaces of a map that an app can import.
const MAP_INTERFACES: [&str; 2] = [LOCAL_MAP, BLOCKS];
/// The interfaces of a map that belong to its host.
const HOST_INTERFACES: [&str; 2] = [CONTROL, CHANGES];
const CLOCK_FUNCTIONS: &[&str] = &["now", "resolution"];
const SEED_FUNCTIONS: &[&str] = &["insecure-seed"];

/// A component and the provider that serves some of its imports, the map component or the
/// keyvalue adapter, in a graph that can compose them.
pub(crate) struct Pair {
    /// The proposal of WebAssembly because of which the component cannot run here.
    pub(crate) unsupported: Option<Incompatibility>,
    pub(crate) graph: CompositionGraph,
    pub(crate) provider: PackageId,
    pub(crate) component: PackageId,
}

impl Pair {
    /// Reads the declarations of a component, and its provider. The code of the component is not
    /// validated, and a composition would not have it.
    pub(crate) fn of_declarations(
        component: &[u8],
        provider: &[u8],
    ) -> Result<Self, ComponentError> {
        match skeleton(component).map(|skeleton| Self::read(&skeleton, provider)) {
            Some(Ok(pair)) => Ok(pair),
            // The error is that of the component, with its offset.
            _ => Self::read(component, provider),
        }
    }

    /// Reads a component and its provider.
    pub(crate) fn read(component: &[u8], provider: &[u8]) -> Result<Self, ComponentError> {
        let unsupported = validate(component)?;
        let mut graph = CompositionGraph::new();
        let mut register = |name: &str, bytes: &[u8]| {
            let read = || -> Result<PackageId, Box<dyn Error + Send + Sync>> {
                let package = Package::from_bytes(name, None, bytes, graph.types_mut())?;
                Ok(graph.register_package(package)?)
            };
            // wac-graph panics on types of some proposals that it does not know.
            let read = catch_unwind(AssertUnwindSafe(read));
            let read = read.unwrap_or_else(|_| Err("a type of it is not supported".into()));
            read.map_err(|source| ComponentError::Invalid { source })
        };
        let provider = register("localmap:map", provider)?;
        let component = register("localmap:app", component)?;
        let pair = Self {
            unsupported,
            graph,
            provider,
            component,
        };
        match pair.is_wit_package() {
            true => Err(ComponentError::WitPackage),
            false => Ok(pair),
        }
    }

    /// Returns `true` if the component is a package of WIT, which exports only its worlds and
    /// interfaces, as types.
    fn is_wit_package(&self) -> bool {
        let is_text = |kind| matches!(kind, ItemKind::Type(Type::World(_) | Type::Interface(_)));
        let mut exports = self.exports().map(|(_, kind)| kind).peekable();
        exports.peek().is_some() && exports.all(is_text)
    }

    /// Returns the imports of the component.
    pub(crate) fn imports(&self) -> impl Iterator<Item = (&str, ItemKind)> {
        let types = self.graph.types();
        let imports = &types[self.graph[self.component].ty()].imports;
        imports.iter().map(|(name, kind)| (name.as_str(), *kind))
    }

    /// Returns the exports of the component.
    pub(crate) fn exports(&self) -> impl Iterator<Item = (&str, ItemKind)> {
        let types = self.graph.types();
        let exports = &types[self.graph[self.component].ty()].exports;
        exports.iter().map(|(name, kind)| (name.as_str(), *kind))
    }

    /// Returns the names under which the component imports the map, each with the interface of
    /// this crate that serves it. There can be several, because an app can be composed of parts
    /// that were built against different versions of the contract.
    pub(crate) fn map_imports(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.imports().filter_map(|(name, _)| {
            let own = MAP_INTERFACES
                .into_iter()
                .find(|own| compatible(own, name))?;
            Some((name, own))
        })
    }

    /// Returns the first import of a kind that compositions do not support.
    pub(crate) fn uncomposable_import(&self) -> Option<&str> {
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

    /// Returns the reasons why the component does not fit `world app`; empty if it fits. A proposal
    /// that is not supported comes first.
    pub(crate) fn app_incompatibilities(&self) -> Vec<Incompatibility> {
        let mut found = Vec::from_iter(self.unsupported.clone());
        let mut imports_map = false;
        for (name, kind) in self.imports() {
            if HOST_INTERFACES.iter().any(|own| same_interface(own, name)) {
                found.push(Incompatibility::ImportsControl {
                    name: name.to_owned(),
                });
            } else if let Some(own) = MAP_INTERFACES
                .into_iter()
                .find(|own| same_interface(own, name))
            {
                imports_map = true;
                found.extend(self.compare(own, name, |own| (own, kind)));
            }
        }
        if !imports_map && self.unsupported.is_none() {
            found.push(Incompatibility::NoMapImport);
        }
        found
    }

    /// Returns the reasons why the component does not fit `world provider`; empty if it fits.
    pub(crate) fn provider_incompatibilities(&self) -> Vec<Incompatibility> {
        let mut found = Vec::from_iter(self.unsupported.clone());
        for expected in [LOCAL_MAP, CONTROL] {
            match self
                .exports()
                .find(|(name, _)| same_interface(expected, name))
            {
                None => found.push(Incompatibility::NoExport { name: expected }),
                Some((name, kind)) => {
                    found.extend(self.compare(expected, name, |own| (kind, own)));
                }
            }
        }
        // A component may lack this one, or have one that this host does not know.
        let mut exports = self.exports();
        if let Some((name, kind)) = exports.find(|(name, _)| compatible(CHANGES, name)) {
            found.extend(self.compare_types(CHANGES, name, |own| (kind, own)));
        }
        for (name, kind) in self.imports() {
            let functions = if compatible(CLOCK, name) {
                CLOCK_FUNCTIONS
            } else if compatible(SEED, name) {
                SEED_FUNCTIONS
            } else {
                found.push(Incompatibility::ExtraImport {
                    name: name.to_owned(),
                });
                continue;
            };
            let ItemKind::Instance(id) = kind else {
                continue;
            };
            for (function, kind) in &self.graph.types()[id].exports {
                if matches!(kind, ItemKind::Func(_)) && !functions.contains(&function.as_str()) {
                    found.push(Incompatibility::ExtraImport {
                        name: format!("{name}#{function}"),
                    });
                }
            }
        }
        found
    }

    /// Compares the component's interface `name` with the provider's `expected`. `order` arranges
    /// the two kinds so that the first must be a subtype of the second.
    fn compare(
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
        self.compare_types(expected, name, order)
    }

    /// Compares the types of two interfaces with compatible versions.
    pub(crate) fn compare_types(
        &self,
        expected: &str,
        name: &str,
        order: impl FnOnce(ItemKind) -> (ItemKind, ItemKind),
    ) -> Option<Incompatibility> {
        let types = self.graph.types();
        let own = types[self.graph[self.provider].ty()]
            .exports
            .get(expected)?;
        let (actual, wanted) = order(*own);
        let differs = |reason| {
            let name = name.to_owned();
            Some(Incompatibility::OtherTypes { name, reason })
        };
        if let Some(missing) = missing(types, actual, wanted) {
            return differs(match actual == *own {
                true => format!("the contract has no `{missing}`"),
                false => format!("it has no `{missing}`"),
            });
        }
        let mut cache = HashSet::new();
        let mut checker = SubtypeChecker::new(&mut cache);
        // In the checker's words, the contract is what is expected, and the component is what is
        // found, whichever of them must be the subtype.
        if actual == *own {
            checker.invert();
        }
        let reason = checker.is_subtype(actual, types, wanted, types).err()?;
        differs(format!("{reason:#}"))
    }
}

/// Returns the first item of the interface `wanted` that `actual` does not have.
fn missing(types: &Types, actual: ItemKind, wanted: ItemKind) -> Option<&str> {
    let (ItemKind::Instance(actual), ItemKind::Instance(wanted)) = (actual, wanted) else {
        return None;
    };
    let actual = &types[actual].exports;
    let mut wanted = types[wanted].exports.keys();
    wanted
        .find(|name| !actual.contains_key(*name))
        .map(String::as_str)
}

/// Returns `true` if the interface `own` can serve an import of `name`.
fn compatible(own: &str, name: &str) -> bool {
    own == name || are_semver_compatible(own, name)
}

/// Returns `true` for the name of an interface of the contract, of any version.
pub(crate) fn is_of_the_contract(name: &str) -> bool {
    let mut own = MAP_INTERFACES.into_iter().chain(HOST_INTERFACES);
    own.any(|own| same_interface(own, name))
}
