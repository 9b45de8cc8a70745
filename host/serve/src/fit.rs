//! Decides which components can be served, before they are compiled.

use crate::app;
use crate::error::{HandlerError, SandboxError};
use crate::sandbox::SandboxConfig;
use localmap::{
    Buckets, Incompatibility, Inspection, PlugError, WasiVersion, linkable, missing_imports, names,
};

/// Returns the reasons why a [`Handler`](crate::Handler) cannot serve a component; empty if it can.
/// `found` is the component's [description](localmap::inspect). Nothing is compiled. A component that reads
/// mirrors can be served if it is [given some](SandboxConfig::mirrors).
///
/// ```
/// use localmap::{MAP_COMPONENT, inspect};
/// use localmap_serve::{HandlerError, misfits};
///
/// let reasons = misfits(MAP_COMPONENT, &inspect(MAP_COMPONENT)?);
/// assert!(matches!(reasons[..], [HandlerError::NotAHandler]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn misfits(component: &[u8], found: &Inspection) -> Vec<HandlerError> {
    let mut reasons = Vec::from_iter(version(found).err());
    match found.app.first() {
        None | Some(Incompatibility::NoMapImport) => {
            let composed = linkable(component, found, &Buckets::new());
            reasons.extend(composed.err().map(HandlerError::from));
        }
        Some(_) => {
            let app = found.app.iter().cloned();
            reasons.extend(app.map(|reason| HandlerError::from(PlugError::from(reason))));
        }
    }
    reasons.extend(unserved_imports(component).err());
    reasons
}

/// Checks that all imports of a component are served.
pub(crate) fn unserved_imports(component: &[u8]) -> Result<(), HandlerError> {
    let engine = SandboxConfig::new().engine()?;
    let linker = app::linker(&engine).map_err(|source| HandlerError::Linker { source })?;
    let missing = missing_imports(component, &linker)?;
    match missing.is_empty() {
        true => Ok(()),
        false => Err(HandlerError::Imports { missing }),
    }
}

/// Checks that a component that reads mirrors has some.
pub(crate) fn check_mirrors(
    found: &Inspection,
    sandbox: &SandboxConfig,
) -> Result<(), HandlerError> {
    match found.mirror_import() {
        Some(import) if !sandbox.has_mirrors() => Err(HandlerError::NoMirrors {
            import: import.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Returns the version of WASI of the handler of a component, or rejects a component that does not
/// answer HTTP requests.
pub(crate) fn version(found: &Inspection) -> Result<WasiVersion, HandlerError> {
    let preview = |prefix| found.preview_export(prefix).map(str::to_owned);
    Err(if let Some(version) = found.handler {
        return Ok(version);
    } else if found.command.is_some() {
        HandlerError::Command
    } else if let Some(export) = preview(names::HTTP_HANDLER_0_3) {
        HandlerError::Candidate { export }
    } else if let Some(export) = preview(names::HTTP_HANDLER) {
        HandlerError::Preview { export }
    } else if found.has_export(names::HTTP_HANDLER_0_3) {
        HandlerError::OtherAsyncHandler
    } else if found.has_export(names::HTTP_HANDLER) {
        HandlerError::OtherHandler
    } else {
        HandlerError::NotAHandler
    })
}

/// Says why the code of a component, which nothing has read before, could not be compiled.
pub(crate) fn explain_code(component: &[u8], error: HandlerError) -> HandlerError {
    if !matches!(error, HandlerError::Sandbox(SandboxError::Compile { .. })) {
        return error;
    }
    match localmap::inspect(component) {
        Err(invalid) => invalid.into(),
        Ok(found) => match found.app.into_iter().next() {
            None | Some(Incompatibility::NoMapImport) => error,
            Some(unsupported) => PlugError::from(unsupported).into(),
        },
    }
}
