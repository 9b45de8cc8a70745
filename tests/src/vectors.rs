//! Scripts that say how every map behaves, and what runs them. The format is told
//! in `vectors/README.md`.
//!
//! A [`Subject`] is a map on any surface: the engine itself, or a component behind
//! the host library. What it takes and gives are the engine's plain types, which
//! say the same as the contract.

mod answer;
mod word;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::{fs, io};

use localmap_engine::{
    Change, Condition, ConfigureError, Error, Limits, MAX_PAGE_BYTES, MAX_SCAN_LIMIT, Outcome,
    Stats, Ttl,
};

use answer::{Answer, entry, found, limit, name, number, outcome, refused, stat, truth, version};
use word::{Word, Words};

/// A map under test, with a clock that the test sets. It begins empty, with default
/// limits and its clock at 0.
#[allow(missing_docs, reason = "the contract tells what each operation does")]
#[allow(
    clippy::len_without_is_empty,
    reason = "the contract has no `is-empty`"
)]
pub trait Subject {
    /// A value that is held.
    type Pin;
    /// From now on the host's clock stands at `now`, in nanoseconds.
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
    /// The value that is held, and its version.
    fn pinned(&mut self, pin: &Self::Pin) -> (Vec<u8>, u64);
    fn unpin(&mut self, pin: Self::Pin);
    fn scan(&mut self, prefix: &[u8], cursor: u64, limit: u32) -> Page;
    fn len(&mut self) -> u64;
    fn stats(&mut self) -> Stats;
    fn sweep(&mut self, max: u32) -> u32;
    fn clear(&mut self);
}

/// A value and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The value.
    pub value: Vec<u8>,
    /// The version of the value.
    pub version: u64,
    /// Nanoseconds that are left; `None`: it does not expire.
    pub expires_in: Option<u64>,
}

/// A page of a scan.
#[derive(Clone, Debug)]
pub struct Page {
    /// Keys and what they stand for.
    pub entries: Vec<(Vec<u8>, Entry)>,
    /// Where the next page starts; `None`: the scan is at its end.
    pub next: Option<u64>,
}

/// The vector files, by name: each with its text.
///
/// # Errors
///
/// Those of reading the folder `vectors`.
pub fn files() -> io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors"))? {
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

/// Runs a script against maps that `new` makes, one for each case, and tells how
/// many answers were compared.
///
/// # Errors
///
/// What went wrong first in each case, with its file, line and case. A panic is such a
/// fault too.
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
        // A case that has failed is not looked at any more.
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

/// How many entries more than its limit a page may have, since their hashes are the same:
/// three such keys do not come together by chance.
const SAME_HASH: usize = 1;

/// A map in the course of a case.
struct Case<S: Subject> {
    subject: S,
    now: u64,
    /// Pins, by the names that the case gives them.
    pins: BTreeMap<String, S::Pin>,
    /// What the pages of the present scan have given, and where it goes on.
    scanned: Vec<(Vec<u8>, Entry)>,
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

    fn line(&mut self, line: &str) -> Result<(), String> {
        let mut words = Words::parse(line)?;
        let operation = words.name()?;
        let answer = self.operation(&operation, &mut words)?;
        words.end()?;
        let expected = words.expected();
        if answer == expected {
            return Ok(());
        }
        Err(format!("answered {}", word::show(&answer)))
    }

