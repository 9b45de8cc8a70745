//! A command of WASI 0.3 that uses what a sandbox can grant.
//!
//! `wasip3-outside COMMAND [ARG…] [then COMMAND [ARG…]]…` runs the commands one after the other,
//! each of which prints one line. `send` sends a request with `wasi:http/client` of WASI 0.3,
//! `bucket` is a command of the guest `kv-draft`, and all others are those of `outside`.

mod bindings;
#[path = "../../keyvalue/src/draft.rs"]
mod draft;
mod send;

use wasip3::cli::{environment, stdout};
use wasip3::wit_stream;

struct Command;

wasip3::cli::command::export!(Command);

impl wasip3::exports::cli::run::Guest for Command {
    async fn run() -> Result<(), ()> {
        let args = environment::get_arguments();
        for command in args.get(1..).unwrap_or_default().split(|arg| arg == "then") {
            let args: Vec<&str> = command.iter().map(String::as_str).collect();
            let said = match &args[..] {
                ["send", args @ ..] => told(send::run(args).await),
                ["bucket", args @ ..] => told(draft::run(args)),
                args => outside::run(args),
            };
            print(&said).await?;
        }
        Ok(())
    }
}

fn told(done: Result<String, String>) -> String {
    done.unwrap_or_else(|error| format!("error: {error}"))
}

async fn print(line: &str) -> Result<(), ()> {
    let (mut to, from) = wit_stream::new();
    let closed = stdout::write_via_stream(from);
    let _ = to.write_all(format!("{line}\n").into_bytes()).await;
    drop(to);
    closed.await.map_err(|_| ())
}
