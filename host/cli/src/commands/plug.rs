//! `localmap plug`: composes an app and a map into one component.

pub(crate) mod fit;

use crate::args::build::BuildArgs;
use crate::args::cache::CacheArgs;
use crate::args::entry::{CliEntry, preloads, refused_entry};
use crate::args::map_args::MapArgs;
use crate::commands::refusal::refusal;
use crate::terminal::files::{self, Mode};
use crate::terminal::stdio::unless_closed;
use anyhow::{Context, bail};
use localmap::{
    Host, HostOptions, Inspection, Limits, ManualClock, MapOptions, PlugError, PlugOptions,
};
use std::io::{IsTerminal, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

/// Composes an app and a map into one self-contained component.
///
/// APP is a component file that imports localmap:core/local-map or wasi:keyvalue, or a folder,
/// which is built first as `run` does. The result runs on any WASI 0.2 host that provides the other
/// imports of the app (for an app of WASI 0.3, on a host of 0.3), and each instance of it has its own map with the limits and the entries given here; the TTL of an
/// entry begins when the instance is created. It exports localmap:core/control for its host; the
/// app cannot reach that interface.
#[derive(clap::Args)]
pub(crate) struct PlugCommand {
    /// App: a component file, or a folder to build
    app: PathBuf,

    /// File to write the component to; `-` is standard output
    ///
    /// Symbolic links are followed. An existing file is overwritten in place: it keeps its mode,
    /// its owner and its hard links, and also its content if there is no room for the component.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    build: BuildArgs,

    #[command(flatten)]
    cache: CacheArgs,

    #[command(flatten)]
    map: MapArgs,
}

impl PlugCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let to_stdout = files::is_stdout(&self.output);
        if to_stdout && stdout().is_terminal() {
            bail!("standard output is a terminal: redirect it to a file, or name one with -o FILE");
        }
        let app = self.build.load(&self.app)?;
        let plugged = self
            .plug(&app)
            .with_context(|| format!("cannot plug `{}`", self.app.display()))?;
        let written = files::write(&self.output, &plugged, Mode::Default);
        unless_closed(written.with_context(|| match to_stdout {
            true => "cannot write to standard output".to_owned(),
            false => format!("cannot write `{}`", self.output.display()),
        }))
    }

    fn plug(&self, app: &[u8]) -> anyhow::Result<Vec<u8>> {
        let guest = localmap::inspect(app)?;
        self.map.check(&guest)?;
        let entries = self.map.entries();
        let options = PlugOptions::new()
            .limits(self.map.limits())
            .buckets(self.map.buckets())
            .entries(preloads(&entries));
        let plugged = localmap::plug_with(app, &options).map_err(|error| match error {
            PlugError::Entries { source, .. } => refused_entry(&entries, source),
            PlugError::Incompatible { .. } if guest.app.len() > 1 => {
                refusal("plug", &fit::misfits(app, &guest))
            }
            other => other.into(),
        })?;
        if !entries.is_empty() {
            self.try_entries(&entries, &guest)?;
        }
        Ok(plugged)
    }

    /// Stores the entries in a map with the same limits, so that one that does not fit is an error
    /// now instead of a trap of each instance. No time passes meanwhile.
    fn try_entries(&self, entries: &[CliEntry], guest: &Inspection) -> anyhow::Result<()> {
        let limits = self.map.limits_over(Limits::default(), guest);
        let options = HostOptions::new()
            .max_maps(1)
            .cache(self.cache.wanted())
            .max_memory_for(&limits);
        let options_of_map = MapOptions::new().limits(limits).clock(ManualClock::new());
        let mut map = Host::with_options(&options)?.map(&options_of_map)?;
        let done = map.preload(&preloads(entries));
        done.map_err(|refused| refused_entry(entries, refused))
    }
}
