//! The error of a command that refuses a component.

use anyhow::{Error, anyhow};

/// Returns the error for all reasons why a command refuses a component, of which there is at least
/// one.
pub(crate) fn refusal(command: &str, reasons: &[String]) -> Error {
    match reasons {
        [one] => anyhow!("{one}"),
        several => anyhow!(
            "`localmap {command}` does not take it:\n- {}",
            several.join("\n- ")
        ),
    }
}
