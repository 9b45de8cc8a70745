//! `localmap serve`: answers HTTP requests with a component, and gives it maps.
//!
//! The server is the library `localmap-serve`. This file has the options; the submodules handle
//! the address, TLS, the signals that end the server, and the output of the log and of guests.

mod address;
mod explain;
pub(crate) mod fit;
mod guard;
mod guest_lines;
mod guest_output;
pub(super) mod log;
mod message;
mod mirrors;
pub(super) mod signals;
mod tls;

use crate::args::common::CommonArgs;
use crate::args::entry::preloads;
use crate::args::etcd::EtcdArgs;
use crate::args::telemetry::TelemetryArgs;
use crate::args::tenants::TenantsFile;
use crate::args::values::parse_duration;
use crate::args::workers::WorkerArgs;
use crate::commands::enforced::Enforced;
use crate::commands::preflight;
use crate::commands::telemetry::{Observation, set_ready};
use crate::terminal::stats::report_stats;
use crate::terminal::stdio::note;
use address::TakenAddress;
use anyhow::{Context, bail};
use explain::explain;
use guard::{GuardArgs, ServedGuard};
use localmap::{Incompatibility, MapOptions, WriteRule, names};
use localmap_lease::Guard;
use localmap_serve::{Handler, HandlerOptions, MapScope, Reuse, Server};
use localmap_telemetry::Telemetry;
use log::Logs;
use mirrors::{GuestMirrorArgs, GuestMirrors};
use signals::Signals;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tls::TlsArgs;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// The number of polls after which a thread checks its sockets and other tasks. A poll of a guest
/// that computes takes up to 10 ms.
const POLLS: u32 = 4;

/// Answers HTTP requests with a component.
///
/// Clients speak HTTP/1 or HTTP/2 on the same port: without TLS by prior knowledge, with --tls-cert
/// as they agree with the server.
///
/// GUEST is a component file that exports wasi:http/incoming-handler of WASI 0.2 or
/// wasi:http/handler of WASI 0.3, or a folder that is built first: a guest crate with `cargo build
/// --target wasm32-wasip2`, a guest in Python (app.py) with componentize-py, or one in JavaScript
/// (package.json) with jco. Each request is answered by a new instance, unless --reuse allows more.
/// If GUEST imports localmap:core/local-map or wasi:keyvalue, each
/// instance uses a map in a separate store, which belongs to its request, its connection, a header
/// value or the server.
///
/// At most 1000 requests are answered at a time. A guest that traps, runs out of time or gives no
/// response causes a 500 or 504 for its own request only; a shared map is kept. Guests send
/// requests only to the hosts of --allow-http.
///
/// SIGINT (Ctrl-C) and SIGTERM stop the server: it finishes the requests in flight and exits
/// with code 0. A second signal ends it immediately, with code 130 or 143.
#[derive(clap::Args)]
#[command(override_usage = "localmap serve [OPTIONS] GUEST")]
#[command(mut_arg("wasm", |arg| arg.help(
    "Set a limit for each request: timeout=TIME (30s by default) from its headers to the end of \
     the guest, max-memory-size=SIZE (256MiB by default) of its instance; may be repeated, or \
     list several with commas between them"
)))]
#[command(mut_arg("stats", |arg| arg.help(
    "With --map-scope server, print the statistics of the map to standard error at the end"
)))]
pub(crate) struct ServeCommand {
    /// Address to listen on; port 0 picks a free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    addr: String,

    #[command(flatten)]
    tls: TlsArgs,

    /// Scope of a map: `request`, `connection`, `server`, or `header:NAME` for one map per value
    /// of that header, such as a tenant [default: request, or server if GUEST imports
    /// wasi:keyvalue]
    ///
    /// A request without the header, or with more than one, is answered with 400.
    #[arg(long, alias = "map-per", value_name = "SCOPE", value_parser = str::parse::<MapScope>)]
    map_scope: Option<MapScope>,

