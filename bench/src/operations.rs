//! Each operation, on localmap by each way to reach it, and on its alternatives. Maps have
//! 100,000 entries with keys of 16 bytes and values of 64.
//!
//! All systems have the same keys in the same order, the same hash function (foldhash, but
//! SipHash in `wasmtime-wasi-keyvalue`, which has its own), and room to spare. They differ in
//! these points:
//!
//! - localmap has limits on entries and bytes, and a policy (S3-FIFO) that each call maintains.
//!   A boxed map and `wasmtime-wasi-keyvalue` have neither; the caches have a limit on entries
//!   and a policy.
//! - Systems outside a sandbox are labelled native.
//! - A present key is read in three ways, each on the systems that have it: into a new vector, into
//!   a buffer that is reused, and in place (moka and quick_cache sync hold a counted reference).
//!   `get-many` and a scan hand out vectors, except on systems labelled "values in place".
//! - `localmap, in the guest` calls the engine through the client crate; `localmap, engine alone`
//!   calls it directly, as a boxed map is called.
//! - moka and quick_cache sync are made for many threads, and pay for that with a single one.
//! - Only rows labelled "with a TTL" have one; there, all systems read the system's clock.
//!   quick_cache and a boxed map have no TTL, so a deadline is compared.
//! - localmap's `apply` is all or nothing; `set-many` of `wasmtime-wasi-keyvalue` need not be.
//!   Its counters are text.
//!
//! A system without an operation has no row for it.

use crate::Options;
use crate::guest::{ENGINE, Guest};
use crate::measure::{Clock, Times};
use crate::report::{Report, Row};
use crate::subject::{Kind, Place, Subject, System, Work, label};
use crate::ways::{Way, Ways};
use anyhow::{Context, Result};
use bench_loops::{PAGE, Plan};

/// Bytes of a value.
pub(crate) const VALUE: u32 = 64;

/// The capacity in entries, large enough that nothing is evicted.
pub(crate) const CAPACITY: u32 = 1 << 18;

/// The works that are measured: the operation, whether entries have a TTL, and the name.
pub(crate) const WORKS: [(Work, bool, &str); 11] = [
    (
        Work::GetVec,
        false,
        "get of a present key, into a new vector",
    ),
    (
        Work::GetInto,
        false,
        "get of a present key, into a buffer (get_into)",
    ),
    (Work::GetInPlace, false, "get of a present key, in place"),
    (Work::Absent, false, "get of an absent key"),
    (Work::New, false, "set of a new key"),
    (Work::Overwrite, false, "set over a value"),
    (Work::Overwrite, true, "set over a value, with a TTL"),
    (Work::Increment, false, "increment"),
    (Work::GetMany, false, "get-many of 16"),
    (Work::Apply, false, "apply of 16 sets"),
    (Work::Scan, false, "scan, a page of 256"),
];

/// The ways to reach a map that are compared.
const WAYS: [Way; 5] = [
    Way::Client,
    Way::InGuest,
    Way::Host,
    Way::KeyvaluePlugged,
    Way::Keyvalue,
];

const SANDBOX: [System; 2] = [System::OursSystemClock, System::BoxedSystemClock];

const NATIVE: [System; 6] = [
    System::OursSystemClock,
    System::BoxedSystemClock,
    System::Moka,
    System::MiniMoka,
    System::QuickSyncSystemClock,
    System::QuickUnsyncSystemClock,
];

/// Returns the number of entries of the maps.
pub(crate) fn entries(options: &Options) -> u32 {
    if options.quick { 10_000 } else { 100_000 }
}

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let ways = Ways::new(CAPACITY)?;
    let engine = Guest::load(&Guest::config(), ENGINE)?;
    for ttl in [false, true] {
        let plan = Plan {
            capacity: CAPACITY as usize,
            value_len: VALUE as usize,
            ttl,
        };
        let mut all = Contest::new(options, crate::measure::nanos, entries(options));
        for way in WAYS {
            all.enter(way.label().into(), ways.subject(way, plan)?)?;
        }
        let sandbox = SANDBOX.map(|system| (Place::Sandbox, system));
        let native = NATIVE.map(|system| (Place::Native, system));
        for kind in sandbox.into_iter().chain(native) {
            let subject = Subject::planned(&engine, kind, plan)?;
            all.enter(name(kind, ttl), subject)?;
        }
        for (work, _, name) in WORKS.into_iter().filter(|work| work.1 == ttl) {
            all.compare(work, name, report)?;
        }
    }
    Ok(())
}

