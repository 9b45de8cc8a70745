//! The program `localmap`: each command as users run it, with its output, errors and exit code.

mod bad_input;
#[cfg(target_os = "linux")]
mod doctor;
mod examples;
mod fits;
mod help;
mod inspect;
mod mirror;
mod new;
mod outgoing;
mod plug;
mod run;
mod schema;
mod serve;
mod shell;
#[cfg(unix)]
mod sidecar;
#[cfg(unix)]
mod telemetry;
mod texts;
mod top;
