//! `localmap run`: runs a command with a map of its own.

mod app;
mod blocking;
mod call;
mod concurrent;
mod exit;
pub(crate) mod fit;
mod guest_data;
mod guest_error;
mod interrupt;
mod last_words;
mod replay_clock;
mod streams;
mod watchdog;

use crate::args::clock::ClockArgs;
use crate::args::common::CommonArgs;
use crate::args::grants::explain_http;
use crate::args::telemetry::TelemetryArgs;
use crate::commands::preflight;
use crate::commands::telemetry::{Observation, set_ready};
use crate::exit_code::{FAILED, INTERRUPTED, PIPE_CLOSED, TERMINATED, TRAPPED};
use crate::terminal::stats::report_stats;
use crate::terminal::stdio::{Output, complain, note};
use anyhow::{Context, anyhow};
use app::RunConfig;
use call::Ended;
use interrupt::Interrupts;
use localmap::wasmtime::Trap;
use localmap::{Incompatibility, Inspection, PlugError, PlugOptions, linkable, names, plug_with};
use localmap_serve::HttpFailure;
use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Runs a command component of WASI 0.2 or 0.3, with a map of its own that ends when the command does.
///
/// GUEST is a component file, or a folder that is built first: a guest crate with `cargo build
/// --target wasm32-wasip2`, a guest in Python (app.py) with componentize-py, or one in JavaScript
/// (package.json) with jco. If it imports localmap:core/local-map or wasi:keyvalue, it is given a
/// map. Options go before GUEST; everything after it is passed to the guest.
///
/// The exit code is that of the guest: 0 if it succeeds, or 1 if it ends with an error. A guest that
/// calls `exit-with-code` of wasi:cli/exit chooses 0 to 255; the standard libraries of Rust and
/// Python do not, so any failure there is 1. The code is 134 if the guest traps or runs out of time,
/// 130 after Ctrl-C, 143 after SIGTERM, and 141 if standard output is closed early; if the guest
/// itself exits with one of these, a line on standard error says so. If there is no guest to run, it
/// is 1, or 2 for a wrong option, with a message. With time stamps as --clock, the first Ctrl-C or
/// SIGTERM only ends the input of the guest; one of WASI 0.3 that is then idle for two seconds is ended.
/// A guest of WASI 0.3 ends when all of its tasks have, also those that go on after its `run` has
/// returned.
#[derive(clap::Args)]
#[command(override_usage = "localmap run [OPTIONS] GUEST [ARGS]...")]
#[command(mut_arg("wasm", |arg| arg.help(
    "Set a limit of the sandbox: timeout=TIME (none by default) ends the guest after that time, \
     max-memory-size=SIZE (256MiB by default, or twice --max-bytes if that is more) limits the \
     memory of guest and map together, or with --linked, and for WASI 0.3, of the guest alone; may \
     be repeated, or list several with commas between them"
)))]
pub(crate) struct RunCommand {
    #[command(flatten)]
    clock: ClockArgs,

    /// Link the map, in a store of its own, instead of plugging it into the guest
    ///
    /// Its statistics then survive a guest that traps or runs out of time, and max-memory-size
    /// limits the guest alone. Each operation takes longer. The map of a guest of WASI 0.3 is always
    /// linked, and so is one that --trace, --admin or --otlp observes.
    #[arg(long, alias = "bridge")]
    linked: bool,

    /// Guest to run, followed by its arguments
    #[arg(value_name = "GUEST", required = true, trailing_var_arg = true)]
    guest_and_args: Vec<OsString>,

    #[command(flatten)]
    common: CommonArgs,

    #[command(flatten)]
    telemetry: TelemetryArgs,
}

impl RunCommand {
    pub(crate) fn run(mut self) -> anyhow::Result<ExitCode> {
        preflight::check()?;
        let interrupts = Interrupts::catch()?;
        let stamps = self.clock.stamps()?;
        self.common.load_schema()?;
        let observation = Observation::start(&self.telemetry)?;
        let telemetry = observation.as_ref().map(Observation::telemetry);
        let (guest, args) = self
            .guest_and_args
            .split_first()
            .ok_or_else(|| anyhow!("GUEST is missing"))?;
        let path = PathBuf::from(guest);
        let bytes = self.common.build.load(&path)?;
        let context = || format!("cannot run `{}`", path.display());
        let guest = localmap::inspect_declarations(&bytes).with_context(context)?;
        let enforced = self.common.map.enforced().is_some();
        let observed = observation.is_some();
        let linked = self.linked || enforced || observed || fit::is_linked(&guest);
        let component = self
            .give_map(&bytes, &guest, linked)
            .with_context(context)?;
        let map = &self.common.map;
        let config = RunConfig {
            sandbox: self
                .common
                .sandbox(Some(&map.limits()))?
                .on_http_failure(note_http_failure),
            args: std::iter::once(Ok(name(&path)))
                .chain(args.iter().map(text))
                .collect::<Result<_, _>>()?,
            stamps,
            timeout: self.common.timeout(),
            timed_out: timed_out(&path),
            stats: self.common.stats,
            linked,
            concurrent: fit::is_concurrent(&guest),
            cache: self.common.cache.wanted(),
            telemetry: telemetry.cloned(),
            trace: observation.as_ref().and_then(|of| of.trace().cloned()),
            interrupts,
        };
        set_ready(telemetry, true);
        let ended = app::run(&component, &guest, &config, map)
            .map_err(|error| fit::explain_code(&bytes, linked, error))
            .with_context(context)?;
        set_ready(telemetry, false);
        let code = self.report(ended, &path, &bytes, &guest);
        if let Some(observation) = observation {
            observation.end();
        }
        Ok(code)
    }

