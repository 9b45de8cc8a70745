//! `localmap serve`: answers HTTP requests with a component, and gives it maps.
//!
//! `app` is the component, compiled, and a store for each request; `maps` are the maps,
//! which live as `lifetime` says, and `tenants` the rules for those of a header. A
//! `connection` hands each `request` to a store of its own and gets an `answer`, and `log`
//! has a line for it. `server` accepts connections until it is told to stop.

mod answer;
mod app;
mod connection;
mod guest_output;
mod lifetime;
mod log;
mod maps;
mod record;
mod request;
mod server;
mod signals;
mod stream;
mod tenants;
mod upload;

use crate::args::cache::CacheArgs;
use crate::args::grants::GrantArgs;
use crate::args::map_args::MapArgs;
use crate::args::values::parse_duration;
use crate::args::wasm_options::{self, WasmOption};
use crate::guest::kind::{self, COMMAND, HTTP_HANDLER};
use crate::guest::source::{Build, load};
use anyhow::{Context, bail};
use app::{App, Grants};
use lifetime::Lifetime;
use localmap::{Inspection, Limits};
use log::Logs;
use maps::{Maker, Maps};
use server::Server;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// The requests that are answered at a time.
const MAX_REQUESTS: u32 = 1_000;
/// What a request may take, unless `-W timeout` says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long the map of a value that nobody sends any more is kept.
const IDLE: Duration = Duration::from_secs(300);

/// Answers HTTP requests with a component, and gives it maps that live as long as you say.
///
/// GUEST is a component file that exports wasi:http/incoming-handler of WASI 0.2, or a
/// folder with a guest crate, which is built first with `cargo build --target
/// wasm32-wasip2`. Each request is answered by an instance of its own. If GUEST imports
/// localmap:core/local-map or wasi:keyvalue, each instance is given the map of its
/// request, its connection, a header's value or the server: a store of its own, which the
/// end of an instance leaves as it is.
///
/// At most 1000 requests are answered at a time. A guest that traps, uses up its time or
/// gives no response is a 500 or 504 for its own request. It can send no requests itself.
///
/// SIGINT (Ctrl-C) and SIGTERM end the server when the requests in flight are done, with
/// exit code 0; the second of them at once, with 130 or 143.
#[derive(clap::Args)]
#[command(override_usage = "localmap serve [OPTIONS] GUEST")]
pub(crate) struct ServeCommand {
    /// Where to listen; with port 0 at one that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    addr: String,

    /// What a map belongs to, and ends with: `request`, `connection`, `server`, or
    /// `header:NAME` for a map of each value of that header, a tenant for example
    ///
    /// Without the header, or with more than one, a request is refused with 400.
    #[arg(long, value_name = "LIFETIME", default_value = "request", value_parser = lifetime::parse)]
    map_per: Lifetime,

    /// With --map-per header:NAME, how long a map is kept that no request uses
    /// [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    idle: Option<Duration>,

    /// How many maps there may be at a time, at least 1; a request that needs one more is
    /// refused with 503
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    max_maps: u32,

    /// How long requests in flight may go on when the server is told to end
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    grace: Duration,

    #[command(flatten)]
    granted: GrantArgs,

    /// Bounds of each request: timeout=TIME (30s by default) is what it may take, from its
    /// headers to the end of the guest, max-memory-size=SIZE (256MiB by default) bounds the
    /// memory of its instance; more than one may be given, with commas between
    #[arg(short = 'W', value_name = "OPTION=VALUE", value_delimiter = ',', value_parser = wasm_options::parse)]
    wasm: Vec<WasmOption>,

    /// With --map-per server, print the statistics of the map to standard error at the end
    #[arg(long)]
    stats: bool,

    /// Write no line for each request to standard error
    #[arg(long)]
    quiet: bool,

    /// Build a folder with `cargo component build` instead
    #[arg(long)]
    with_cargo_component: bool,

    /// Build a folder with this profile of cargo
    #[arg(long, value_name = "NAME", default_value = "release")]
    profile: String,

    /// The guest
    #[arg(value_name = "GUEST")]
    guest: PathBuf,

    #[command(flatten)]
    cache: CacheArgs,

    #[command(flatten)]
    map: MapArgs,
}

impl ServeCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if self.idle.is_some() && !matches!(self.map_per, Lifetime::Header(_)) {
            bail!("--idle is for --map-per header:NAME");
        }
        if self.stats && self.map_per != Lifetime::Server {
            bail!("--stats is for --map-per server");
        }
        let build = Build {
            with_cargo_component: self.with_cargo_component,
            profile: &self.profile,
        };
        let bytes = load(&self.guest, build)?;
        let cannot = || format!("cannot serve `{}`", self.guest.display());
        let runtime = server::runtime()?;
        let entered = runtime.enter();
        // First, as it is the sooner to fail.
        let listener = server::bind(&self.addr)?;
        let logs = Logs::start().context("cannot start a thread")?;
        let (app, maps) = self.set_up(&bytes, &logs).with_context(cannot)?;
        let server = Arc::new(Server::new(app, maps, logs, self.quiet));
        drop(entered);
        let code = runtime.block_on(Arc::clone(&server).serve(listener, self.grace))?;
        server.finish(self.stats);
        // What was cut off is not waited for.
        runtime.shutdown_background();
        Ok(code)
    }

    /// Compiles the guest, and what gives it maps if it asks for one.
    fn set_up(&self, bytes: &[u8], logs: &Logs) -> anyhow::Result<(App, Maps)> {
        let guest = localmap::inspect(bytes)?;
        if !kind::exports(&guest, HTTP_HANDLER) {
            if kind::exports(&guest, COMMAND) {
                bail!("it is a command: use `localmap run`");
            }
            if kind::exports(&guest, "wasi:http/handler@0.3") {
                bail!(
                    "it answers requests of wasi:http 0.3: expected a component for WASI 0.2, \
                     which exports wasi:http/incoming-handler"
                );
            }
            bail!("it does not export wasi:http/incoming-handler@0.2.x");
        }
        self.map.check(&guest)?;
        let (bytes, maker) = match kind::prepare(bytes, &guest, &self.map.buckets())? {
            Some(app) => (app, Some(self.maker(&guest)?)),
            None => {
                self.map.check_no_map(self.stats)?;
                (bytes.to_vec(), None)
            }
        };
        let app = App::new(
            &bytes,
            Grants {
                envs: self.granted.environment()?,
                folders: self.granted.clone(),
                max_memory: wasm_options::max_memory(&self.wasm, 0),
                timeout: wasm_options::timeout(&self.wasm).unwrap_or(TIMEOUT),
                cache: self.cache,
                stdout: logs.guest_stdout(),
                stderr: logs.guest_stderr(),
            },
        )?;
        let idle = self.idle.unwrap_or(IDLE);
        Ok((app, Maps::new(self.map_per.clone(), idle, maker)?))
    }

    fn maker(&self, guest: &Inspection) -> anyhow::Result<Maker> {
        Maker::new(
            self.map.limits_over(Limits::default(), guest),
            self.map.entries(),
            self.max_maps,
            self.map_per.is_short(),
            self.cache,
        )
    }
}
