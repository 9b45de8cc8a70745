//! `localmap run`: runs a command with a map of its own.

mod app;
mod entry;
mod wasm_options;
mod watchdog;

use crate::buckets::BucketArgs;
use crate::cache::CacheArgs;
use crate::guest::{Build, load};
use crate::limits::LimitArgs;
use crate::replay::StampFormat;
use crate::stats::StatsLine;
use crate::stdio::{PIPE_CLOSED, complain, note};
use anyhow::{Context, anyhow, bail};
use app::{Ended, Grants};
use clap::ValueEnum;
use entry::{BucketEntry, Entry, Given};
use localmap::{Inspection, Misfit, PlugError, PlugOptions, Stats};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wasm_options::WasmOption;

/// What a trap exits with, as a process does that aborts.
const TRAPPED: u8 = 134;
/// What Ctrl-C exits with: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;

/// Runs a command component with a map of its own, which ends when the command does.
///
/// GUEST is a component file, or a folder with a guest crate, which is built first with
/// `cargo build --target wasm32-wasip2`. If it imports localmap:core/local-map or
/// wasi:keyvalue, it is given a map. Options go before GUEST; all that comes after it belongs to the guest.
///
/// The exit code is 0 or 1 as the guest ends, 134 if it traps or runs out of time, 130
/// after Ctrl-C, and 141 if the reader of our standard output has gone.
#[derive(clap::Args)]
#[command(override_usage = "localmap run [OPTIONS] GUEST [ARGS]...")]
pub(crate) struct Run {
    /// What time it is for the guest.
    ///
    /// With `clf`, `rfc3339` or `unix`, each line of standard input carries a time stamp
    /// of that form, and both clocks of the guest stand at the latest stamp that it has
    /// been given. They never go back; a line without a stamp leaves them where they
    /// are, and a guest that sleeps makes them jump. So a log of yesterday shows what a
    /// guest would have done.
    #[arg(long, value_enum, default_value_t = ClockSource::System)]
    clock: ClockSource,

    /// Put an entry into the map before the guest starts; may be repeated.
    ///
    /// Quote it, since `;` ends a command in most shells: --entry 'token=abc;ttl=30s'
    #[arg(long = "entry", value_name = "KEY=VALUE[;ttl=TIME]", value_parser = entry::parser())]
    entries: Vec<Entry>,

    /// Put an entry into a bucket of wasi:keyvalue before the guest starts; may be
    /// repeated.
    ///
    /// The bucket ends at the first `/`, the key at the first `=` behind it.
    #[arg(long = "bucket-entry", value_name = "BUCKET/KEY=VALUE[;ttl=TIME]", value_parser = entry::bucket_parser())]
    bucket_entries: Vec<BucketEntry>,

    /// Grant a folder, to read and to write, under its own name or another; may be
    /// repeated
    #[arg(long = "dir", value_name = "HOST[::GUEST]")]
    dirs: Vec<String>,

    /// Set an environment variable of the guest, or pass on ours; may be repeated
    #[arg(long = "env", value_name = "NAME[=VALUE]")]
    envs: Vec<String>,

    /// Bounds of the sandbox: timeout=TIME (none by default) ends the guest after so
    /// long, max-memory-size=SIZE (256MiB by default, or twice --max-bytes if that is
    /// more) bounds the memory of guest and map together, or with --bridge of the guest;
    /// more than one may be given, with commas between
    #[arg(short = 'W', value_name = "OPTION=VALUE", value_delimiter = ',', value_parser = wasm_options::parse)]
    wasm: Vec<WasmOption>,

    /// Print the statistics of the map to standard error when the guest has ended
    #[arg(long)]
    stats: bool,

    /// Put the map into a store of its own, beside that of the guest
    ///
    /// Its statistics then survive a guest that traps or runs out of time, and
    /// max-memory-size bounds the guest alone. Each operation takes longer.
    #[arg(long)]
    bridge: bool,

    /// Build a folder with `cargo component build` instead
    #[arg(long)]
    with_cargo_component: bool,

    /// Build a folder with this profile of cargo
    #[arg(long, value_name = "NAME", default_value = "release")]
    profile: String,

    /// The guest, and what it is given as arguments
    #[arg(value_name = "GUEST", required = true, trailing_var_arg = true)]
    guest_and_args: Vec<OsString>,

    #[command(flatten)]
    cache: CacheArgs,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    buckets: BucketArgs,
}

/// What drives the guest's clocks.
#[derive(Clone, Copy, ValueEnum)]
enum ClockSource {
    /// The clocks of this machine
    System,
    /// Stamps such as [17/May/2015:10:05:03 +0000]: the first of a line
    Clf,
    /// Stamps such as 2015-05-17T10:05:03.25Z: the first of a line
    Rfc3339,
    /// Unix times of 10 digits with an optional fraction, or of 13, 16 or 19: the first
    /// of a line that stands alone
    Unix,
}

impl ClockSource {
    fn stamps(self) -> Option<StampFormat> {
        match self {
            Self::System => None,
            Self::Clf => Some(StampFormat::Clf),
            Self::Rfc3339 => Some(StampFormat::Rfc3339),
            Self::Unix => Some(StampFormat::Unix),
        }
    }
}

