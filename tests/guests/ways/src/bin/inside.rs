//! The app of the tests. Which map it has, the line below says.

use std::process::ExitCode;

use localmap_client::in_process as client;

#[path = "../app.rs"]
mod app;

fn main() -> ExitCode {
    app::main()
}
