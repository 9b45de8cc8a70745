//! Executes commands on the map of a shell.

use super::clock::ShellClock;
use super::command::Command;
use super::failure::Failure;
use super::help;
use super::parser::parse;
use super::tokens::Quoted;
use crate::terminal::stats::StatsLine;
use localmap::{Change, Entry, LocalMap, MapTerminated, Outcome, Pinned};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::Duration;

/// The map of a shell with its clock and its pins.
pub(super) struct Session {
    map: LocalMap,
    clock: ShellClock,
    /// The keys and the pins, by the numbers of the pins.
    pins: BTreeMap<u64, (Vec<u8>, Pinned)>,
    /// The number of the last pin.
    last_pin: u64,
}

/// Maximum number of entries on one page of a scan.
const PAGE: u32 = 1_024;

impl Session {
    pub(super) fn new(map: LocalMap, clock: ShellClock) -> Self {
        Self {
            map,
            clock,
            pins: BTreeMap::new(),
            last_pin: 0,
        }
    }

    /// Executes one line and writes its output. Breaks if the line ends the shell.
    pub(super) fn execute_line(
        &mut self,
        line: &[u8],
        out: &mut dyn Write,
    ) -> Result<ControlFlow<()>, Failure> {
        match parse(line)? {
            Some(command) => self.execute(command, out),
            None => Ok(ControlFlow::Continue(())),
        }
    }

