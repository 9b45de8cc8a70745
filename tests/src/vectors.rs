//! The vectors, which are scripts that describe how every map behaves, and their runner.
//! `vectors/README.md` describes the format.
//!
//! A [`Subject`] is a map on any surface: the engine itself, or a component behind the host
//! library. Its arguments and results are the engine's plain types, which correspond to those
//! of the contract.

mod answer;
mod changes;
mod token;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::{fs, io};

use localmap_engine::{
    Change, Condition, ConfigureError, Error, Limits, MAX_PAGE_BYTES, MAX_SCAN_LIMIT, Outcome,
    Stats, Ttl,
};

use answer::{Answer, entry, found, limit, name, number, outcome, refused, stat, truth, version};
pub use changes::Changes;
use token::{Token, Tokens};

/// A map under test, with a clock that the test sets. It starts empty, with default limits
/// and its clock at 0.
#[allow(missing_docs, reason = "the contract describes each operation")]
#[allow(clippy::panic, reason = "the runner reports it")]
#[allow(
    clippy::len_without_is_empty,
    reason = "the contract has no `is-empty`"
)]
pub trait Subject {
    /// A pinned value.
    type Pin;
    /// Sets the host's clock to `now`, in nanoseconds.
    fn set_clock(&mut self, now: u64);
    fn configure(&mut self, limits: Limits) -> Result<(), ConfigureError>;
    fn limits(&mut self) -> Limits;
    fn get(&mut self, key: &[u8]) -> Option<Vec<u8>>;
    fn get_entry(&mut self, key: &[u8]) -> Option<Entry>;
    fn get_many(&mut self, keys: &[Vec<u8>]) -> Vec<Option<Vec<u8>>>;
    fn contains(&mut self, key: &[u8]) -> bool;
    fn set(&mut self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<u64, Error>;
    fn set_if(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        condition: Condition,
    ) -> Result<u64, Error>;
    fn increment(&mut self, key: &[u8], delta: i64, ttl: Ttl) -> Result<i64, Error>;
    fn touch(&mut self, key: &[u8], ttl: Ttl) -> Result<bool, Error>;
    fn take(&mut self, key: &[u8]) -> Option<Vec<u8>>;
    fn delete(&mut self, key: &[u8]) -> bool;
    fn delete_if(&mut self, key: &[u8], version: u64) -> Result<(), Error>;
    fn apply(&mut self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, (u32, Error)>;
    fn pin(&mut self, key: &[u8]) -> Result<Option<Self::Pin>, Error>;
    /// Returns the pinned value and its version.
    fn pinned(&mut self, pin: &Self::Pin) -> (Vec<u8>, u64);
    fn unpin(&mut self, pin: Self::Pin);
    fn scan(&mut self, prefix: &[u8], cursor: u64, limit: u32) -> Page;
    fn len(&mut self) -> u64;
    fn stats(&mut self) -> Stats;
    fn sweep(&mut self, max: u32) -> u32;
    fn clear(&mut self);
    /// Begins or ends the list of changes. Returns `false` if there is no memory for it.
    ///
    /// A surface that is not the host's does not have this function and the next two.
    fn watch(&mut self, _max_bytes: u32) -> bool {
        panic!("{HOST_ONLY}")
    }
    fn changes(&mut self) -> Changes {
        panic!("{HOST_ONLY}")
    }
    fn peek(&mut self, _keys: &[Vec<u8>]) -> Vec<Option<Entry>> {
        panic!("{HOST_ONLY}")
    }
}

/// Message of a vector that runs on the wrong surface.
const HOST_ONLY: &str = "only a host watches a map";

/// A value with its version and its remaining time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The value.
    pub value: Vec<u8>,
    /// The version of the value.
    pub version: u64,
    /// Nanoseconds until it expires, or `None` if it does not.
    pub expires_in: Option<u64>,
}

/// A page of a scan.
#[derive(Clone, Debug)]
pub struct Page {
    /// Keys with their entries.
    pub entries: Vec<(Vec<u8>, Entry)>,
    /// The cursor of the next page, or `None` after the last one.
    pub next: Option<u64>,
}

/// Returns the names and texts of the vector files that run on every surface, sorted by name.
///
/// # Errors
///
/// Returns an error if the folder `vectors` or a file in it cannot be read.
pub fn files() -> io::Result<Vec<(String, String)>> {
    files_in("vectors")
}

/// Returns the names and texts of the vector files for surfaces of the host, sorted by name: those of
/// every surface, and those in the folder `vectors/host`.
///
/// # Errors
///
/// Returns an error if a folder or a file in it cannot be read.
pub fn host_files() -> io::Result<Vec<(String, String)>> {
    Ok([files()?, files_in("vectors/host")?].concat())
}

fn files_in(folder: &str) -> io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))? {
        let path = file?.path();
        if path.extension().is_some_and(|ending| ending == "txt") {
            let name = path.file_name().unwrap_or_default();
            files.push((
                name.to_string_lossy().into_owned(),
                fs::read_to_string(&path)?,
            ));
        }
    }
    files.sort();
    Ok(files)
}

