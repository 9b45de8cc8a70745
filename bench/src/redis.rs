//! The same operations on a Redis on this machine, over a unix socket, one after the other by
//! one client: the cost for a program that keeps its state there.
//!
//! Redis writes nothing to disk here (`save ""`, no append-only file), like localmap. It runs on
//! the core of its client, which suits it best when one waits for the other: on another core it
//! would have to be woken each time, which took three times as long where we tried. Times are
//! wall-clock times, for localmap too. The client is the crate `redis` with its plain synchronous
//! connection. `get-many` is MGET; `apply` is MULTI and EXEC in one pipeline, which is also all or
//! nothing; a scan returns only keys.

pub(crate) mod server;

use crate::Options;
use crate::measure::wall;
use crate::operations::{CAPACITY, Contest, VALUE, WORKS, entries};
use crate::report::{Report, Row};
use crate::subject::{Subject, Work};
use crate::ways::{Way, Ways};
use anyhow::Result;
use bench_loops::{Key, Loops, MANY, PAGE, Plan, System, TTL, digest};
use redis::Connection;
use server::Server;

const NAME: &str = "Redis, over a unix socket";
const WAYS: [Way; 3] = [Way::Client, Way::InGuest, Way::Host];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let Some(server) = Server::start()? else {
        for (_, _, name) in works() {
            report.add(Row {
                size: VALUE,
                entries: entries(options).into(),
                ..Row::new(work(name), "Redis: not installed".into(), "ns", f64::NAN)
            });
        }
        return Ok(());
    };
    let ways = Ways::new(CAPACITY)?;
    for ttl in [false, true] {
        let plan = Plan {
            capacity: CAPACITY as usize,
            value_len: VALUE as usize,
            ttl,
        };
        let mut all = Contest::new(options, wall, entries(options));
        for way in WAYS {
            all.enter(way.label().into(), ways.subject(way, plan)?)?;
        }
        let redis = Redis::new(&server, ttl)?;
        all.enter(NAME.into(), Subject::here(Loops::boxed(redis, plan)))?;
        for (kind, _, name) in works().filter(|work| work.1 == ttl) {
            all.compare(kind, &work(name), report)?;
        }
    }
    Ok(())
}

/// Returns the works of Redis, which returns values as vectors.
fn works() -> impl Iterator<Item = (Work, bool, &'static str)> {
    let vectors = |work: &Work| !matches!(work, Work::GetInto | Work::GetInPlace);
    WORKS.into_iter().filter(move |(work, ..)| vectors(work))
}

/// Returns the name of a row, which differs from that in the group `operations`, because the
/// times are wall-clock times.
fn work(name: &str) -> String {
    format!("{name}, compared with Redis")
}

/// A connection to the server.
struct Redis {
    connection: Connection,
    ttl: bool,
    cursor: u64,
}

impl Redis {
    /// Connects, and empties the database.
    fn new(server: &Server, ttl: bool) -> Result<Self> {
        let address = format!("redis+unix://{}", server.socket().display());
        let mut connection = redis::Client::open(address)?.get_connection()?;
        redis::cmd("FLUSHALL").query::<()>(&mut connection)?;
        Ok(Self {
            connection,
            ttl,
            cursor: 0,
        })
    }

    /// Returns `true` if the command succeeds, whatever the answer.
    fn ask(&mut self, command: &redis::Cmd) -> bool {
        command.query::<()>(&mut self.connection).is_ok()
    }
}

impl System for Redis {
    const OWNED: bool = true;

    fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
        let mut command = redis::cmd("SET");
        command.arg(key).arg(value);
        if self.ttl {
            command.arg("PX").arg(TTL / 1_000_000);
        }
        self.ask(&command)
    }

    fn get(&mut self, key: &[u8]) -> Option<u64> {
        let mut command = redis::cmd("GET");
        command.arg(key);
        let value: Option<Vec<u8>> = command.query(&mut self.connection).ok()?;
        Some(digest(&value?))
    }

    fn delete(&mut self, key: &[u8]) -> Option<bool> {
        Some(self.ask(redis::cmd("DEL").arg(key)))
    }

    fn increment(&mut self, key: &[u8]) -> Option<bool> {
        Some(self.ask(redis::cmd("INCR").arg(key)))
    }

    fn get_many(&mut self, keys: &[Key; MANY]) -> Option<u32> {
        let mut command = redis::cmd("MGET");
        for key in keys {
            command.arg(&key[..]);
        }
        let values = command.query::<Vec<Option<Vec<u8>>>>(&mut self.connection);
        let values = values.unwrap_or_default();
        Some(values.iter().map(|value| u32::from(value.is_some())).sum())
    }

    fn apply(&mut self, keys: &[Key; MANY], value: &[u8]) -> Option<bool> {
        let mut pipe = redis::pipe();
        pipe.atomic();
        for key in keys {
            pipe.cmd("SET").arg(&key[..]).arg(value).ignore();
        }
        Some(pipe.query::<()>(&mut self.connection).is_ok())
    }

    fn scan(&mut self) -> Option<bool> {
        let mut command = redis::cmd("SCAN");
        command.arg(self.cursor).arg("COUNT").arg(PAGE);
        let page = command.query::<(u64, Vec<Vec<u8>>)>(&mut self.connection);
        let Ok((cursor, keys)) = page else {
            return Some(false);
        };
        self.cursor = cursor;
        Some(!keys.is_empty())
    }
}