    fn operation(&mut self, operation: &str, words: &mut Words) -> Result<Answer, String> {
        let map = &mut self.subject;
        Ok(match operation {
            "clock" => self.clock(words.number()?),
            "advance" => self.clock(self.now.saturating_add(words.number()?)),
            "rewind" => self.clock(self.now.saturating_sub(words.number()?)),
            "set" => version(map.set(&words.bytes()?, &words.bytes()?, words.ttl()?)),
            "set-if" => version(map.set_if(
                &words.bytes()?,
                &words.bytes()?,
                words.ttl()?,
                words.condition()?,
            )),
            "increment" => match map.increment(&words.bytes()?, words.number()?, words.ttl()?) {
                Ok(sum) => number(sum),
                Err(error) => refused(error),
            },
            "touch" => match map.touch(&words.bytes()?, words.ttl()?) {
                Ok(there) => truth(there),
                Err(error) => refused(error),
            },
            "get" => found(map.get(&words.bytes()?)),
            "take" => found(map.take(&words.bytes()?)),
            "get-entry" => match map.get_entry(&words.bytes()?) {
                Some(there) => entry(there),
                None => name("none"),
            },
            "get-many" => {
                let mut keys = Vec::new();
                while words.more() {
                    keys.push(words.bytes()?);
                }
                map.get_many(&keys).into_iter().flat_map(found).collect()
            }
            "contains" => truth(map.contains(&words.bytes()?)),
            "delete" => truth(map.delete(&words.bytes()?)),
            "delete-if" => match map.delete_if(&words.bytes()?, words.version()?) {
                Ok(()) => name("ok"),
                Err(error) => refused(error),
            },
            "apply" => {
                let changes = words.changes()?;
                let changes: Vec<Change<'_>> = changes.iter().map(|change| change.view()).collect();
                match map.apply(&changes) {
                    Ok(outcomes) => outcomes.into_iter().flat_map(outcome).collect(),
                    Err((index, error)) => answer::refused_at(index, error),
                }
            }
            "apply-fill" => {
                let (prefix, count) = (words.bytes()?, words.number::<u64>()?);
                let (value, ttl) = (words.bytes()?, words.ttl()?);
                let keys: Vec<Vec<u8>> = (0..count)
                    .map(|n| [&prefix, n.to_string().as_bytes()].concat())
                    .collect();
                let set = |key| Change::Set {
                    key,
                    value: &value,
                    ttl,
                };
                let changes: Vec<Change<'_>> = keys.iter().map(Vec::as_slice).map(set).collect();
                match map.apply(&changes) {
                    Ok(outcomes) if outcomes.len() == changes.len() => name("ok"),
                    Ok(outcomes) => return Err(format!("{} outcomes", outcomes.len())),
                    Err((index, error)) => answer::refused_at(index, error),
                }
            }
            "pin" => {
                let pin = words.name()?;
                match map.pin(&words.bytes()?) {
                    Ok(Some(held)) => {
                        if let Some(before) = self.pins.insert(pin, held) {
                            map.unpin(before);
                        }
                        name("ok")
                    }
                    Ok(None) => name("none"),
                    Err(error) => refused(error),
                }
            }
            "pinned" => {
                let pin = words.name()?;
                let held = self.pins.get(&pin).ok_or(format!("no pin `{pin}`"))?;
                let (value, number) = map.pinned(held);
                [found(Some(value)), version(Ok(number))].concat()
            }
            "unpin" => {
                let pin = words.name()?;
                map.unpin(self.pins.remove(&pin).ok_or(format!("no pin `{pin}`"))?);
                name("ok")
            }
            "page" => {
                let (prefix, limit) = words.page()?;
                self.page(&prefix, limit)?;
                Vec::new()
            }
            "scan" => self
                .scan(words)?
                .into_iter()
                .map(|(key, _)| Word::Bytes(key))
                .collect(),
            "scan-entries" => {
                let whole = |(key, there)| [vec![Word::Bytes(key)], entry(there)].concat();
                self.scan(words)?.into_iter().flat_map(whole).collect()
            }
            "scan-count" => {
                let mut keys: Vec<_> = self.scan(words)?.into_iter().map(|(key, _)| key).collect();
                let count = keys.len();
                keys.dedup();
                if keys.len() < count {
                    return Err("a key was given twice".into());
                }
                number(i128::try_from(count).unwrap_or(i128::MAX))
            }
            "len" => number(map.len()),
            "sweep" => number(map.sweep(words.number()?)),
            "clear" => {
                map.clear();
                name("ok")
            }
            "stats" => {
                let stats = map.stats();
                answer::check_stats(&stats, &map.limits())?;
                words.names(|name| stat(&stats, name))?
            }
            "at-least" => {
                let stats = map.stats();
                let found = stat(&stats, &words.name()?)?;
                let least = words.number::<u64>()?;
                match found.as_slice() {
                    [Word::Number(found)] => truth(*found >= least.into()),
                    _ => return Err("not a number".into()),
                }
            }
            "limits" => {
                let limits = map.limits();
                words.names(|name| limit(&limits, name))?
            }
            "configure" => {
                let limits = words.limits(map.limits())?;
                match map.configure(limits) {
                    Ok(()) => name("ok"),
                    Err(error) => answer::refused_limits(error),
                }
            }
            "fill" => {
                let (prefix, count) = (words.bytes()?, words.number::<u64>()?);
                let (value, ttl) = (words.bytes()?, words.ttl()?);
                let mut keys = (0..count).map(|n| [&prefix, n.to_string().as_bytes()].concat());
                match keys.try_for_each(|key| map.set(&key, &value, ttl).map(drop)) {
                    Ok(()) => name("ok"),
                    Err(error) => refused(error),
                }
            }
            other => return Err(format!("no operation `{other}`")),
        })
    }

    fn clock(&mut self, now: u64) -> Answer {
        self.now = now;
        self.subject.set_clock(now);
        Vec::new()
    }

    /// Goes one page further and tells whether there are more.
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

    /// Goes to the end of the scan, and gives all that it has come by.
    fn scan(&mut self, words: &mut Words) -> Result<Vec<(Vec<u8>, Entry)>, String> {
        let (prefix, limit) = words.page()?;
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
