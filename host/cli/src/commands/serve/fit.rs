//! The reasons why `serve` refuses a component.

use crate::commands::refusal::refusal;
use anyhow::{Error, anyhow};
use localmap::{Inspection, PlugError, names};
use localmap_serve::HandlerError;

/// Returns the reasons why `serve` cannot serve a component; empty if it can.
pub(crate) fn misfits(bytes: &[u8], guest: &Inspection) -> Vec<String> {
    let reasons = localmap_serve::misfits(bytes, guest);
    let texts = reasons.into_iter().flat_map(|reason| texts(reason, guest));
    texts.collect()
}

/// Returns the error with all reasons, if a handler was refused because of its component.
pub(super) fn refused(error: &HandlerError, bytes: &[u8]) -> Option<Error> {
    let reasons = match error {
        HandlerError::Command
        | HandlerError::Candidate { .. }
        | HandlerError::NotAHandler
        | HandlerError::Preview { .. }
        | HandlerError::OtherHandler
        | HandlerError::OtherAsyncHandler
        | HandlerError::Incompatible(PlugError::Incompatible { .. })
        // With its code, which has not been read yet.
        | HandlerError::Imports { .. } => match localmap::inspect(bytes) {
            Ok(guest) => misfits(bytes, &guest),
            Err(invalid) => return Some(invalid.into()),
        },
        _ => Vec::new(),
    };
    (!reasons.is_empty()).then(|| refusal("serve", &reasons))
}

fn texts(reason: HandlerError, guest: &Inspection) -> Vec<String> {
    match reason {
        HandlerError::NotAHandler if guest.has_export(names::HANDLER) => {
            vec!["it answers the peers of a sidecar: use `localmap sidecar --guest`".to_owned()]
        }
        HandlerError::Command => vec!["it is a command: use `localmap run`".to_owned()],
        HandlerError::Imports { missing, .. } => missing.iter().map(ToString::to_string).collect(),
        // The title says only that there is a reason.
        HandlerError::Incompatible(PlugError::Incompatible { source, .. }) => {
            vec![source.to_string()]
        }
        other => vec![format!("{:#}", anyhow!(other))],
    }
}