/// Runs a script against maps that `new` creates, one for each case. Returns the number of
/// answers that were compared.
///
/// # Errors
///
/// Returns the first failure of each case, with its file, line and case. A panic counts as a
/// failure.
pub fn run<S: Subject>(
    file: &str,
    script: &str,
    mut new: impl FnMut() -> S,
) -> Result<usize, String> {
    let mut compared = 0;
    let mut faults = String::new();
    let mut case: Option<(&str, Option<Case<S>>)> = None;
    for (at, line) in script.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("==") {
            case = Some((name.trim(), Some(Case::new(new()))));
            continue;
        }
        let Some((name, running)) = &mut case else {
            return Err(format!("{file}:{}: a case begins with `==`", at + 1));
        };
        // Skip the rest of a case that has failed.
        let Some(running_case) = running else {
            continue;
        };
        compared += 1;
        let done = catch_unwind(AssertUnwindSafe(|| running_case.line(line)));
        let done = done.unwrap_or_else(|_| Err("panicked".into()));
        if let Err(fault) = done {
            faults += &format!("{file}:{} ({name}): {line}\n  {fault}\n", at + 1);
            *running = None;
        }
    }
    if faults.is_empty() {
        Ok(compared)
    } else {
        Err(faults)
    }
}

/// The number of entries that a page may have beyond its limit, because their hashes are equal.
/// Three keys with the same hash are too unlikely to occur here.
const SAME_HASH: usize = 1;

/// A case that is running, and its map.
struct Case<S: Subject> {
    subject: S,
    now: u64,
    /// The pins, by the names that the case gives them.
    pins: BTreeMap<String, S::Pin>,
    /// The entries that the current scan has returned so far.
    scanned: Vec<(Vec<u8>, Entry)>,
    /// The cursor of its next page.
    cursor: u64,
}

impl<S: Subject> Case<S> {
    const fn new(subject: S) -> Self {
        Self {
            subject,
            now: 0,
            pins: BTreeMap::new(),
            scanned: Vec::new(),
            cursor: 0,
        }
    }

    /// Runs one line, and compares the answer with the expected one.
    fn line(&mut self, line: &str) -> Result<(), String> {
        let mut tokens = Tokens::parse(line)?;
        let operation = tokens.name()?;
        let answer = self.operation(&operation, &mut tokens)?;
        tokens.end()?;
        let expected = tokens.expected();
        if answer == expected {
            return Ok(());
        }
        Err(format!("answered {}", token::show(&answer)))
    }

