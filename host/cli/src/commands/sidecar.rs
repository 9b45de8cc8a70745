//! `localmap sidecar`: gives the other containers of a pod maps, over gRPC on a Unix socket.
//!
//! The server is the library `localmap-sidecar`. This file has the options; the submodules set up the
//! tenants, write the log, and ask whether another sidecar is serving.

mod guests;
mod log;
mod mode;
mod probe;
mod tenants;

use crate::args::cache::CacheArgs;
use crate::args::plain_map::PlainMapArgs;
use crate::args::schema::SchemaArgs;
use crate::args::telemetry::TelemetryArgs;
use crate::args::tenants::TenantsFile;
use crate::args::values::{parse_duration, parse_size};
use crate::args::workers;
use crate::commands::preflight;
use crate::commands::serve::log::Logs;
use crate::commands::serve::signals::Signals;
use crate::commands::telemetry::{Observation, set_ready};
use crate::terminal::stdio::note;
use anyhow::{Context, anyhow};
use guests::GuestArgs;
use localmap::WriteRule;
use localmap_sidecar::{Sidecar, SidecarOptions, Socket};
use localmap_telemetry::Telemetry;
use log::SidecarLog;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tenants::TenantArgs;
use tokio::runtime::{Builder, Runtime};

/// Gives the other containers of a pod maps, over gRPC on a Unix socket.
///
/// Each tenant has a map of its own, which is created when the tenant is first named and dropped when it
/// has been idle for --idle-timeout. Clients in any language are generated from
/// localmap/sidecar/v1/maps.proto; docs/sidecar.md has examples. The services for health and for
/// reflection are there, too. The state is in memory: a restart loses it.
///
/// With --guest, it also hosts components, which peers call with the map of a tenant: logic that needs
/// several operations then takes one call.
///
/// Only processes of the same user can connect, unless --mode and --allow-uid allow others. A socket of
/// a process that was killed is replaced; a file that is no socket is not touched. The file SOCKET.lock
/// decides which of two processes serves a socket.
///
/// SIGINT (Ctrl-C) and SIGTERM stop the sidecar: it ends all streams, finishes the calls that are running
/// and exits with code 0. A second signal ends it immediately, with code 130 or 143.
#[derive(clap::Args)]
#[command(override_usage = "localmap sidecar [OPTIONS] --socket PATH\n       \
    localmap sidecar --check SOCKET [--timeout TIME]")]
#[command(mut_arg("max_value", |arg| arg.help(
    "Maximum size of a value in bytes, at most 4193536, which fit into a message [default: 1MiB]"
)))]
#[command(mut_arg("enforce_schema", |arg| arg
    .help("Reject writes of peers that do not fit the schema: a key that begins with none of its \
        prefixes, a value of another type or size, a TTL that is too long")
    .long_help("Reject writes of peers that do not fit the schema: a key that begins with none of its \
        prefixes, a value of another type or size, a TTL that is too long\n\n\
        Writes without a TTL get that of their prefix.")))]
pub(crate) struct SidecarCommand {
    /// Path of the socket to listen on, at most 107 bytes; its folder must exist
    #[arg(long, value_name = "PATH", required_unless_present = "check")]
    socket: Option<PathBuf>,

    /// Mode of the socket, in octal: 0660 lets processes of its group connect, too, whose users
    /// --allow-uid allows
    #[arg(long, value_name = "MODE", default_value = "0600", value_parser = mode::parse)]
    mode: u32,

    /// Allow processes of this user to connect, in addition to those of the user that runs the sidecar;
    /// may be repeated
    #[arg(long = "allow-uid", value_name = "UID")]
    allow_uids: Vec<u32>,

    /// Drop a map that no call and no stream has used for this long [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    idle_timeout: Option<Duration>,

    /// File with the classes of the tenants: their limits, their quotas and their first entries, in
    /// TOML, as for `serve`; see docs/serve.md
    ///
    /// The header that it may name has no meaning here. A call for a tenant of no class is answered with
    /// PERMISSION_DENIED, one of a tenant that has used up its rate with RESOURCE_EXHAUSTED. The options
    /// under `The map` are for what a class leaves out.
    #[arg(long, value_name = "FILE", conflicts_with = "idle_timeout")]
    tenants: Option<PathBuf>,

    /// Maximum number of maps at a time, at least 1; a call that needs one more is answered with
    /// RESOURCE_EXHAUSTED
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    max_maps: u32,

    /// Maximum memory of all maps together in bytes, for example 1GiB [default: no limit but that of
    /// each map]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_total_bytes: Option<u64>,

    /// Maximum number of connections; one more takes the place of the one that has been idle for
    /// longest or, if none is idle, is answered --check alone
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,

    /// Maximum number of mirrors of a map
    #[arg(long, value_name = "N", default_value_t = 16)]
    max_mirrors: u32,

    /// Maximum number of mirrors of all maps together
    #[arg(long, value_name = "N", default_value_t = 64)]
    max_all_mirrors: u32,

