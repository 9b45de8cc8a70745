//! Reports when the visitors of a web server's log fall silent, at the time when they do: a
//! command for WASI 0.3, which reads its input and waits for timers at the same time.

mod lines;
mod options;
mod watch;

use std::{
    collections::HashMap,
    error::Error,
    io::{self, Write},
    rc::Rc,
};

use crate::{lines::Lines, options::Options, watch::Watch};

struct Watchdog;

wasip3::cli::command::export!(Watchdog);

impl wasip3::exports::cli::run::Guest for Watchdog {
    async fn run() -> Result<(), ()> {
        run().await.map_err(|error| {
            // If this fails too, there is no other way to report it.
            let _ = writeln!(io::stderr(), "Error: {error}");
        })
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let Some(options) = Options::parse(lexopt::Parser::from_env())? else {
        return Ok(io::stdout().write_all(options::HELP.as_bytes())?);
    };
    let watch = Rc::new(Watch::new(options.silence));
    // A number is a short key, however long the name is.
    let mut visitors: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut watches = Vec::new();
    let mut lines = Lines::new();
    let mut count = 0_u64;
    while let Some(line) = lines.next().await? {
        count += 1;
        // An empty line has no visitor.
        let Some(visitor) = visitor(&line) else {
            continue;
        };
        let next = visitors.len() as u64;
        let number = *visitors.entry(visitor.to_vec()).or_insert(next);
        let seen = watch
            .see(number)
            .map_err(|error| format!("line {count}: {error}"))?;
        if let Some(version) = seen {
            let (watch, name) = (Rc::clone(&watch), visitor.to_vec());
            watches.push(wasip3::spawn_local(async move {
                watch.silence_of(number, version).await;
                writeln!(io::stdout(), "{}", name.escape_ascii())
            }));
        }
    }
    let silences = watches.len();
    for watch in watches {
        if let Some(printed) = watch.await {
            printed?;
        }
    }
    let visitors = visitors.len();
    let summary = format!("lines={count} visitors={visitors} silences={silences}");
    Ok(writeln!(io::stdout(), "{summary}")?)
}

/// Returns the first field of a line.
fn visitor(line: &[u8]) -> Option<&[u8]> {
    line.split(u8::is_ascii_whitespace)
        .find(|field| !field.is_empty())
}
