//! `localmap run`: runs a command with a map of its own.

mod app;
mod watchdog;

use crate::args::cache::CacheArgs;
use crate::args::grants::GrantArgs;
use crate::args::map_args::MapArgs;
use crate::args::wasm_options::{self, WasmOption};
use crate::guest::kind::{self, HTTP_HANDLER};
use crate::guest::source::{Build, load};
use crate::replay::StampFormat;
use crate::terminal::stats::StatsLine;
use crate::terminal::stdio::{PIPE_CLOSED, complain, note};
use anyhow::{Context, anyhow, bail};
use app::{Ended, Grants};
use clap::ValueEnum;
use localmap::{Incompatibility, Inspection, PlugError, PlugOptions, Stats};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

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
pub(crate) struct RunCommand {
    /// What time it is for the guest.
    ///
    /// With `clf`, `rfc3339` or `unix`, each line of standard input carries a time stamp
    /// of that form, and both clocks of the guest stand at the latest stamp that it has
    /// been given. They never go back; a line without a stamp leaves them where they
    /// are, and a guest that sleeps makes them jump. So a log of yesterday shows what a
    /// guest would have done.
    #[arg(long, value_enum, default_value_t = ClockSource::System)]
    clock: ClockSource,

    #[command(flatten)]
    granted: GrantArgs,

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
    map: MapArgs,
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

impl RunCommand {
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
        let guest = localmap::inspect(&bytes).with_context(context)?;
        let component = self.give_map(&bytes, &guest).with_context(context)?;
        let grants = Grants {
            args: std::iter::once(Ok(name(&path)))
                .chain(args.iter().map(text))
                .collect::<Result<_, _>>()?,
            envs: self.granted.environment()?,
            granted: self.granted.clone(),
            stats: self.stats,
            bridge: self.bridge,
            cache: self.cache,
            trapped: trapped(&path),
            stamps: self.clock.stamps(),
            max_memory: wasm_options::max_memory(&self.wasm, self.map.limits.limits().max_bytes),
            timeout: wasm_options::timeout(&self.wasm),
        };
        let ended = app::run(&component, &guest, &grants, &self.map).with_context(context)?;
        Ok(self.report(ended, &path))
    }

    /// The component to run: the app with its map, or what needs none as it is.
    fn give_map(&self, bytes: &[u8], guest: &Inspection) -> anyhow::Result<Vec<u8>> {
        if kind::exports(guest, HTTP_HANDLER) {
            bail!("it answers HTTP requests: use `localmap serve`");
        }
        self.map.check(guest)?;
        let buckets = self.map.buckets();
        if self.bridge {
            return kind::prepare(bytes, guest, &buckets)?.ok_or_else(|| {
                anyhow!(
                    "--bridge is for guests that ask for a map: it does not import {}",
                    localmap::names::LOCAL_MAP
                )
            });
        }
        match guest.app.first() {
            Some(Incompatibility::NoMapImport) => {
                if !kind::exports(guest, localmap::names::CONTROL) {
                    self.map.check_no_map(self.stats)?;
                }
                Ok(bytes.to_vec())
            }
            Some(misfit) => Err(PlugError::from(misfit.clone()).into()),
            // The limits are set when it has been instantiated.
            None => Ok(localmap::plug_with(
                bytes,
                &PlugOptions::new().buckets(buckets),
            )?),
        }
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