    /// Size of the journal of a mirrored map in bytes; a mirror that falls behind by more compares what
    /// it holds with the map
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = parse_size)]
    journal_bytes: u64,

    /// Maximum time for a mirror to acknowledge a response; then its stream ends, and it can resume
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    ack_timeout: Duration,

    /// Number of threads that answer calls, 1 to 1024
    ///
    /// A call takes microseconds, so one thread is fastest for one client: its calls never wait for
    /// another thread. More threads are for several clients that are busy at the same time.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = workers::parse)]
    workers: usize,

    /// Maximum time for running calls to finish when the sidecar stops
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    shutdown_grace: Duration,

    /// Do not write a line to standard error for each connection that has ended in an orderly way
    #[arg(long)]
    quiet: bool,

    /// Ask the sidecar at this socket whether it is serving, and exit with code 0 if it is, or 1
    ///
    /// For probes of Kubernetes, which run it in the container of the sidecar: its own probes of gRPC
    /// cannot use a Unix socket.
    #[arg(long, value_name = "SOCKET", conflicts_with = "socket")]
    check: Option<PathBuf>,

    /// With --check, maximum time for the answer [default: 1s]
    #[arg(long, value_name = "TIME", conflicts_with = "socket", value_parser = parse_duration)]
    timeout: Option<Duration>,

    #[command(flatten)]
    cache: CacheArgs,

    #[command(flatten)]
    guests: GuestArgs,

    #[command(flatten)]
    map: PlainMapArgs,

    #[command(flatten)]
    schema: SchemaArgs,

    #[command(flatten)]
    telemetry: TelemetryArgs,
}

impl SidecarCommand {
    /// Returns the probe that was asked for instead of a sidecar.
    pub(crate) fn probe(&self) -> Option<probe::Probe<'_>> {
        let socket = self.check.as_deref()?;
        let timeout = self.timeout.unwrap_or(Duration::from_secs(1));
        Some(probe::Probe { socket, timeout })
    }

    pub(crate) fn run(mut self) -> anyhow::Result<ExitCode> {
        if let Some(schema) = self.schema.load()? {
            let enforce = self.schema.enforce_schema;
            self.map.set_schema(schema.into_schema(), enforce);
        }
        let workers = self.workers.saturating_add(self.guests.workers());
        preflight::check_to_serve(workers.saturating_add(self.telemetry.threads()))?;
        let file = self.tenants.as_deref().map(TenantsFile::read).transpose()?;
        let socket = self.socket.clone();
        let socket = socket.ok_or_else(|| anyhow!("--socket is missing"))?;
        let observation = Observation::start(&self.telemetry)?;
        let telemetry = observation.as_ref().map(Observation::telemetry);
        let logs = Logs::start().context("cannot start a thread")?;
        let rule = tenants::rule(&self.map, logs.log());
        let tenants = TenantArgs {
            map: &self.map,
            rule: rule.clone(),
            file: file.as_ref(),
            max_maps: self.max_maps,
            max_total_bytes: self.max_total_bytes,
            idle_timeout: self.idle_timeout,
            cache: self.cache.wanted(),
            telemetry,
        };
        let log = SidecarLog::new(logs.log().clone(), self.quiet);
        let options = self.options(rule).events(Arc::new(log));
        let hosted = self.guests.host(&logs, self.cache.wanted())?;
        let (host, tenants) = tenants.create()?;
        let (options, of_guests) = match hosted {
            Some(hosted) => {
                hosted.check(&host)?;
                (options.guests(hosted.guests), Some(hosted.runtime))
            }
            None => (options, None),
        };
        // Without options it observes nothing, but has the probes.
        let options = options.telemetry(telemetry.cloned().unwrap_or_default());
        let sidecar = Sidecar::new(tenants, options);
        let runtime = runtime(self.workers)?;
        let code = runtime.block_on(self.serve(&sidecar, &socket, telemetry, &logs))?;
        logs.flush();
        // Does not wait for calls that were cut off.
        runtime.shutdown_background();
        if let Some(runtime) = of_guests {
            runtime.shutdown_background();
        }
        if let Some(observation) = observation {
            observation.end();
        }
        Ok(code)
    }

    fn options(&self, rule: Option<Arc<dyn WriteRule>>) -> SidecarOptions {
        let size = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let options = SidecarOptions::new()
            .max_connections(size(self.max_connections))
            .max_mirrors(size(self.max_mirrors))
            .max_all_mirrors(size(self.max_all_mirrors))
            .journal_bytes(usize::try_from(self.journal_bytes).unwrap_or(usize::MAX))
            .ack_timeout(self.ack_timeout);
        let options = match rule {
            Some(rule) => options.write_rule(rule),
            None => options,
        };
        let uids = self.allow_uids.iter();
        uids.fold(options, |options, uid| options.allow_uid(*uid))
    }

    /// Serves until a signal arrives, then drains. Returns the exit code.
    async fn serve(
        &self,
        sidecar: &Sidecar,
        path: &Path,
        telemetry: Option<&Telemetry>,
        logs: &Logs,
    ) -> anyhow::Result<ExitCode> {
        let mut signals = Signals::catch().context("cannot catch signals")?;
        if telemetry.is_none() {
            signals.survive_usr1().context("cannot catch signals")?;
        }
        let socket = Socket::bind(path, self.mode)?;
        note(format_args!("Listening on unix:{}", path.display()));
        set_ready(telemetry, true);
        tokio::select! {
            () = sidecar.serve(socket) => {}
            _ = signals.next() => {}
        }
        set_ready(telemetry, false);
        tokio::select! {
            cut_off = sidecar.shutdown(self.shutdown_grace) => {
                if cut_off > 0 {
                    logs.log().line(match cut_off {
                        1 => "1 call or connection was cut off".to_owned(),
                        _ => format!("{cut_off} calls or connections were cut off"),
                    });
                }
                Ok(ExitCode::SUCCESS)
            }
            code = signals.next() => Ok(ExitCode::from(code)),
        }
    }
}

/// Starts the threads of the sidecar.
fn runtime(workers: usize) -> anyhow::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("localmap-sidecar")
        .enable_all()
        .build()
        .context("cannot start threads")
}
