//! Describes a component and reports whether it fits the contract.

use crate::artifact::components::{KEYVALUE_ADAPTER, MAP_COMPONENT};
use crate::compose::component::Pair;
use crate::compose::concurrency::needs_concurrency;
use crate::compose::error::{ComponentError, Incompatibility};
use crate::compose::exports::WasiVersion;
use crate::contract::limits::Limits;
use crate::contract::names::{MIRROR, same_interface};
use wac_graph::types::{ItemKind, Types};
use wasmparser::{Parser, Payload};

/// The description of a component that [`inspect`] returns.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inspection {
    /// The size of the component in bytes.
    pub size: usize,
    /// The imports of the component.
    pub imports: Vec<Item>,
    /// The exports of the component.
    pub exports: Vec<Item>,
    /// The linear memories of its core modules.
    pub memories: Vec<Memory>,
    /// Why the component needs an engine with concurrency; `None` if it does not: see
    /// [`needs_concurrency`](crate::needs_concurrency).
    pub concurrency: Option<String>,
    /// The version of WASI by which the component is a command: the newest of which it exports
    /// `run` of `wasi:cli/run`.
    pub command: Option<WasiVersion>,
    /// The version of WASI by which the component answers HTTP requests: 0.3 if it exports
    /// `handle` of `wasi:http/handler`, 0.2 if it exports that of `wasi:http/incoming-handler`
    /// alone.
    pub handler: Option<WasiVersion>,
    /// The drafts of `wasi:keyvalue` that the component imports and that a map can serve: see
    /// [`with_keyvalue`](crate::with_keyvalue).
    pub keyvalue: Vec<&'static str>,
    /// The reasons why the component does not fit `world app` of the contract; empty if it fits.
    /// A component that imports `wasi:keyvalue` in place of the map fits if the adapter serves
    /// its imports.
    pub app: Vec<Incompatibility>,
    /// The reasons why the component does not fit `world provider`; empty if it fits.
    pub provider: Vec<Incompatibility>,
}

impl Inspection {
    /// Returns `true` if the component has an export whose name begins with `prefix`.
    ///
    /// ```
    /// use localmap::{MAP_COMPONENT, inspect, names};
    ///
    /// let map = inspect(MAP_COMPONENT)?;
    /// assert!(map.has_export(names::CONTROL));
    /// assert!(!map.has_export(names::HTTP_HANDLER));
    /// # Ok::<(), localmap::ComponentError>(())
    /// ```
    pub fn has_export(&self, prefix: &str) -> bool {
        let mut exports = self.exports.iter();
        exports.any(|export| export.name.starts_with(prefix))
    }

    /// Returns the first export whose name begins with `prefix` and whose version was not released,
    /// such as 0.2.0-rc-2023-11-10.
    ///
    /// ```
    /// use localmap::{MAP_COMPONENT, inspect, names};
    ///
    /// assert_eq!(inspect(MAP_COMPONENT)?.preview_export(names::CONTROL), None);
    /// # Ok::<(), localmap::ComponentError>(())
    /// ```
    pub fn preview_export(&self, prefix: &str) -> Option<&str> {
        let mut exports = self.exports.iter().map(|export| export.name.as_str());
        exports.find(|name| {
            let version = name.split_once('@').map_or("", |(_, version)| version);
            name.starts_with(prefix) && version.contains('-')
        })
    }

    /// Returns the name under which the component imports the interface of mirrors,
    /// [`names::MIRROR`](crate::names::MIRROR) of any version; `None` if it reads none. A map does not serve
    /// it: see the crate `localmap-mirror`.
    ///
    /// ```
    /// use localmap::{MAP_COMPONENT, inspect};
    ///
    /// assert_eq!(inspect(MAP_COMPONENT)?.mirror_import(), None);
    /// # Ok::<(), localmap::ComponentError>(())
    /// ```
    pub fn mirror_import(&self) -> Option<&str> {
        let calls = |import: &&Item| !import.functions.is_empty();
        let mut imports = self
            .imports
            .iter()
            .filter(calls)
            .map(|item| item.name.as_str());
        imports.find(|name| same_interface(MIRROR, name))
    }

