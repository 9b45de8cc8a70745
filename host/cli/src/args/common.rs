//! The options that `run` and `serve` share.

use crate::args::build::BuildArgs;
use crate::args::cache::CacheArgs;
use crate::args::grants::GrantArgs;
use crate::args::map_args::MapArgs;
use crate::args::schema::SchemaArgs;
use crate::args::wasm_options::{self, WasmOption};
use anyhow::anyhow;
use localmap::Limits;
use localmap_serve::{SandboxConfig, SandboxError};
use std::time::Duration;

/// The options that build a guest, set up its sandbox, and configure its map.
#[derive(clap::Args)]
pub(crate) struct CommonArgs {
    #[command(flatten)]
    granted: GrantArgs,

    /// Set a limit of the sandbox: timeout=TIME or max-memory-size=SIZE; may be repeated, or list
    /// several with commas between them
    #[arg(short = 'W', value_name = "OPTION=VALUE", value_delimiter = ',', value_parser = wasm_options::parse)]
    wasm: Vec<WasmOption>,

    /// Print the statistics of the map to standard error at the end
    #[arg(long)]
    pub(crate) stats: bool,

    #[command(flatten)]
    pub(crate) build: BuildArgs,

    #[command(flatten)]
    pub(crate) cache: CacheArgs,

    #[command(flatten)]
    pub(crate) map: MapArgs,

    #[command(flatten)]
    schema: SchemaArgs,
}

impl CommonArgs {
    /// Reads the schema, before anything else is done.
    pub(crate) fn load_schema(&mut self) -> anyhow::Result<()> {
        if let Some(schema) = self.schema.load()? {
            self.map
                .set_schema(schema.into_schema(), self.schema.enforce_schema);
        }
        Ok(())
    }

    /// Returns the timeout of the guest, if `-W timeout` sets one.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        wasm_options::timeout(&self.wasm)
    }

    /// Returns the sandbox of a guest whose store may also contain a map with the limits `map`.
    pub(crate) fn sandbox(&self, map: Option<&Limits>) -> anyhow::Result<SandboxConfig> {
        let sandbox = SandboxConfig::new()
            .max_memory(wasm_options::max_memory(&self.wasm, map))
            .timeout(self.timeout())
            .cache(self.cache.wanted());
        self.granted.grant(sandbox)
    }
}

/// Adds the option that caused an error of the sandbox.
pub(crate) fn explain(error: SandboxError) -> anyhow::Error {
    match error {
        SandboxError::Dir { host, source, .. } => {
            anyhow!(source).context(format!("--dir {}: cannot open the folder", host.display()))
        }
        other => other.into(),
    }
}
