//! Makes components that only import, to ask an engine what a linker serves.

use crate::compose::component::Pair;
use std::collections::HashMap;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wac_graph::types::{InterfaceId, ItemKind, ResourceAlias, Type, Types, UsedType};
use wac_graph::{EncodeOptions, NodeId};

impl Pair {
    /// Returns a component without code that has these imports, and nothing else except for the
    /// types of other interfaces that they use. `functions` selects the functions of interfaces.
    ///
    /// wac-graph panics on imports that it does not support.
    pub(crate) fn probe(
        &mut self,
        imports: &[(String, ItemKind)],
        functions: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let types = self.graph.types_mut();
        let mut reduced = HashMap::new();
        let kinds: Vec<_> = imports
            .iter()
            .map(|(name, kind)| match kind {
                ItemKind::Instance(id) => {
                    let id = reduce(types, *id, functions, &mut reduced);
                    (name, ItemKind::Instance(id))
                }
                other => (name, *other),
            })
            .collect();
        let mut nodes: Vec<NodeId> = Vec::new();
        let encoded = catch_unwind(AssertUnwindSafe(|| {
            for (name, kind) in kinds {
                nodes.push(self.graph.import(name.as_str(), kind)?);
            }
            Ok(self.graph.encode(EncodeOptions::default())?)
        }));
        for node in nodes {
            self.graph.remove_node(node);
        }
        encoded.unwrap_or_else(|_| Err("it is of a kind that cannot be linked".into()))
    }
}

/// Returns an interface with these functions alone, and all types. The interfaces whose types it
/// uses are reduced to their types, so that their functions do not matter.
fn reduce(
    types: &mut Types,
    id: InterfaceId,
    functions: &dyn Fn(&str) -> bool,
    done: &mut HashMap<InterfaceId, InterfaceId>,
) -> InterfaceId {
    let mut interface = types[id].clone();
    for used in interface.uses.values_mut() {
        let name = used.name.clone();
        let interface = reduce_used(types, used.interface, done);
        *used = UsedType { interface, name };
    }
    // wac-graph also imports the interfaces from which resources come.
    for kind in interface.exports.values() {
        if let ItemKind::Type(Type::Resource(resource)) = kind
            && let Some(alias) = types[*resource].alias
            && let Some(owner) = alias.owner
        {
            let owner = Some(reduce_used(types, owner, done));
            types[*resource].alias = Some(ResourceAlias { owner, ..alias });
        }
    }
    interface
        .exports
        .retain(|name, kind| !matches!(kind, ItemKind::Func(_)) || functions(name));
    types.add_interface(interface)
}

/// Returns an interface without its functions.
fn reduce_used(
    types: &mut Types,
    id: InterfaceId,
    done: &mut HashMap<InterfaceId, InterfaceId>,
) -> InterfaceId {
    if let Some(reduced) = done.get(&id) {
        return *reduced;
    }
    let reduced = reduce(types, id, &|_| false, done);
    done.insert(id, reduced);
    reduced
}
