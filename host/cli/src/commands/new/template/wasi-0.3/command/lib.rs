//! Prints each line of standard input with the number of times it has occurred within the
//! last minute: a command for WASI 0.3.

mod lines;
mod seen;

use std::{
    error::Error,
    io::{self, Write},
};

use lines::Lines;
use seen::Seen;

struct Command;

wasip3::cli::command::export!(Command);

impl wasip3::exports::cli::run::Guest for Command {
    async fn run() -> Result<(), ()> {
        run().await.map_err(|error| eprintln!("Error: {error}"))
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let seen = Seen::default();
    // The standard library works too, but other tasks stand still while it waits.
    let mut out = io::stdout();
    let mut lines = Lines::new();
    while let Some(line) = lines.next().await? {
        let line = String::from_utf8_lossy(&line);
        match seen.count(&line) {
            Ok(times) => writeln!(out, "{line}: {times}")?,
            // The line is too long for a key, or the map is full. The message says what to do.
            // Nothing has changed.
            Err(error) => eprintln!("{line}: {error}"),
        }
    }
    if let Some(latest) = seen.latest() {
        let different = seen.different();
        writeln!(out, "{different} different lines, the last one: {latest}")?;
    }
    Ok(out.flush()?)
}
