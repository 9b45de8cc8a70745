//! `localmap sidecar` next to a Redis on this machine, each over a unix socket, with one connection: the
//! same operations, with the same number of them under way.
//!
//! Both clients run on one thread of tokio, on the same core as their server, like those of the group
//! `redis`. They send requests that have been encoded before, wait for the response, and do not decode
//! it: so the figures are those of the servers and of the protocols. The client of Redis writes to its
//! socket and reads from it; that of the sidecar is the crate `h2`, which a client cannot do without. A
//! message of a pipeline with 16 operations is compared with 16 commands at a time (`-P 16` of
//! redis-benchmark).
//!
//! The CPU time of the servers includes what they spend in the kernel.

mod client;
mod mirror;
mod server;
mod stream;
mod tenants;
mod work;

use crate::Options;
use crate::measure::{Times, wall};
use crate::process::cpu_nanos;
use crate::redis::server::Server;
use crate::report::{Report, Row};
use anyhow::{Context, Result};
use client::Client;
use server::Sidecar;
use std::path::Path;
use work::{ENTRIES, SIZE, Work};

/// The nanoseconds of a turn.
const TURN: f64 = 50e6;

/// How the operations of a contest are sent to the sidecar.
#[derive(Clone, Copy)]
enum Kind {
    /// This number of them in a message of a pipeline.
    Pipeline(usize),
    /// Each in a call.
    Unary,
}

const KINDS: [Kind; 4] = [
    Kind::Pipeline(16),
    Kind::Pipeline(64),
    Kind::Pipeline(1),
    Kind::Unary,
];

impl Kind {
    /// Returns the number of operations of a request.
    fn batch(self) -> usize {
        match self {
            Self::Pipeline(batch) => batch,
            Self::Unary => 1,
        }
    }

    /// Returns how an operation is sent, for the name of a row.
    fn name(self) -> String {
        match self {
            Self::Pipeline(1) => "on a stream".into(),
            Self::Pipeline(batch) => format!("{batch} at a time"),
            Self::Unary => "a call each".into(),
        }
    }

    fn client(self, socket: &Path, work: Work) -> Result<Client> {
        match self {
            Self::Pipeline(batch) => Client::pipeline(socket, work, batch),
            Self::Unary => Client::unary(socket, work, work.calls()),
        }
    }
}

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let sidecar = Sidecar::start(&[])?;
    let redis = Server::start()?;
    for kind in KINDS {
        for work in Work::ALL {
            compare(kind, work, &sidecar, redis.as_ref(), options, report)?;
        }
    }
    mirror::run(options, report)?;
    tenants::run(report)
}

/// A client, and the process of its server.
struct Contestant {
    name: &'static str,
    client: Client,
    process: u32,
}

/// Lets the servers take turns at a work.
fn compare(
    kind: Kind,
    work: Work,
    sidecar: &Sidecar,
    redis: Option<&Server>,
    options: &Options,
    report: &mut Report,
) -> Result<()> {
    let client = |work| kind.client(&sidecar.socket(), work);
    client(Work::Set)?.send_all()?;
    let mut contestants = vec![Contestant {
        name: "localmap sidecar",
        client: client(work)?,
        process: sidecar.process(),
    }];
    if let Some(redis) = redis {
        let client = |work| Client::redis(&redis.socket(), work, kind.batch());
        client(Work::Set)?.send_all()?;
        contestants.push(Contestant {
            name: "Redis",
            client: client(work)?,
            process: redis.process(),
        });
    }
    let counts: Vec<usize> = contestants
        .iter_mut()
        .map(|contestant| requests_of_a_turn(&mut contestant.client))
        .collect::<Result<_>>()?;
    let mut cpu = vec![Vec::new(); contestants.len()];
    let times = Times::take(contestants.len(), 2 * options.rounds(), |at| {
        let (contestant, count) = (&mut contestants[at], counts[at]);
        let operations = (count * kind.batch()) as f64;
        let (before, start) = (cpu_nanos(contestant.process), wall());
        let done = contestant.client.exchange(count);
        done.with_context(|| format!("{} failed", contestant.name))?;
        let nanos = (wall() - start) as f64 / operations;
        cpu[at].push((cpu_nanos(contestant.process) - before) / operations);
        anyhow::Ok(nanos)
    })?;
    let name = format!("{}, {}", work.name(), kind.name());
    let cpu_name = format!("{name}: CPU time of the server");
    for (name, times) in [(&name, times), (&cpu_name, Times::of(cpu))] {
        for (contestant, median) in contestants.iter().zip(times.medians()) {
            let system = contestant.name.into();
            report.add(Row::time(name, SIZE, ENTRIES, system, &median));
        }
    }
    if redis.is_none() {
        let system = "Redis: not installed".into();
        report.add(Row {
            size: SIZE,
            entries: ENTRIES.into(),
            ..Row::new(name, system, "ns", f64::NAN)
        });
    }
    Ok(())
}

/// Returns how many requests fill a turn.
fn requests_of_a_turn(client: &mut Client) -> Result<usize> {
    let mut count = 16;
    loop {
        let start = wall();
        client.exchange(count)?;
        let nanos = (wall() - start) as f64;
        if nanos > TURN / 4.0 {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped, and no time is negative"
            )]
            return Ok((count as f64 * TURN / nanos).clamp(16.0, 1e6) as usize);
        }
        count *= 2;
    }
}