    /// Returns the limits for a map of the component: `limits`, adapted
    /// [for buckets](Limits::for_buckets) if the component imports `wasi:keyvalue`.
    ///
    /// ```
    /// use localmap::{Limits, MAX_KEY_LEN, inspect};
    ///
    /// let app = wat::parse_str(
    ///     r#"(component (import "wasi:keyvalue/store@0.2.0-draft2" (instance)))"#,
    /// )?;
    /// let limits = inspect(&app)?.map_limits(Limits::default());
    /// assert_eq!(limits.max_key as usize, MAX_KEY_LEN);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn map_limits(&self, limits: Limits) -> Limits {
        match self.keyvalue.is_empty() {
            true => limits,
            false => limits.for_buckets(),
        }
    }
}

/// An import or export of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item {
    /// The name, for example `localmap:core/local-map@0.1.0`.
    pub name: String,
    /// The kind: `instance`, `function`, `type` and so on.
    pub kind: &'static str,
    /// The names of the functions of an instance; empty for other kinds.
    pub functions: Vec<String>,
}

/// The declaration of a linear memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// The initial size in bytes.
    pub initial: u64,
    /// The maximum size in bytes; `None` if only the address space limits it.
    pub maximum: Option<u64>,
}

/// Describes a component without running it.
///
/// ```
/// use localmap::{MAP_COMPONENT, inspect, names};
///
/// let map = inspect(MAP_COMPONENT)?;
/// assert_eq!(map.provider, []);
/// assert!(map.exports.iter().any(|item| item.name == names::LOCAL_MAP));
/// # Ok::<(), localmap::ComponentError>(())
/// ```
///
/// # Errors
///
/// - Returns [`ComponentError::NotWasm`] if the bytes are not WebAssembly, and
///   [`Text`](ComponentError::Text) or [`Compressed`](ComponentError::Compressed) if they could
///   become it.
/// - Returns [`ComponentError::CoreModule`] if they are a core module, and
///   [`WitPackage`](ComponentError::WitPackage) if they are a package of WIT.
/// - Returns [`ComponentError::Invalid`] if they are not a valid component.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, ComponentError> {
    describe(bytes, Pair::read)
}

/// Describes a component as [`inspect`] does, but without reading the code of its functions, which
/// takes far less time if the component is large. Use it before you compile the component, which
/// checks the code: a component with invalid code has a description, too.
///
/// ```
/// use localmap::{MAP_COMPONENT, inspect_declarations};
///
/// assert_eq!(inspect_declarations(MAP_COMPONENT)?.provider, []);
/// # Ok::<(), localmap::ComponentError>(())
/// ```
///
/// # Errors
///
/// Returns the errors of [`inspect`], apart from those of code.
pub fn inspect_declarations(bytes: &[u8]) -> Result<Inspection, ComponentError> {
    describe(bytes, Pair::of_declarations)
}

fn describe(
    bytes: &[u8],
    read: fn(&[u8], &[u8]) -> Result<Pair, ComponentError>,
) -> Result<Inspection, ComponentError> {
    let pair = read(bytes, MAP_COMPONENT)?;
    let mut app = pair.app_incompatibilities();
    if pair.imports_keyvalue() {
        app.retain(|found| *found != Incompatibility::NoMapImport);
        app.extend(read(bytes, KEYVALUE_ADAPTER)?.keyvalue_incompatibilities());
    }
    let types = pair.graph.types();
    let item = |(name, kind)| item(types, name, kind);
    Ok(Inspection {
        size: bytes.len(),
        imports: pair.imports().map(item).collect(),
        exports: pair.exports().map(item).collect(),
        memories: memories(bytes),
        concurrency: needs_concurrency(bytes),
        command: pair.command(),
        handler: pair.handler(),
        keyvalue: pair.keyvalue_drafts(),
        app,
        provider: pair.provider_incompatibilities(),
    })
}

/// Describes one import or export.
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

/// Returns the memories of a component, which must be valid, so that parsing it cannot fail.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_described_without_its_code_as_with_it() {
        let text = |found| format!("{found:?}");
        for component in [MAP_COMPONENT, KEYVALUE_ADAPTER] {
            let declared = inspect_declarations(component);
            assert_eq!(text(declared), text(inspect(component)));
        }
        let invalid = MAP_COMPONENT.len() - 1;
        let declared = inspect_declarations(&MAP_COMPONENT[..invalid]);
        assert_eq!(text(declared), text(inspect(&MAP_COMPONENT[..invalid])));
    }
}
