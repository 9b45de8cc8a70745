//! The commands of this package, in the arguments: `outside COMMAND [ARG…] [then …]…`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    for command in args.split(|arg| arg == "then") {
        let args: Vec<&str> = command.iter().map(String::as_str).collect();
        println!("{}", outside::run(&args));
    }
    ExitCode::SUCCESS
}