    fn execute(
        &mut self,
        command: Command,
        out: &mut dyn Write,
    ) -> Result<ControlFlow<()>, Failure> {
        let Self {
            map,
            clock,
            pins,
            last_pin,
        } = self;
        match command {
            Command::Get(key) => write_value(out, map.get(&key)?.as_deref())?,
            Command::GetEntry(key) => match map.get_entry(&key)? {
                Some(entry) => writeln!(out, "{}", describe(&entry))?,
                None => write_value(out, None)?,
            },
            Command::GetMany(keys) => {
                let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
                for value in map.get_many(&keys)? {
                    write_value(out, value.as_deref())?;
                }
            }
            Command::Contains(key) => writeln!(out, "{}", map.contains(&key)?)?,
            Command::Set(key, value, ttl) => {
                writeln!(out, "version {}", map.set(&key, &value, ttl)?)?;
            }
            Command::SetIf(key, value, condition, ttl) => {
                let version = map.set_if(&key, &value, ttl, condition)?;
                writeln!(out, "version {version}")?;
            }
            Command::Increment(key, delta, ttl) => {
                writeln!(out, "{}", map.increment(&key, delta, ttl)?)?;
            }
            Command::Touch(key, ttl) => writeln!(out, "{}", map.touch(&key, ttl)?)?,
            Command::Take(key) => write_value(out, map.take(&key)?.as_deref())?,
            Command::Delete(key) => writeln!(out, "{}", map.delete(&key)?)?,
            Command::DeleteIf(key, version) => {
                map.delete_if(&key, version)?;
                writeln!(out, "deleted")?;
            }
            Command::Apply(changes) => apply(map, &changes, out)?,
            Command::Pin(key) => match map.pin(&key)? {
                Some(pin) => {
                    *last_pin += 1;
                    pins.insert(*last_pin, (key, pin));
                    writeln!(out, "pin {last_pin}")?;
                }
                None => write_value(out, None)?,
            },
            Command::Pinned(Some(number)) => match pins.get(&number) {
                Some((_, pin)) => write_pinned(map, pin, out)?,
                None => write_value(out, None)?,
            },
            Command::Pinned(None) => {
                for (number, (key, pin)) in pins {
                    write!(out, "{number} {} ", Quoted(key))?;
                    write_pinned(map, pin, out)?;
                }
            }
            Command::Unpin(number) => {
                let pin = pins.remove(&number);
                writeln!(out, "{}", pin.is_some())?;
                if let Some((_, pin)) = pin {
                    map.unpin(pin)?;
                }
            }
            Command::Scan(prefix) => scan(map, &prefix, out)?,
            Command::Len => writeln!(out, "{}", map.len()?)?,
            Command::Stats => write_stats(map, out)?,
            Command::Sweep(max) => writeln!(out, "{}", map.sweep(max)?)?,
            Command::Clear => {
                map.clear()?;
                writeln!(out, "cleared")?;
            }
            Command::Sleep(time) => {
                clock.skip(time);
                writeln!(out, "slept {}", humantime::format_duration(time))?;
            }
            Command::Help(None) => help::write_all(out)?,
            Command::Help(Some(topic)) => topic.write(out)?,
            Command::Exit => return Ok(ControlFlow::Break(())),
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Returns keys that begin with `prefix`: if there are many, only some of them.
    pub(super) fn some_keys(&mut self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, MapTerminated> {
        const PAGES: usize = 16;
        const ENOUGH: usize = 100;
        let mut keys = Vec::new();
        let mut cursor = Some(0);
        for _ in 0..PAGES {
            let Some(at) = cursor.filter(|_| keys.len() < ENOUGH) else {
                break;
            };
            let page = self.map.scan(prefix, at, PAGE)?;
            keys.extend(page.entries.into_iter().map(|scanned| scanned.key));
            cursor = page.next;
        }
        keys.sort_unstable();
        Ok(keys)
    }
}

fn write_value(out: &mut dyn Write, value: Option<&[u8]>) -> io::Result<()> {
    match value {
        Some(value) => writeln!(out, "{}", Quoted(value)),
        None => writeln!(out, "none"),
    }
}

/// Applies a batch, and prints the result of each change in the same way as its command.
fn apply(map: &mut LocalMap, commands: &[Command], out: &mut dyn Write) -> Result<(), Failure> {
    let changes: Vec<Change<'_>> = commands.iter().filter_map(Command::change).collect();
    let outcomes = map.apply(&changes)?;
    for (change, outcome) in changes.iter().zip(outcomes) {
        match (change, outcome) {
            (_, Outcome::Stored(version)) => writeln!(out, "version {version}")?,
            (_, Outcome::Counter(sum)) => writeln!(out, "{sum}")?,
            (Change::DeleteIf { .. }, Outcome::Deleted(_)) => writeln!(out, "deleted")?,
            (_, Outcome::Touched(found) | Outcome::Deleted(found)) => writeln!(out, "{found}")?,
        }
    }
    Ok(())
}

fn write_pinned(map: &mut LocalMap, pin: &Pinned, out: &mut dyn Write) -> Result<(), Failure> {
    let value = map.pinned(pin)?;
    writeln!(out, "{} version {}", Quoted(&value), pin.version())?;
    Ok(())
}

fn scan(map: &mut LocalMap, prefix: &[u8], out: &mut dyn Write) -> Result<(), Failure> {
    let mut cursor = Some(0);
    while let Some(at) = cursor {
        let page = map.scan(prefix, at, PAGE)?;
        for scanned in &page.entries {
            writeln!(out, "{} {}", Quoted(&scanned.key), describe(&scanned.entry))?;
        }
        cursor = page.next;
    }
    Ok(())
}

fn write_stats(map: &mut LocalMap, out: &mut dyn Write) -> Result<(), Failure> {
    let stats = map.stats()?;
    writeln!(out, "{} memory={}", StatsLine(stats), map.memory())?;
    Ok(())
}

/// Formats an entry. The number of a counter is written as a comment, so that the output can be
/// pasted as input.
fn describe(entry: &Entry) -> String {
    let value = Quoted(&entry.value).to_string();
    let expiry = match entry.expires_in {
        Some(left) => format!("expires in {}", rounded_down(left)),
        None => "never expires".to_owned(),
    };
    let counter = match <[u8; 8]>::try_from(entry.value.as_slice()) {
        Ok(bytes) if value.contains("\\x") => {
            format!(" # as a counter: {}", i64::from_le_bytes(bytes))
        }
        _ => String::new(),
    };
    format!("{value} version {} {expiry}{counter}", entry.version)
}

/// Formats a time span in short form, rounded down.
fn rounded_down(time: Duration) -> String {
    match time.as_nanos() {
        nanos @ 0..1_000 => format!("{nanos}ns"),
        nanos @ 1_000..1_000_000 => format!("{}us", nanos / 1_000),
        nanos @ 1_000_000..1_000_000_000 => format!("{}ms", nanos / 1_000_000),
        _ if time.as_secs() < 60 => {
            format!("{}.{}s", time.as_secs(), time.subsec_millis() / 100)
        }
        _ => humantime::format_duration(Duration::from_secs(time.as_secs())).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_never_overstated() {
        for (time, shown) in [
            (Duration::from_nanos(1), "1ns"),
            (Duration::from_nanos(1_999), "1us"),
            (Duration::from_micros(999_999), "999ms"),
            (Duration::from_nanos(29_999_999_999), "29.9s"),
            (Duration::from_millis(60_999), "1m"),
            (Duration::from_secs(5_400), "1h 30m"),
        ] {
            assert_eq!(rounded_down(time), shown);
            assert!(humantime::parse_duration(shown).unwrap() <= time);
        }
    }
}