    /// With --map-scope header:NAME, drop a map that no request has used for this long [default:
    /// 5m]
    #[arg(long, alias = "idle", value_name = "TIME", value_parser = parse_duration)]
    idle_timeout: Option<Duration>,

    /// File with the classes of the tenants, whose names are the values of a header: their limits, their
    /// quotas and their first entries, in TOML; see docs/serve.md
    ///
    /// The file or --map-scope names the header. A tenant of no class is answered with 403, one that
    /// has used up its rate with 429. The options under `The map` are for what a class leaves out.
    #[arg(long, value_name = "FILE", conflicts_with = "idle_timeout")]
    tenants: Option<PathBuf>,

    /// Maximum number of maps at a time, at least 1; a request that needs one more is answered
    /// with 503
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    max_maps: u32,

    #[command(flatten)]
    workers: WorkerArgs,

    /// Let an instance of GUEST answer N requests, M of them at a time (1 unless given) [default:
    /// each request is answered by a new instance]
    ///
    /// An instance answers only requests that use the same map, so the map scope must be
    /// `connection`, `server` or `header:NAME`; without a map, `server`. These requests share the
    /// memory of GUEST. If it traps, all requests of the instance fail. Guests of WASI 0.2 answer one
    /// request at a time.
    #[arg(long, value_name = "N[,M]", value_parser = str::parse::<Reuse>)]
    reuse: Option<Reuse>,

    /// Maximum time for requests in flight to finish when the server stops
    #[arg(long, alias = "grace", value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    shutdown_grace: Duration,

    /// Do not write a line for each request to standard error
    #[arg(long)]
    quiet: bool,

    /// Do not begin each line that a guest prints with the number of its request, as in `[17]`
    #[arg(long)]
    no_logging_prefix: bool,

    /// When a guest traps, write its backtrace to standard error
    ///
    /// The names of functions are those of the name section of the component, if it has one.
    #[arg(long)]
    backtrace: bool,

    /// Guest to serve
    #[arg(value_name = "GUEST")]
    guest: PathBuf,

    #[command(flatten)]
    common: CommonArgs,

    #[command(flatten)]
    guard: GuardArgs,

    #[command(flatten)]
    telemetry: TelemetryArgs,

    #[command(flatten)]
    mirrors: GuestMirrorArgs,

    #[command(flatten)]
    etcd: EtcdArgs,
}

