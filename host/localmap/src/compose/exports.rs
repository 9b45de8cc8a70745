//! Recognises the components that WASI hosts call, by the types of their exports.

use crate::compose::component::Pair;
use crate::contract::names::{COMMAND, HTTP_HANDLER};
use wac_graph::types::{DefinedType, FuncType, ItemKind, Types, ValueType};

impl Pair {
    /// Returns `true` if the component exports `run` of `wasi:cli/run` 0.2.
    pub(crate) fn is_command(&self) -> bool {
        let types = self.graph.types();
        let plain = |result: ValueType| match result {
            ValueType::Defined(id) => matches!(
                types[id],
                DefinedType::Result {
                    ok: None,
                    err: None
                }
            ),
            _ => false,
        };
        self.exports_function(COMMAND, "run", |run| {
            run.params.is_empty() && run.result.is_some_and(plain)
        })
    }

    /// Returns `true` if the component exports `handle` of `wasi:http/incoming-handler` 0.2.
    pub(crate) fn is_handler(&self) -> bool {
        self.exports_function(HTTP_HANDLER, "handle", |handle| {
            let mut params = handle.params.values();
            handle.params.len() == 2
                && params.all(|param| matches!(param, ValueType::Own(_)))
                && handle.result.is_none()
        })
    }

    /// Returns `true` if an exported interface, of which the name begins with `prefix`, has a
    /// function that fits. A version that was not released is another interface: 0.2.0-rc is not
    /// 0.2.0.
    fn exports_function(
        &self,
        prefix: &str,
        function: &str,
        fits: impl Fn(&FuncType) -> bool,
    ) -> bool {
        let types = self.graph.types();
        let mut interfaces = self.exports().filter(|(name, _)| {
            let version = name.split_once('@').map_or("", |(_, version)| version);
            name.starts_with(prefix) && !version.contains('-')
        });
        interfaces.any(|(_, kind)| {
            find(types, kind, function).is_some_and(|found| !found.is_async && fits(found))
        })
    }
}

/// Returns a function of an interface.
fn find<'a>(types: &'a Types, kind: ItemKind, function: &str) -> Option<&'a FuncType> {
    let ItemKind::Instance(id) = kind else {
        return None;
    };
    match types[id].exports.get(function) {
        Some(ItemKind::Func(id)) => Some(&types[*id]),
        _ => None,
    }
}
