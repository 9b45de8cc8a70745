//! Opens the mirrors, waits for their first copies, and reports what becomes of them.

use crate::args::etcd::{EtcdAccess, explain_open};
use crate::args::mirror::{MirrorArgs, NamedMirror, etcd_options};
use crate::commands::mirror::changes::Changes;
use crate::commands::mirror::{telemetry, text};
use crate::commands::serve::log::Log;
use crate::terminal::stdio::note;
use anyhow::Context;
use localmap_mirror::{Mirror, Mirrors};
use localmap_telemetry::Telemetry;
use std::convert::Infallible;
use std::time::{Duration, Instant, SystemTime};
use tokio::time::{sleep, timeout};

/// The maximum time to wait for the first copies.
const FIRST_COPIES: Duration = Duration::from_secs(5);
/// The time between two looks at the mirrors.
const PAUSE: Duration = Duration::from_millis(100);

/// The mirrors of the guests.
pub(in crate::commands) struct GuestMirrors {
    readers: Mirrors,
    /// What was last reported of each.
    changes: Vec<Changes>,
    /// Each follows etcd until it is dropped.
    _mirrors: Vec<Mirror>,
}

impl GuestMirrors {
    /// Begins to mirror. `cache` says whether compiled code is cached.
    pub(in crate::commands) fn open(
        named: &[NamedMirror],
        args: &MirrorArgs,
        access: &EtcdAccess,
        cache: bool,
    ) -> anyhow::Result<Self> {
        let (mut readers, mut mirrors) = (Mirrors::new(), Vec::new());
        if !named.is_empty() {
            let count = u32::try_from(named.len())?;
            let options = args.options("--mirror-")?;
            let host = args.host(count, cache)?;
            for NamedMirror { name, url } in named {
                let etcd = etcd_options(url.clone(), access);
                let mirror = Mirror::open(&host, etcd, options.clone());
                let mirror = mirror.map_err(|error| explain_open(error, "--etcd-"));
                let mirror = mirror.with_context(|| format!("cannot begin the mirror `{name}`"))?;
                readers = readers.mirror(name.as_str(), mirror.reader());
                mirrors.push(mirror);
            }
        }
        Ok(Self {
            readers,
            changes: mirrors.iter().map(|_| Changes::new(false)).collect(),
            _mirrors: mirrors,
        })
    }

    /// Returns the readers for guests.
    pub(in crate::commands) fn readers(&self) -> &Mirrors {
        &self.readers
    }

    /// Shows the metrics of the mirrors.
    pub(in crate::commands) fn watch(&self, observed: &Telemetry) {
        if !self.readers.is_empty() {
            telemetry::watch(observed, &self.readers);
        }
    }

    /// Waits for the first copies, but not for long, and says what there is.
    pub(in crate::commands) async fn first_copies(&mut self) {
        let copies = async {
            for (_, reader) in self.readers.iter() {
                // One that has ended has none.
                let _ = reader.changed(1).await;
            }
        };
        // Those that are late are reported as such.
        let _ = timeout(FIRST_COPIES, copies).await;
        for line in self.lines() {
            note(line);
        }
    }

    /// Reports each change of a mirror. Never returns.
    pub(in crate::commands) async fn report(&mut self, log: &Log) -> Infallible {
        loop {
            sleep(PAUSE).await;
            for line in self.lines() {
                let time = humantime::format_rfc3339_millis(SystemTime::now());
                log.line(format!("{time} {line}"));
            }
        }
    }

    /// Returns a line for each mirror of which there is something to report.
    fn lines(&mut self) -> Vec<String> {
        let now = Instant::now();
        let mirrors = self.readers.iter().zip(&mut self.changes);
        let line =
            |((name, reader), changes): ((&str, &localmap_mirror::MirrorReader), &mut Changes)| {
                let status = reader.status();
                let changed = changes.next(&status, now).status;
                changed.then(|| format!("Mirror {name}: {}", text::status(&status)))
            };
        mirrors.filter_map(line).collect()
    }
}
