//! Reports which lines of a web server's log a rate limiter would have rejected.

mod limiter;
mod options;

use std::{
    error::Error,
    io::{self, BufRead, Write},
    process::ExitCode,
};

use crate::{limiter::Limiter, options::Options};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If this fails too, there is no other way to report it.
            let _ = writeln!(io::stderr(), "Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    let Some(options) = Options::parse(lexopt::Parser::from_env())? else {
        return Ok(out.write_all(options::HELP.as_bytes())?);
    };

    let limiter = Limiter::new(options.window);
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    let (mut lines, mut limited) = (0_u64, 0_u64);
    while read_line(&mut input, &mut line)? {
        lines += 1;
        // An empty line has no client.
        let Some(client) = client(&line) else {
            continue;
        };
        let requests = limiter
            .count(client)
            .map_err(|error| format!("line {lines}: {error}"))?;
        if requests > i64::from(options.limit) {
            limited += 1;
            writeln!(out, "{lines}")?;
        }
    }
    let allowed = lines - limited;
    writeln!(out, "lines={lines} allowed={allowed} limited={limited}")?;
    Ok(out.flush()?)
}

/// Returns the first field of a line.
fn client(line: &[u8]) -> Option<&[u8]> {
    line.split(u8::is_ascii_whitespace)
        .find(|field| !field.is_empty())
}

/// Reads the next line, with its end. Returns `false` at the end of the input.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool, String> {
    line.clear();
    match input.read_until(b'\n', line) {
        Ok(bytes) => Ok(bytes > 0),
        Err(error) => Err(format!("cannot read standard input: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_the_first_field_of_whatever_bytes() {
        assert_eq!(client(b"::1 - - [..]\n"), Some(b"::1".as_slice()));
        assert_eq!(client(b"\t\xff\r\n"), Some(b"\xff".as_slice()));
        assert_eq!(client(b" \r\n"), None);
    }
}