impl ServeCommand {
    pub(crate) fn run(mut self) -> anyhow::Result<ExitCode> {
        if self.idle_timeout.is_some() && !matches!(self.map_scope, Some(MapScope::Header(_))) {
            bail!("--idle-timeout requires --map-scope header:NAME");
        }
        self.mirrors.check()?;
        if self.etcd.given() && self.mirrors.is_empty() && !self.guard.in_etcd() {
            bail!(
                "the options under `etcd` are for its clients: name one with --mirror \
                 NAME=etcd://HOST:2379/PREFIX/ or --guard-etcd etcd://HOST:2379/FOLDER/"
            );
        }
        let rules = self.guard.rules()?;
        self.common.load_schema()?;
        let threads = self.workers.count() + self.telemetry.threads() + self.mirrors.threads();
        preflight::check_to_serve(threads)?;
        let tenants = self.tenants.as_deref().map(TenantsFile::read).transpose()?;
        if let Some(tenants) = &tenants {
            self.map_scope = Some(scope_of(tenants, self.map_scope.take())?);
        }
        let tls = self.tls.load()?;
        let access = self.etcd.load("--etcd-")?;
        access.warning.iter().for_each(note);
        TakenAddress::check_admin(&self.addr, self.telemetry.admin())?;
        let observation = Observation::start(&self.telemetry)?;
        let telemetry = observation.as_ref().map(Observation::telemetry);
        let bytes = self.common.build.load(&self.guest)?;
        let runtime = runtime(self.workers.count())?;
        let entered = runtime.enter();
        // Before the guest is compiled, since this fails faster. Clients are refused until the
        // guest can answer them.
        let address = TakenAddress::take(&self.addr)?;
        let logs = Logs::start().context("cannot start a thread")?;
        // They connect while the guest is compiled.
        let guard = self.guard.open(rules, &access, logs.log())?;
        let mut mirrors = self.mirrors.open(&access, self.common.cache.wanted())?;
        let handler = self
            .handler(
                &bytes,
                tenants.as_ref(),
                &mirrors,
                telemetry,
                guard.get(),
                &logs,
            )
            .and_then(|handler| {
                let tried = runtime.block_on(handler.try_instance());
                tried.map_err(|error| explain(error, &[]))?;
                Ok(handler)
            })
            .with_context(|| format!("cannot serve `{}`", self.guest.display()))?;
        if let Some(telemetry) = telemetry {
            mirrors.watch(telemetry);
            guard.watch(telemetry);
        }
        runtime.block_on(async { tokio::join!(mirrors.first_copies(), guard.first_lease()) });
        let listener = address.listen()?;
        drop(entered);
        let (server, scheme) = match tls {
            Some(config) => (Server::new(handler).tls(config), "https"),
            None => (Server::new(handler), "http"),
        };
        let serving = serve(
            &server,
            listener,
            scheme,
            self.shutdown_grace,
            telemetry,
            OfEtcd {
                mirrors: &mut mirrors,
                guard: &guard,
            },
            &logs,
        );
        let code = runtime.block_on(serving)?;
        logs.flush();
        if self.common.stats {
            report_stats(server.handler().stats(), "the map, which terminated");
        }
        // Does not wait for requests that were cut off.
        runtime.shutdown_background();
        if let Some(observation) = observation {
            observation.end();
        }
        Ok(code)
    }

    /// Compiles the guest and, if the guest imports a map, the map component.
    fn handler(
        &self,
        bytes: &[u8],
        tenants: Option<&TenantsFile>,
        mirrors: &GuestMirrors,
        telemetry: Option<&Telemetry>,
        guard: Option<&Guard>,
        logs: &Logs,
    ) -> anyhow::Result<Handler> {
        let guest = localmap::inspect_declarations(bytes)?;
        self.mirrors.check_guest(&guest)?;
        self.common.map.check(&guest)?;
        let without_map = guest.app.first() == Some(&Incompatibility::NoMapImport);
        if without_map && guest.has_export(names::HTTP_HANDLER) {
            self.common.map.check_no_map(self.common.stats)?;
        }
        let scope = self.map_scope.clone();
        let scope = scope.unwrap_or_else(|| MapScope::default_for(&guest));
        if self.common.stats && scope != MapScope::Server {
            bail!("--stats requires --map-scope server");
        }
        if self.map_scope.is_none() && scope == MapScope::Server {
            note(format_args!(
                "All requests share the buckets of wasi:keyvalue, which end with the server \
                 (--map-scope server)"
            ));
        }
        let entries = self.common.map.entries();
        let sandbox = self.common.sandbox(None)?;
        let sandbox = sandbox.mirrors(mirrors.readers().clone());
        let options = HandlerOptions::new()
            .map_scope(scope)
            .max_maps(
                tenants
                    .and_then(TenantsFile::max_tenants)
                    .unwrap_or(self.max_maps),
            )
            .limits(self.common.map.limits())
            .entries(preloads(&entries))
            .buckets(self.common.map.buckets())
            .sandbox(sandbox)
            .guest_output(Arc::new(logs.guest_streams(!self.no_logging_prefix)))
            .backtraces(self.backtrace)
            .log(Arc::new(logs.log().clone().quiet(self.quiet)));
        let (options, map) = match self.common.map.enforced() {
            Some(schema) => {
                let log = logs.log().clone();
                let rule = Enforced::new(schema, move |line| log.line(line));
                let rule: Arc<dyn WriteRule> = Arc::new(rule);
                let map = MapOptions::new().write_rule(Arc::clone(&rule));
                (options.write_rule(rule), map)
            }
            None => (options, MapOptions::new()),
        };
        let options = match tenants {
            Some(tenants) => {
                let limits = |limits| Ok(guest.map_limits(limits));
                let plain = &self.common.map.plain;
                options.tenants(tenants.options(&map, plain, &entries, limits)?)
            }
            None => options,
        };
        // Without options it observes nothing, but has the probes.
        let options = options.telemetry(telemetry.cloned().unwrap_or_default());
        let options = match self.idle_timeout {
            Some(timeout) => options.idle_timeout(timeout),
            None => options,
        };
        let options = match self.reuse {
            Some(reuse) => options.reuse(reuse),
            None => options,
        };
        let options = match guard {
            Some(guard) => options.guard(guard.clone()),
            None => options,
        };
        Handler::inspected(bytes, &guest, &options).map_err(|error| {
            fit::refused(&error, bytes).unwrap_or_else(|| explain(error, &entries))
        })
    }
}

