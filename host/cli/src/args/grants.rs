//! What the command line grants a guest apart from its map: folders and variables.

use anyhow::{Context, bail};
use localmap_serve::SandboxConfig;

#[derive(clap::Args)]
pub(crate) struct GrantArgs {
    /// Grant a folder, to read and to write, under its own name or another; may be repeated
    #[arg(long = "dir", value_name = "HOST[::GUEST]")]
    dirs: Vec<String>,

    /// Set an environment variable of the guest, or pass on the one of this process; may be
    /// repeated
    #[arg(long = "env", value_name = "NAME[=VALUE]")]
    envs: Vec<String>,
}

impl GrantArgs {
    /// Returns `sandbox` with the folders and the variables.
    pub(crate) fn grant(&self, mut sandbox: SandboxConfig) -> anyhow::Result<SandboxConfig> {
        for env in &self.envs {
            if env.is_empty() || env.starts_with('=') {
                bail!("--env `{env}`: expected NAME=VALUE, or NAME to pass on a variable");
            }
            sandbox = match env.split_once('=') {
                Some((name, value)) => sandbox.env(name, value),
                None => {
                    let ours = std::env::var(env).with_context(|| {
                        format!("--env {env}: cannot pass it on; give it as {env}=VALUE")
                    })?;
                    sandbox.env(env, ours)
                }
            };
        }
        for dir in &self.dirs {
            let (host, guest) = dir.split_once("::").unwrap_or((dir, dir));
            sandbox = sandbox.dir(host, guest);
        }
        Ok(sandbox)
    }
}