    /// Performs an operation with the arguments in `tokens`. Returns what it answers.
    fn operation(&mut self, operation: &str, tokens: &mut Tokens) -> Result<Answer, String> {
        let map = &mut self.subject;
        Ok(match operation {
            "clock" => self.clock(tokens.number()?),
            "advance" => self.clock(self.now.saturating_add(tokens.number()?)),
            "rewind" => self.clock(self.now.saturating_sub(tokens.number()?)),
            "set" => version(map.set(&tokens.bytes()?, &tokens.bytes()?, tokens.ttl()?)),
            "set-if" => version(map.set_if(
                &tokens.bytes()?,
                &tokens.bytes()?,
                tokens.ttl()?,
                tokens.condition()?,
            )),
            "increment" => map
                .increment(&tokens.bytes()?, tokens.number()?, tokens.ttl()?)
                .map_or_else(refused, number),
            "touch" => map
                .touch(&tokens.bytes()?, tokens.ttl()?)
                .map_or_else(refused, truth),
            "get" => found(map.get(&tokens.bytes()?)),
            "take" => found(map.take(&tokens.bytes()?)),
            "get-entry" => map
                .get_entry(&tokens.bytes()?)
                .map_or_else(|| name("none"), entry),
            "get-many" => self.get_many(tokens)?,
            "contains" => truth(map.contains(&tokens.bytes()?)),
            "delete" => truth(map.delete(&tokens.bytes()?)),
            "delete-if" => map
                .delete_if(&tokens.bytes()?, tokens.version()?)
                .map_or_else(refused, |()| name("ok")),
            "apply" => self.apply(tokens)?,
            "apply-fill" => self.apply_fill(tokens)?,
            "pin" => self.pin(tokens)?,
            "pinned" => self.pinned(tokens)?,
            "unpin" => self.unpin(tokens)?,
            "page" => {
                let (prefix, limit) = tokens.page()?;
                self.page(&prefix, limit)?;
                Vec::new()
            }
            "scan" => self
                .scan(tokens)?
                .into_iter()
                .map(|(key, _)| Token::Bytes(key))
                .collect(),
            "scan-entries" => {
                let whole = |(key, there)| [vec![Token::Bytes(key)], entry(there)].concat();
                self.scan(tokens)?.into_iter().flat_map(whole).collect()
            }
            "scan-count" => self.scan_count(tokens)?,
            "len" => number(map.len()),
            "sweep" => number(map.sweep(tokens.number()?)),
            "clear" => {
                map.clear();
                name("ok")
            }
            "stats" => {
                let stats = map.stats();
                answer::check_stats(&stats, &map.limits())?;
                tokens.names(|name| stat(&stats, name))?
            }
            "at-least" => self.at_least(tokens)?,
            "limits" => {
                let limits = map.limits();
                tokens.names(|name| limit(&limits, name))?
            }
            "configure" => {
                let limits = tokens.limits(map.limits())?;
                map.configure(limits)
                    .map_or_else(answer::refused_limits, |()| name("ok"))
            }
            "fill" => self.fill(tokens)?,
            other => {
                return changes::operation(map, other, tokens)?
                    .ok_or(format!("no operation `{other}`"));
            }
        })
    }

    fn get_many(&mut self, tokens: &mut Tokens) -> Result<Answer, String> {
        let mut keys = Vec::new();
        while tokens.more() {
            keys.push(tokens.bytes()?);
        }
        let values = self.subject.get_many(&keys);
        Ok(values.into_iter().flat_map(found).collect())
    }

    fn apply(&mut self, tokens: &mut Tokens) -> Result<Answer, String> {
        let changes = tokens.changes()?;
        let changes: Vec<Change<'_>> = changes.iter().map(|change| change.view()).collect();
        Ok(match self.subject.apply(&changes) {
            Ok(outcomes) => outcomes.into_iter().flat_map(outcome).collect(),
            Err((index, error)) => answer::refused_at(index, error),
        })
    }

    fn apply_fill(&mut self, tokens: &mut Tokens) -> Result<Answer, String> {
        let (prefix, count) = (tokens.bytes()?, tokens.number::<u64>()?);
        let (value, ttl) = (tokens.bytes()?, tokens.ttl()?);
        let keys: Vec<Vec<u8>> = (0..count)
            .map(|n| [&prefix, n.to_string().as_bytes()].concat())
            .collect();
        let set = |key| Change::Set {
            key,
            value: &value,
            ttl,
        };
        let changes: Vec<Change<'_>> = keys.iter().map(Vec::as_slice).map(set).collect();
        match self.subject.apply(&changes) {
            Ok(outcomes) if outcomes.len() == changes.len() => Ok(name("ok")),
            Ok(outcomes) => Err(format!("{} outcomes", outcomes.len())),
            Err((index, error)) => Ok(answer::refused_at(index, error)),
        }
    }

