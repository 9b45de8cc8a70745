//! Decides which components `run` takes, and which map it gives them, before they are compiled.

use super::app::link;
use crate::commands::refusal::refusal;
use anyhow::Error;
use localmap::{
    Buckets, Incompatibility, Inspection, WasiVersion, linkable, missing_imports, names,
};
use localmap_serve::{SandboxConfig, SandboxError};

/// Rejects a component that `run` cannot run, with all reasons. With `linked`, its map is linked
/// instead of plugged.
pub(super) fn check(bytes: &[u8], guest: &Inspection, linked: bool) -> anyhow::Result<()> {
    match misfits(bytes, guest, linked)?.is_empty() {
        true => Ok(()),
        // With its code, which has not been read yet.
        false => Err(refused(bytes, &localmap::inspect(bytes)?, linked)),
    }
}

/// Says why the code of a component, which nothing has read before, could not be compiled.
pub(super) fn explain_code(bytes: &[u8], linked: bool, error: Error) -> Error {
    if !matches!(error.downcast_ref(), Some(SandboxError::Compile { .. })) {
        return error;
    }
    match localmap::inspect(bytes) {
        Err(invalid) => invalid.into(),
        Ok(whole) => match whole.app.first() {
            None | Some(Incompatibility::NoMapImport) => error,
            Some(_) => refused(bytes, &whole, linked),
        },
    }
}

/// Returns the error with all reasons.
fn refused(bytes: &[u8], guest: &Inspection, linked: bool) -> Error {
    match misfits(bytes, guest, linked) {
        Ok(reasons) => refusal("run", &reasons),
        Err(error) => error,
    }
}

/// Returns the reasons why `run` cannot run a component; empty if it can. Whether the component can
/// be composed with its map is another question.
pub(crate) fn misfits(
    bytes: &[u8],
    guest: &Inspection,
    linked: bool,
) -> anyhow::Result<Vec<String>> {
    let mut reasons = Vec::from_iter(other_kind(guest));
    if guest.app.first() != Some(&Incompatibility::NoMapImport) {
        reasons.extend(guest.app.iter().map(ToString::to_string));
    }
    reasons.extend(other_control(guest).map(ToString::to_string));
    let engine = SandboxConfig::new().engine()?;
    // A replayed clock serves the same interfaces as that of the system.
    let linked = linked || is_linked(guest);
    let linker = link(&engine, is_concurrent(guest), linked, false)?;
    let missing = missing_imports(bytes, &linker)?;
    reasons.extend(missing.iter().map(ToString::to_string));
    Ok(reasons)
}

/// Returns `true` if the guest uses WASI 0.3, so that it can have several tasks at a time.
pub(crate) fn is_concurrent(guest: &Inspection) -> bool {
    let of_0_3 = |name: &str| name.starts_with("wasi:") && name.contains("@0.3.");
    guest.command == Some(WasiVersion::V0_3)
        || guest.imports.iter().any(|import| of_0_3(&import.name))
}

/// Returns `true` if the guest's map is linked without `--linked`: nothing could read the
/// statistics of a map that is plugged into it after its `exit`.
pub(crate) fn is_linked(guest: &Inspection) -> bool {
    is_concurrent(guest) && guest.app.first() != Some(&Incompatibility::NoMapImport)
}

/// Returns the reason why a guest whose map is linked cannot have one.
pub(crate) fn not_linkable(bytes: &[u8], guest: &Inspection) -> Option<String> {
    let linked = linkable(bytes, guest, &Buckets::new());
    linked.err().map(|reason| reason.to_string())
}

/// Returns the reason why a map that has been plugged into a component cannot be used.
pub(crate) fn other_control(guest: &Inspection) -> Option<&Incompatibility> {
    guest.provider.iter().find(|reason| match reason {
        Incompatibility::OtherTypes { name, .. } => *name == names::CONTROL,
        _ => false,
    })
}

/// Says why a component is not a command.
fn other_kind(guest: &Inspection) -> Option<String> {
    let reason = if guest.command.is_some() {
        return None;
    } else if guest.handler.is_some() {
        "it answers HTTP requests: use `localmap serve`"
    } else if guest.has_export(names::HANDLER) {
        "it answers the peers of a sidecar: use `localmap sidecar --guest`"
    } else if let Some(candidate) = guest.preview_export(names::COMMAND_0_3) {
        return Some(format!(
            "it exports {candidate}, of a release candidate of WASI 0.3: build it with tools for \
             the final WASI 0.3"
        ));
    } else if let Some(preview) = guest.preview_export(names::COMMAND) {
        return Some(format!(
            "it exports {preview}, of a preview of WASI 0.2: build it with newer tools"
        ));
    } else if guest.has_export(names::COMMAND_0_3) {
        "its export wasi:cli/run is not that of WASI 0.3: expected a function \
         `run: async func() -> result`"
    } else if guest.has_export(names::COMMAND) {
        "its export wasi:cli/run is not that of WASI 0.2: expected a function `run: func() -> result`"
    } else {
        "it does not export wasi:cli/run@0.2.x or @0.3.x: expected a command, such as a crate with a \
         `main`"
    };
    Some(reason.to_owned())
}