    /// Returns the component to run: the guest plugged with its map, or the unchanged guest if it
    /// needs none.
    fn give_map<'a>(
        &self,
        bytes: &'a [u8],
        guest: &Inspection,
        linked: bool,
    ) -> anyhow::Result<Cow<'a, [u8]>> {
        fit::check(bytes, guest, linked)?;
        let map = &self.common.map;
        map.check(guest)?;
        let buckets = map.buckets();
        if linked {
            let option = match self.telemetry.given() {
                _ if self.linked => "--linked",
                Some(option) => option,
                None => "--enforce-schema",
            };
            return linkable(bytes, guest, &buckets)?.ok_or_else(|| {
                anyhow!(
                    "{option} requires a guest that imports a map: this one imports neither {} \
                         nor wasi:keyvalue",
                    names::LOCAL_MAP
                )
            });
        }
        match guest.app.first() {
            Some(Incompatibility::NoMapImport) => {
                if !guest.has_export(names::CONTROL) {
                    map.check_no_map(self.common.stats)?;
                }
                Ok(Cow::Borrowed(bytes))
            }
            Some(other) => Err(PlugError::from(other.clone()).into()),
            // The limits are set after the component has been instantiated.
            None => Ok(Cow::Owned(plug_with(
                bytes,
                &PlugOptions::new().buckets(buckets),
            )?)),
        }
    }

    fn report(&self, ended: Ended, path: &Path, bytes: &[u8], guest: &Inspection) -> ExitCode {
        let name = path.display();
        let (code, stats, lost_with) = match ended {
            Ended::Exit { code, stats } => {
                if [INTERRUPTED, TRAPPED, PIPE_CLOSED, TERMINATED].contains(&code) {
                    note(format_args!(
                        "The guest `{name}` has exited with code {code} itself"
                    ));
                }
                let lost_with = match fit::is_concurrent(guest) {
                    // A map that is plugged into it cannot be asked any more.
                    true => "the instance, which exited",
                    false => "the instance, which exited before it ran",
                };
                (code, stats, lost_with)
            }
            Ended::Failed { stats } => {
                let error = anyhow!("the guest `{name}` ended with an error");
                complain(&match Output::guest_has_complained() {
                    true => error,
                    false => anyhow!(guest_error::hint(bytes, stats.is_some())).context(error),
                });
                (FAILED, stats, "the instance, which failed")
            }
            Ended::Closed { stats } => (
                PIPE_CLOSED,
                stats,
                "the instance, which ended when standard output was closed",
            ),
            Ended::Trap { error, stats } => {
                let waits = error.downcast_ref() == Some(&Trap::CannotBlockSyncTask);
                complain(&error.context(trapped(path)));
                if waits {
                    note(
                        "Only an async function can wait by WASI 0.3: export `run` of \
                         wasi:cli/run@0.3 as one, in place of a `main`",
                    );
                }
                if guest.handler.is_some() {
                    // The `run` of many HTTP guests does nothing but trap.
                    note("It also answers HTTP requests: for those, use `localmap serve`");
                }
                (TRAPPED, stats, "the instance, which trapped")
            }
            Ended::TimedOut { error, stats } => {
                complain(&error.context(timed_out(path)));
                (TRAPPED, stats, watchdog::LOST_WITH)
            }
            Ended::Interrupted { code, stats } => {
                note("The guest has nothing more to do in this replay, so it ends here");
                (code, stats, interrupt::LOST_WITH)
            }
        };
        if self.common.stats {
            report_stats(stats, lost_with);
        }
        ExitCode::from(code)
    }
}

/// Writes why a request of the guest has failed to standard error.
fn note_http_failure(failure: &HttpFailure) {
    let (request, why) = (failure.request(), explain_http(failure));
    note(format_args!("Warning: {request}: {why}"));
}

fn trapped(path: &Path) -> String {
    format!("the guest `{}` trapped", path.display())
}

fn timed_out(path: &Path) -> String {
    format!("the guest `{}` ran out of time", path.display())
}

/// Returns the file name of the guest, without its folders.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn text(arg: &OsString) -> anyhow::Result<String> {
    arg.clone()
        .into_string()
        .map_err(|arg| anyhow!("the argument {arg:?} is not UTF-8, which WASI requires"))
}