impl Run {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        ctrlc::set_handler(|| std::process::exit(INTERRUPTED)).context("cannot catch Ctrl-C")?;
        let (guest, args) = self
            .guest_and_args
            .split_first()
            .ok_or_else(|| anyhow!("GUEST is missing"))?;
        let path = PathBuf::from(guest);
        let build = Build {
            with_cargo_component: self.with_cargo_component,
            profile: &self.profile,
        };
        let bytes = load(&path, build)?;
        let context = || format!("cannot run `{}`", path.display());
        let found = localmap::inspect(&bytes).with_context(context)?;
        let component = self.give_map(&bytes, &found).with_context(context)?;
        let grants = Grants {
            args: std::iter::once(Ok(name(&path)))
                .chain(args.iter().map(text))
                .collect::<Result<_, _>>()?,
            envs: environment(&self.envs)?,
            dirs: self.dirs.clone(),
            stats: self.stats,
            bridge: self.bridge,
            buckets: !found.keyvalue.is_empty(),
            cache: self.cache,
            trapped: trapped(&path),
            stamps: self.clock.stamps(),
            max_memory: wasm_options::max_memory(&self.wasm, self.limits.limits().max_bytes),
            timeout: wasm_options::timeout(&self.wasm),
        };
        let ended =
            app::run(&component, &grants, &self.limits, &self.entries()).with_context(context)?;
        Ok(self.report(ended, &path))
    }

    /// The component to run: the app with its map, or what needs none as it is.
    fn give_map(&self, bytes: &[u8], found: &Inspection) -> anyhow::Result<Vec<u8>> {
        let keyvalue = !found.keyvalue.is_empty();
        if !keyvalue && (self.buckets.given() || !self.bucket_entries.is_empty()) {
            bail!(
                "--bucket-ttl and --bucket-entry are for guests that use wasi:keyvalue, which \
                 this one does not import"
            );
        }
        if keyvalue && !self.entries.is_empty() && !imports_map(found) {
            bail!(
                "--entry is for guests that import {}; this one uses wasi:keyvalue: name the \
                 bucket with --bucket-entry BUCKET/KEY=VALUE",
                localmap::LOCAL_MAP
            );
        }
        match found.app.first() {
            Some(Misfit::NoMapImport) => self.without_map(bytes, found),
            Some(misfit) => Err(PlugError::from(misfit.clone()).into()),
            None if !self.bridge => {
                // The limits are set when it has been instantiated.
                let options = PlugOptions::new().buckets(self.buckets.buckets());
                Ok(localmap::plug_with(bytes, &options)?)
            }
            // What is imported then is linked.
            None if keyvalue => Ok(localmap::with_keyvalue(bytes, &self.buckets.buckets())?),
            None => Ok(bytes.to_vec()),
        }
    }

    /// A guest that imports no map, which runs if nothing is asked for one.
    fn without_map(&self, bytes: &[u8], found: &Inspection) -> anyhow::Result<Vec<u8>> {
        if self.bridge {
            bail!(
                "--bridge is for guests that ask for a map: it does not import {}",
                localmap::LOCAL_MAP
            );
        }
        let exports = &found.exports;
        let plugged = exports
            .iter()
            .any(|export| export.name == localmap::CONTROL);
        let asked = self.limits.given() || !self.entries.is_empty() || self.stats;
        if asked && !plugged {
            bail!(
                "the guest has no map, which the options --entry, --stats and those \
                 under `The map` are for: it does not import {}",
                localmap::LOCAL_MAP
            );
        }
        Ok(bytes.to_vec())
    }

    /// What the map starts with.
    fn entries(&self) -> Vec<Given> {
        let buckets = self.buckets.buckets();
        let in_buckets = self.bucket_entries.iter();
        let in_buckets = in_buckets.map(|entry| entry.given(&buckets));
        self.entries
            .iter()
            .map(Entry::given)
            .chain(in_buckets)
            .collect()
    }

    fn report(&self, ended: Ended, path: &Path) -> ExitCode {
        let (code, stats) = match ended {
            Ended::Exit { code, stats } => (code, stats),
            Ended::Closed => return ExitCode::from(PIPE_CLOSED),
            Ended::Trap { error, stats } => {
                complain(&error.context(trapped(path)));
                (TRAPPED, stats)
            }
        };
        if self.stats {
            report_stats(stats);
        }
        ExitCode::from(code)
    }
}

/// Whether it calls the map itself.
fn imports_map(found: &Inspection) -> bool {
    let map = [localmap::LOCAL_MAP, localmap::WORDS].map(without_version);
    let imports = &found.imports;
    imports
        .iter()
        .any(|import| map.contains(&without_version(&import.name)))
}

fn without_version(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

fn report_stats(stats: Option<Stats>) {
    match stats {
        Some(stats) => note(format_args!("map: {}", StatsLine(stats))),
        None => note("map: the statistics are lost with the instance, which trapped"),
    }
}

fn trapped(path: &Path) -> String {
    format!("the guest `{}` trapped", path.display())
}

/// What the guest is called, without the folders that it is in.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn text(arg: &OsString) -> anyhow::Result<String> {
    arg.clone()
        .into_string()
        .map_err(|arg| anyhow!("the argument {arg:?} is not UTF-8, which WASI asks for"))
}

/// Each `NAME=VALUE`, or `NAME` for the value that we have. The last of a name holds.
fn environment(envs: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    let mut given: Vec<(String, String)> = Vec::new();
    for env in envs {
        if env.is_empty() || env.starts_with('=') {
            bail!("--env `{env}`: expected NAME=VALUE, or NAME to pass on ours");
        }
        let (name, value) = match env.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => {
                let ours = std::env::var(env).with_context(|| {
                    format!("--env {env}: cannot pass it on; give it as {env}=VALUE")
                })?;
                (env.as_str(), ours)
            }
        };
        given.retain(|(before, _)| before != name);
        given.push((name.to_owned(), value));
    }
    Ok(given)
}