/// Returns the label of a system, which mentions a TTL only if there is one.
fn name(kind: Kind, ttl: bool) -> String {
    let text = match (kind.1, ttl) {
        (System::BoxedSystemClock, true) => {
            "boxed map, system's clock (deadline compared, no limit)"
        }
        (System::OursSystemClock, true) => "localmap, engine alone, system's clock",
        (System::OursSystemClock, false) => "localmap, engine alone",
        (System::BoxedSystemClock, false) => "boxed map (no limit)",
        (System::Moka, false) => "moka sync (counted references)",
        (System::MiniMoka, false) => "mini-moka unsync",
        (System::QuickSyncSystemClock, false) => "quick_cache sync (counted references)",
        (System::QuickUnsyncSystemClock, false) => "quick_cache unsync",
        _ => return label(kind),
    };
    let place = match kind.0 {
        Place::Sandbox => "in the sandbox",
        Place::Native => "native",
    };
    format!("{text}, {place}")
}

/// Returns the work to do before a turn, and how often: until the CPU caches, which hold the
/// data of the previous system, have seen most entries.
const fn warm_up(work: Work, entries: u32) -> (Work, u32) {
    match work {
        // A key is new only once.
        Work::New => (Work::Overwrite, entries),
        // Each has 16 keys.
        Work::GetMany | Work::Apply => (work, entries / 16),
        Work::Scan => (work, entries / PAGE),
        _ => (work, entries),
    }
}

/// A system with a filled map.
struct Contestant {
    label: String,
    subject: Subject,
    /// Whether the system hands out values in place.
    in_place: bool,
}

impl Contestant {
    /// Returns the label of the row for `work`, which says if the system does less than others.
    fn label(&self, work: Work) -> String {
        match work {
            Work::GetMany | Work::Scan if self.in_place => {
                format!("{}, values in place", self.label)
            }
            _ => self.label.clone(),
        }
    }
}

/// Systems that take turns. The others are compared with the first.
pub(crate) struct Contest {
    systems: Vec<Contestant>,
    clock: Clock,
    entries: u32,
    rounds: u32,
    /// Nanoseconds of a turn.
    turn: f64,
}

impl Contest {
    /// Creates a contest without systems. Maps will have `entries` entries.
    pub(crate) fn new(options: &Options, clock: Clock, entries: u32) -> Self {
        Self {
            systems: Vec::new(),
            clock,
            entries,
            rounds: if options.quick { 3 } else { 11 },
            turn: if options.quick { 4e6 } else { 15e6 },
        }
    }

    /// Adds a system, and fills its map.
    pub(crate) fn enter(&mut self, label: String, mut subject: Subject) -> Result<()> {
        let done = subject.run(Work::Insert, self.entries)?;
        anyhow::ensure!(done == self.entries, "{label} stored only {done} entries");
        let in_place = subject.can(Work::GetInPlace)?;
        self.systems.push(Contestant {
            label,
            subject,
            in_place,
        });
        Ok(())
    }

    /// Lets all systems that have an operation for `work` take turns at it.
    pub(crate) fn compare(&mut self, work: Work, name: &str, report: &mut Report) -> Result<()> {
        let (clock, turn) = (self.clock, self.turn);
        let mut able = Vec::new();
        for contestant in &mut self.systems {
            let label = contestant.label(work);
            let subject = &mut contestant.subject;
            let of = || format!("{label}: {name}");
            if subject.can(work).with_context(of)? {
                let count = subject.turn_of(clock, work, turn).with_context(of)?;
                able.push((label, subject, count));
            }
        }
        let times = Times::take(able.len(), self.rounds, |at| {
            let (label, subject, count) = &mut able[at];
            let (before, times) = warm_up(work, self.entries);
            let warm = subject.run(before, times.min(2 * *count));
            warm.and_then(|_| subject.time_by(clock, work, *count))
                .with_context(|| format!("{label}: {name}"))
        })?;
        for ((label, ..), median) in able.into_iter().zip(times.medians()) {
            report.add(Row::time(name, VALUE, self.entries, label, &median));
        }
        Ok(())
    }
}
