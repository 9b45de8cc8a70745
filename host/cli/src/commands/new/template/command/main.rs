//! Prints each line of standard input with the number of times it has occurred within the
//! last minute.

mod seen;

use std::{
    error::Error,
    io::{self, BufRead, Write},
    process::ExitCode,
};

use seen::Seen;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let seen = Seen::default();
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
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