/// Returns the scope of tenants: the header that the file or the option names.
fn scope_of(tenants: &TenantsFile, given: Option<MapScope>) -> anyhow::Result<MapScope> {
    match (tenants.header(), given) {
        (None, Some(scope @ MapScope::Header(_))) => Ok(scope),
        (Some(header), None) => format!("header:{header}")
            .parse()
            .with_context(|| format!("--tenants: the header `{header}`")),
        (None, None) => bail!(
            "--tenants: the file names no header: add header = \"NAME\" to it, or use --map-scope \
             header:NAME"
        ),
        (Some(header), Some(MapScope::Header(given))) if given != header => {
            bail!("--tenants: the file names the header `{header}`: leave out --map-scope")
        }
        (Some(_), Some(scope @ MapScope::Header(_))) => Ok(scope),
        (Some(_), Some(_)) => bail!("--tenants: the file names a header: leave out --map-scope"),
        (None, Some(_)) => bail!("--tenants requires --map-scope header:NAME"),
    }
}

/// Starts the threads of the server.
fn runtime(workers: usize) -> anyhow::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("localmap-serve")
        .enable_all()
        .event_interval(POLLS)
        .global_queue_interval(POLLS)
        .build()
        .context("cannot start threads")
}

/// What follows etcd while the server runs, if anything does.
struct OfEtcd<'a> {
    mirrors: &'a mut GuestMirrors,
    guard: &'a ServedGuard,
}

/// Serves until a signal arrives, then drains for at most `grace`. Returns the exit code.
async fn serve(
    server: &Server,
    listener: TcpListener,
    scheme: &str,
    grace: Duration,
    telemetry: Option<&Telemetry>,
    OfEtcd { mirrors, guard }: OfEtcd<'_>,
    logs: &Logs,
) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::catch().context("cannot catch signals")?;
    if telemetry.is_none() {
        signals.survive_usr1().context("cannot catch signals")?;
    }
    let addr = listener.local_addr().context("cannot listen")?;
    note(format_args!("Listening on {scheme}://{addr}"));
    set_ready(telemetry, true);
    tokio::select! {
        () = server.serve(listener) => {}
        _ = signals.next() => {}
        never = mirrors.report(logs.log()) => match never {},
    }
    // Load balancers send the next requests elsewhere.
    set_ready(telemetry, false);
    let ending = async {
        let cut_off = server.shutdown(grace).await;
        // Others need not wait for the end of the lease.
        guard.end().await;
        cut_off
    };
    tokio::select! {
        cut_off = ending => {
            if cut_off > 0 {
                logs.log().line(match cut_off {
                    1 => "1 request or connection was cut off".to_owned(),
                    _ => format!("{cut_off} requests or connections were cut off"),
                });
            }
            Ok(ExitCode::SUCCESS)
        }
        code = signals.next() => Ok(ExitCode::from(code)),
    }
}
