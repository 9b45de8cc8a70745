//! Recognises the components that WASI hosts call, by the types of their exports.

use crate::compose::component::Pair;
use crate::contract::names::{COMMAND, COMMAND_0_3, HTTP_HANDLER, HTTP_HANDLER_0_3};
use std::fmt;
use wac_graph::types::{DefinedType, FuncType, ItemKind, Types, ValueType};

/// A version of WASI, as it is written, for example "0.3".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WasiVersion {
    /// WASI 0.2.
    V0_2,
    /// WASI 0.3, whose functions can be async.
    V0_3,
}

impl fmt::Display for WasiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V0_2 => "0.2",
            Self::V0_3 => "0.3",
        })
    }
}

impl Pair {
    /// Returns the newest version of WASI of which the component exports `run` of `wasi:cli/run`.
    pub(crate) fn command(&self) -> Option<WasiVersion> {
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
        let fits = |run: &FuncType| run.params.is_empty() && run.result.is_some_and(plain);
        if self.exports_function(COMMAND_0_3, "run", |run| run.is_async && fits(run)) {
            Some(WasiVersion::V0_3)
        } else if self.exports_function(COMMAND, "run", |run| !run.is_async && fits(run)) {
            Some(WasiVersion::V0_2)
        } else {
            None
        }
    }

    /// Returns the newest version of WASI of which the component exports the function that answers
    /// HTTP requests: `handle` of `wasi:http/handler` 0.3 or of `wasi:http/incoming-handler` 0.2.
    pub(crate) fn handler(&self) -> Option<WasiVersion> {
        let types = self.graph.types();
        let resources = |handle: &FuncType, count| {
            let mut params = handle.params.values();
            handle.params.len() == count && params.all(|param| matches!(param, ValueType::Own(_)))
        };
        let response = |result: ValueType| match result {
            ValueType::Defined(id) => matches!(
                types[id],
                DefinedType::Result {
                    ok: Some(ValueType::Own(_)),
                    err: Some(_)
                }
            ),
            _ => false,
        };
        if self.exports_function(HTTP_HANDLER_0_3, "handle", |handle| {
            handle.is_async && resources(handle, 1) && handle.result.is_some_and(response)
        }) {
            Some(WasiVersion::V0_3)
        } else if self.exports_function(HTTP_HANDLER, "handle", |handle| {
            !handle.is_async && resources(handle, 2) && handle.result.is_none()
        }) {
            Some(WasiVersion::V0_2)
        } else {
            None
        }
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
        interfaces.any(|(_, kind)| find(types, kind, function).is_some_and(&fits))
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
