//! Copies a web server's log and drops repeated requests.

mod options;
mod passed;

use std::{
    error::Error,
    io::{self, BufRead, Write},
    process::ExitCode,
};

use crate::{options::Options, passed::Passed};

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

    let passed = Passed::new(options.window);
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    let (mut lines, mut kept) = (0_u64, 0_u64);
    while read_line(&mut input, &mut line)? {
        lines += 1;
        let (client, request) = client_and_request(&line);
        let first = passed
            .insert(client, request)
            .map_err(|error| format!("line {lines}: {error}"))?;
        if first {
            kept += 1;
            out.write_all(&line)?;
        }
    }
    out.flush()?;
    let dropped = lines - kept;
    writeln!(io::stderr(), "lines={lines} kept={kept} dropped={dropped}")?;
    Ok(())
}

/// Returns the first field of a line and the text between its first two double quotes. If
/// it does not have two of them, returns everything after the first field instead.
fn client_and_request(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.trim_ascii();
    let end = line
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(line.len());
    let (client, rest) = line.split_at(end);

    let mut parts = line.splitn(3, |byte| *byte == b'"').skip(1);
    match (parts.next(), parts.next()) {
        (Some(request), Some(_)) => (client, request),
        _ => (client, rest.trim_ascii_start()),
    }
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
    fn a_line_is_identified_by_its_client_and_its_request() {
        let cases: [(&[u8], &[u8], &[u8]); 9] = [
            (
                b"::1 - - [..] \"GET / HTTP/1.1\" 200 \"-\" \"curl\"\n",
                b"::1",
                b"GET / HTTP/1.1",
            ),
            (b"::1 \"GET /\"\r\n", b"::1", b"GET /"),
            (b"::1 \" GET \xff \"", b"::1", b" GET \xff "),
            (b"::1 - \"\" 400\n", b"::1", b""),
            (b" ::1\t one  two \r\n", b"::1", b"one  two"),
            (b"::1 \"one quote only\n", b"::1", b"\"one quote only"),
            (b"::1\n", b"::1", b""),
            (b"\r\n", b"", b""),
            (b"", b"", b""),
        ];
        for (line, client, request) in cases {
            assert_eq!(client_and_request(line), (client, request), "{line:?}");
        }
    }
}
