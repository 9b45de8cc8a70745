//! What a component is made of, and whether it fits the contract.

use crate::artifact::{KEYVALUE_ADAPTER, MAP_COMPONENT};
use crate::compose::component::Pair;
use crate::compose::error::{ComponentError, Incompatibility};
use wac_graph::types::{ItemKind, Types};
use wasmparser::{Parser, Payload};

/// What [`inspect`] found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inspection {
    /// Its size in bytes.
    pub size: usize,
    /// What it asks for.
    pub imports: Vec<Item>,
    /// What it offers.
    pub exports: Vec<Item>,
    /// The linear memories of the modules inside.
    pub memories: Vec<Memory>,
    /// The drafts of `wasi:keyvalue` that it imports and that a map can serve:
    /// see [`with_keyvalue`](crate::with_keyvalue).
    pub keyvalue: Vec<&'static str>,
    /// Why it does not fit `world app` of the contract; empty: it does. One that imports
    /// `wasi:keyvalue` in place of the map fits if it imports what is known of it.
    pub app: Vec<Incompatibility>,
    /// Why it does not fit `world provider`; empty: it does.
    pub provider: Vec<Incompatibility>,
}

/// An import or export of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item {
    /// Its name, for example `localmap:core/local-map@0.1.0`.
    pub name: String,
    /// What it is: `instance`, `function`, `type` and so on.
    pub kind: &'static str,
    /// The names of an instance's functions.
    pub functions: Vec<String>,
}

/// A linear memory as declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// Bytes to begin with.
    pub initial: u64,
    /// Bytes that it may grow to. `None`: as far as its address space goes.
    pub maximum: Option<u64>,
}

/// Reads a component without running it.
///
/// # Errors
///
/// [`ComponentError`] tells why the bytes are not a component.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, ComponentError> {
    let pair = Pair::read(bytes, MAP_COMPONENT)?;
    let mut app = pair.app_misfits();
    if pair.imports_keyvalue() {
        app.retain(|misfit| *misfit != Incompatibility::NoMapImport);
        app.extend(Pair::read(bytes, KEYVALUE_ADAPTER)?.keyvalue_misfits());
    }
    let types = pair.graph.types();
    let item = |(name, kind)| item(types, name, kind);
    Ok(Inspection {
        size: bytes.len(),
        imports: pair.imports().map(item).collect(),
        exports: pair.exports().map(item).collect(),
        memories: memories(bytes),
        keyvalue: pair.keyvalue_drafts(),
        app,
        provider: pair.provider_misfits(),
    })
}

fn item(types: &Types, name: &str, kind: ItemKind) -> Item {
    let functions = match kind {
        ItemKind::Instance(id) => types[id]
            .exports
            .iter()
            .filter(|(_, kind)| matches!(kind, ItemKind::Func(_)))
            .map(|(name, _)| name.clone())
            .collect(),
        _ => Vec::new(),
    };
    Item {
        name: name.to_owned(),
        kind: kind.desc(types),
        functions,
    }
}

/// The bytes have been validated before, so an error is the end of them.
fn memories(bytes: &[u8]) -> Vec<Memory> {
    let mut memories = Vec::new();
    for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
        let Payload::MemorySection(section) = payload else {
            continue;
        };
        for memory in section.into_iter().map_while(Result::ok) {
            let page = 1u64 << memory.page_size_log2.unwrap_or(16);
            memories.push(Memory {
                initial: memory.initial.saturating_mul(page),
                maximum: memory.maximum.map(|pages| pages.saturating_mul(page)),
            });
        }
    }
    memories
}