    fn fill(&mut self, tokens: &mut Tokens) -> Result<Answer, String> {
        let (prefix, count) = (tokens.bytes()?, tokens.number::<u64>()?);
        let (value, ttl) = (tokens.bytes()?, tokens.ttl()?);
        let mut keys = (0..count).map(|n| [&prefix, n.to_string().as_bytes()].concat());
        let filled = keys.try_for_each(|key| self.subject.set(&key, &value, ttl).map(drop));
        Ok(filled.map_or_else(refused, |()| name("ok")))
    }

    fn pin(&mut self, tokens: &mut Tokens) -> Result<Answer, String> {
        let pin = tokens.name()?;
        Ok(match self.subject.pin(&tokens.bytes()?) {
            Ok(Some(held)) => {
                if let Some(before) = self.pins.insert(pin, held) {
                    self.subject.unpin(before);
                }
                name("ok")
            }
            Ok(None) => name("none"),
            Err(error) => refused(error),
        })
    }

    fn pinned(&mut self, tokens: &mut Tokens) -> Result<Answer, String> {
        let pin = tokens.name()?;
        let held = self.pins.get(&pin).ok_or(format!("no pin `{pin}`"))?;
        let (value, number) = self.subject.pinned(held);
        Ok([found(Some(value)), version(Ok(number))].concat())
    }

    fn unpin(&mut self, tokens: &mut Tokens) -> Result<Answer, String> {
        let pin = tokens.name()?;
        let held = self.pins.remove(&pin).ok_or(format!("no pin `{pin}`"))?;
        self.subject.unpin(held);
        Ok(name("ok"))
    }

    fn scan_count(&mut self, tokens: &mut Tokens) -> Result<Answer, String> {
        let mut keys: Vec<_> = self.scan(tokens)?.into_iter().map(|(key, _)| key).collect();
        let count = keys.len();
        keys.dedup();
        if keys.len() < count {
            return Err("a key was returned twice".into());
        }
        Ok(number(i128::try_from(count).unwrap_or(i128::MAX)))
    }

    fn at_least(&mut self, tokens: &mut Tokens) -> Result<Answer, String> {
        let found = stat(&self.subject.stats(), &tokens.name()?)?;
        let least = tokens.number::<u64>()?;
        match found.as_slice() {
            [Token::Number(found)] => Ok(truth(*found >= least.into())),
            _ => Err("not a number".into()),
        }
    }

    /// Sets the clock, which has no answer.
    fn clock(&mut self, now: u64) -> Answer {
        self.now = now;
        self.subject.set_clock(now);
        Vec::new()
    }

    /// Reads the next page of the scan. Returns `true` if there are more.
    fn page(&mut self, prefix: &[u8], limit: u32) -> Result<bool, String> {
        let page = self.subject.scan(prefix, self.cursor, limit);
        if page.entries.len() > limit.clamp(1, MAX_SCAN_LIMIT) as usize + SAME_HASH {
            return Err(format!("a page of {} entries", page.entries.len()));
        }
        let size = |(key, entry): &(Vec<u8>, Entry)| key.len() + entry.value.len();
        let bytes: usize = page.entries.iter().map(size).sum();
        if bytes > MAX_PAGE_BYTES && page.entries.len() > 1 {
            return Err(format!("a page of {bytes} bytes"));
        }
        if let Some((key, _)) = page
            .entries
            .iter()
            .find(|(key, _)| !key.starts_with(prefix))
        {
            return Err(format!("{} has another prefix", key.escape_ascii()));
        }
        self.scanned.extend(page.entries);
        self.cursor = page.next.unwrap_or(0);
        Ok(page.next.is_some())
    }

    /// Reads the remaining pages of the scan. Returns all its entries, sorted by key.
    fn scan(&mut self, tokens: &mut Tokens) -> Result<Vec<(Vec<u8>, Entry)>, String> {
        let (prefix, limit) = tokens.page()?;
        let mut pages = 0;
        while self.page(&prefix, limit)? {
            pages += 1;
            if pages > 100_000 {
                return Err("a scan without an end".into());
            }
        }
        let mut scanned = std::mem::take(&mut self.scanned);
        scanned.sort();
        Ok(scanned)
    }
}
