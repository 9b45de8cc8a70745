//! Counts the visitors of a web server's log and their sessions.
//!
//! Only the map knows the open sessions: a session is an entry that lives for the idle
//! time, and each request restarts that time.

mod options;

use std::{
    collections::HashMap,
    error::Error,
    io::{self, BufRead, Write},
    process::ExitCode,
    time::Duration,
};

use localmap_client::LocalMap;

use crate::options::Options;

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

    let mut input = io::stdin().lock();
    let mut log = Log::new(options.idle);
    let mut line = Vec::new();
    while read_line(&mut input, &mut line)? {
        if let Err(error) = log.line(&line) {
            return Err(format!("line {}: {error}", log.lines).into());
        }
    }
    writeln!(
        out,
        "lines={} clients={} sessions={} peak={} open={}",
        log.lines,
        log.clients.len(),
        log.sessions,
        log.peak,
        log.map.len(),
    )?;
    Ok(out.flush()?)
}

/// The state after the lines read so far.
struct Log {
    /// The open sessions, each under the number of its client.
    map: LocalMap,
    idle: Duration,
    /// All clients so far, numbered in order of appearance. Clients do not expire, and
    /// their numbers fit into a key however long their names are.
    clients: HashMap<Vec<u8>, usize>,
    lines: u64,
    sessions: u64,
    peak: u64,
}

impl Log {
    fn new(idle: Duration) -> Self {
        Self {
            map: LocalMap::new(),
            idle,
            clients: HashMap::new(),
            lines: 0,
            sessions: 0,
            peak: 0,
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), localmap_client::Error> {
        self.lines += 1;
        if let Some(client) = client(line) {
            let session = self.number(client).to_string();
            if !self.map.touch(&session, self.idle)? {
                self.map.set(&session, "", self.idle)?;
                self.sessions += 1;
            }
        }
        self.peak = self.peak.max(self.map.len());
        Ok(())
    }

    fn number(&mut self, client: &[u8]) -> usize {
        if let Some(number) = self.clients.get(client) {
            return *number;
        }
        let number = self.clients.len();
        self.clients.insert(client.to_vec(), number);
        number
    }
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
        let cases: [(&[u8], Option<&[u8]>); 8] = [
            (b"::1 - - [..]\n", Some(b"::1")),
            (b"::1\r\n", Some(b"::1")),
            (b"::1", Some(b"::1")),
            (b" \t::1\t-\n", Some(b"::1")),
            (b"\xff\xfe \x80\n", Some(b"\xff\xfe")),
            (b"\r\n", None),
            (b" \n", None),
            (b"", None),
        ];
        for (line, expected) in cases {
            assert_eq!(client(line), expected, "{line:?}");
        }
    }

    #[test]
    fn lines_are_read_as_they_are_the_last_one_without_its_end_too() {
        let mut input: &[u8] = b"a\r\n\n\xff";
        let mut line = Vec::new();
        let mut lines = Vec::new();
        while read_line(&mut input, &mut line).unwrap() {
            lines.push(line.clone());
        }
        assert_eq!(lines, [b"a\r\n".as_slice(), b"\n", b"\xff"]);
    }

    #[test]
    fn a_client_keeps_its_number_and_no_two_have_the_same() {
        let mut log = Log::new(Duration::from_secs(1));
        let long = [b'x'; 1000];
        let longer = [b'x'; 1001];
        let clients: [&[u8]; 4] = [b"a", b"b", &long, &longer];
        let numbers = clients.map(|client| log.number(client));
        assert_eq!(clients.map(|client| log.number(client)), numbers);
        for (i, number) in numbers.iter().enumerate() {
            assert!(!numbers[..i].contains(number));
        }
    }
}
