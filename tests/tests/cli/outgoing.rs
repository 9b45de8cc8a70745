//! Requests that guests send, the traces to which they belong, and the other grants of a sandbox that are not WASI's: `wasi:config`
//! and `wasi:logging`.

mod config;
mod logging;
mod run;
mod serve;
mod site;
mod tls;
#[cfg(unix)]
mod traces;
mod wasip3;

use localmap_tests::{Program, guest, localmap};

/// Returns a run of the guest `outside`, with these options and commands.
fn outside(options: &[&str], commands: &[&str]) -> Program {
    localmap()
        .arg("run")
        .args(options)
        .arg(guest("outside"))
        .args(commands)
}
