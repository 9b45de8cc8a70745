//! Finds the imports of a component that a linker does not serve, before the component is compiled.

use crate::artifact::components::MAP_COMPONENT;
use crate::compose::component::{Pair, is_of_the_contract};
use crate::compose::error::{ComponentError, Incompatibility, is_of_wasi};
use crate::contract::names::is_keyvalue;
use std::slice;
use wac_graph::types::{ItemKind, Type, Types};
use wasmtime::component::{Component, Linker};

/// Returns the imports of a component that `linker` does not serve, one reason for each; empty if
/// it serves all. Leaves out the imports that a map serves, `localmap:core` and `wasi:keyvalue`,
/// which [`Inspection::app`](crate::Inspection::app) is about.
///
/// The component is not compiled. The function makes small components that have the same imports
/// but no code, and asks the linker about those, so the answer is the one that the linker would
/// give after compiling the component. An import of a kind that cannot be composed, such as a core
/// module, counts as not served.
///
/// ```
/// use localmap::wasmtime::Engine;
/// use localmap::wasmtime::component::Linker;
/// use localmap::{Incompatibility, missing_imports};
///
/// let app = wat::parse_str(
///     r#"(component (import "acme:thing/wheel@1.0.0" (instance (export "turn" (func)))))"#,
/// )?;
/// let mut linker = Linker::<()>::new(&Engine::default());
/// let missing = missing_imports(&app, &linker)?;
/// let [Incompatibility::MissingImport { name, .. }] = &missing[..] else {
///     unreachable!("{missing:?}");
/// };
/// assert_eq!(name, "acme:thing/wheel@1.0.0");
///
/// let mut wheel = linker.instance("acme:thing/wheel@1.0.0")?;
/// wheel.func_wrap("turn", |_, ()| Ok(()))?;
/// assert_eq!(missing_imports(&app, &linker)?, []);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns the errors of [`inspect_declarations`](crate::inspect_declarations).
pub fn missing_imports<T: 'static>(
    component: &[u8],
    linker: &Linker<T>,
) -> Result<Vec<Incompatibility>, ComponentError> {
    let pair = Pair::of_declarations(component, MAP_COMPONENT)?;
    let imports: Vec<Import> = pair
        .imports()
        .filter(|(_, kind)| needs_implementation(pair.graph.types(), *kind))
        .filter(|(name, _)| !is_of_the_contract(name) && !is_keyvalue(name))
        .map(|(name, kind)| (name.to_owned(), kind))
        .collect();
    let mut probes = Probes { pair, linker };
    // Usually, all of them are served.
    if probes.ask(&imports, &|_| true).is_ok() {
        return Ok(Vec::new());
    }
    let reasons = imports.iter().map(|import| probes.judge(import));
    Ok(reasons.flatten().collect())
}

/// Returns the resource that a linker lacks, if that is what an error of Wasmtime says.
fn missing_resource(error: &wasmtime::Error) -> Option<String> {
    let reason = error.root_cause().to_string();
    if reason != "resource implementation is missing" {
        return None;
    }
    let causes = error.chain().map(ToString::to_string);
    let names = causes.filter_map(|cause| {
        let name = cause.strip_prefix("instance export `")?;
        Some(name.strip_suffix("` has the wrong type")?.to_owned())
    });
    names.last()
}

/// Returns a reason of Wasmtime in which the host is what expects. In most of them it is, but in
/// those about the kind of an import, the component is, and those about a `result` say the opposite.
fn of_host(reason: &str) -> String {
    match reason {
        "expected no `ok` type" => return "expected an `ok` type".to_owned(),
        "expected no `err` type" => return "expected an `err` type".to_owned(),
        _ => {}
    }
    let kinds = reason.strip_prefix("expected ");
    match kinds.and_then(|kinds| kinds.split_once(" found ")) {
        // Types are in backticks.
        Some((guest, host)) if !guest.contains(['`', ' ']) && !host.contains(['`', ' ']) => {
            let host = if host == "func" { "function" } else { host };
            format!("expected {host} found {guest}")
        }
        _ => reason.to_owned(),
    }
}

/// Returns `false` for types that are only named, such as those that a world uses.
fn needs_implementation(types: &Types, kind: ItemKind) -> bool {
    match kind {
        ItemKind::Type(Type::Resource(id)) => types[id].alias.is_none(),
        ItemKind::Type(_) => false,
        _ => true,
    }
}

/// The name of an import, and its type.
type Import = (String, ItemKind);

/// Asks a linker about the imports of a component.
struct Probes<'a, T: 'static> {
    pair: Pair,
    linker: &'a Linker<T>,
}

impl<T: 'static> Probes<'_, T> {
    /// Returns the reason why the linker does not serve an import, if it does not.
    fn judge(&mut self, import: &Import) -> Option<Incompatibility> {
        let one = slice::from_ref(import);
        let name = import.0.clone();
        let Ok(probe) = self.probe(one, &|_| true) else {
            let functions = Vec::new();
            return Some(Incompatibility::MissingImport { name, functions });
        };
        let error = self.linker.instantiate_pre(&probe).err()?;
        let reason = error.root_cause().to_string();
        // Wasmtime has no types for its reasons. A new text of it would change ours, no more.
        if !reason.ends_with("implementation is missing") {
            let reason = of_host(&reason);
            return Some(Incompatibility::OtherImport { name, reason });
        }
        // The interface itself may be there: WASI is, and the linker cannot be asked.
        let mut functions = self.functions(import.1);
        let all = functions.len();
        functions.retain(|function| self.ask(one, &|other| other == function).is_err());
        if functions.len() == all {
            functions.retain(|_| is_of_wasi(&name));
        }
        // Without a resource, no function is there either.
        if is_of_wasi(&name)
            && let Err(error) = self.ask(one, &|_| false)
            && let Some(resource) = missing_resource(&error)
        {
            functions = vec![resource];
        }
        Some(Incompatibility::MissingImport { name, functions })
    }

    /// Returns the names of the functions of an interface.
    fn functions(&self, kind: ItemKind) -> Vec<String> {
        let ItemKind::Instance(id) = kind else {
            return Vec::new();
        };
        let exports = self.pair.graph.types()[id].exports.iter();
        exports
            .filter(|(_, kind)| matches!(kind, ItemKind::Func(_)))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Asks whether the linker serves these functions of these imports.
    fn ask(
        &mut self,
        imports: &[Import],
        functions: &dyn Fn(&str) -> bool,
    ) -> wasmtime::Result<()> {
        let probe = self.probe(imports, functions)?;
        self.linker.instantiate_pre(&probe).map(|_| ())
    }

    fn probe(
        &mut self,
        imports: &[Import],
        functions: &dyn Fn(&str) -> bool,
    ) -> wasmtime::Result<Component> {
        let probe = self.pair.probe(imports, functions);
        let probe = probe.map_err(|source| wasmtime::Error::msg(source.to_string()))?;
        Component::new(self.linker.engine(), probe)
    }
}
