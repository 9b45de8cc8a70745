//! The subcommands of the program.

pub(crate) mod doctor;
mod enforced;
pub(crate) mod inspect;
mod instance;
pub(crate) mod mirror;
pub(crate) mod new;
pub(crate) mod plug;
pub(crate) mod preflight;
mod refusal;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod shell;
#[cfg(unix)]
pub(crate) mod sidecar;
mod telemetry;
pub(crate) mod top;
