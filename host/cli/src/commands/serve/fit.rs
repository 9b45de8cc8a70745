//! The reasons why `serve` refuses a component.

use crate::commands::refusal::refusal;
use anyhow::{Error, anyhow};
use localmap::{Inspection, PlugError};
use localmap_serve::HandlerError;

/// Returns the reasons why `serve` cannot serve a component; empty if it can.
pub(crate) fn misfits(bytes: &[u8], guest: &Inspection) -> Vec<String> {
    let reasons = localmap_serve::misfits(bytes, guest);
    reasons.into_iter().flat_map(texts).collect()
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

fn texts(reason: HandlerError) -> Vec<String> {
    match reason {
        HandlerError::Command => vec!["it is a command: use `localmap run`".to_owned()],
        HandlerError::Imports { missing, .. } => missing.iter().map(ToString::to_string).collect(),
        // The title says only that there is a reason.
        HandlerError::Incompatible(PlugError::Incompatible { source, .. }) => {
            vec![source.to_string()]
        }
        other => vec![format!("{:#}", anyhow!(other))],
    }
}
