//! What the command line grants a guest beside its map: folders and variables.

use anyhow::{Context, anyhow, bail};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

#[derive(clap::Args, Clone)]
pub(crate) struct GrantArgs {
    /// Grant a folder, to read and to write, under its own name or another; may be
    /// repeated
    #[arg(long = "dir", value_name = "HOST[::GUEST]")]
    dirs: Vec<String>,

    /// Set an environment variable of the guest, or pass on ours; may be repeated
    #[arg(long = "env", value_name = "NAME[=VALUE]")]
    envs: Vec<String>,
}

impl GrantArgs {
    /// Each `NAME=VALUE`, or `NAME` for the value that we have. The last of a name holds.
    pub(crate) fn environment(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut given: Vec<(String, String)> = Vec::new();
        for env in &self.envs {
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

    /// Opens the folders for a guest.
    pub(crate) fn open_folders(&self, wasi: &mut WasiCtxBuilder) -> anyhow::Result<()> {
        for dir in &self.dirs {
            let (host, guest) = dir.split_once("::").unwrap_or((dir, dir));
            wasi.preopened_dir(host, guest, FsPerms::ReadWrite)
                .map_err(|error| anyhow!(error).context(format!("--dir {dir}: cannot open it")))?;
        }
        Ok(())
    }
}
