//! The app of the tests. The import of `client` below decides which map it uses.

use std::process::ExitCode;

use localmap_client::in_process as client;

#[path = "../app.rs"]
mod app;

fn main() -> ExitCode {
    app::main()
}
