//! Permissions of a guest apart from its map: folders and environment variables.

use anyhow::{Context, bail};
use localmap_serve::SandboxConfig;

#[derive(clap::Args)]
pub(crate) struct GrantArgs {
    /// Grant read and write access to a folder, optionally under another name; may be repeated
    #[arg(long = "dir", value_name = "HOST[::GUEST]")]
    dirs: Vec<String>,

    /// Set an environment variable of the guest, or pass it on from this process's environment;
    /// may be repeated
    #[arg(long = "env", value_name = "NAME[=VALUE]")]
    envs: Vec<String>,
}

impl GrantArgs {
    /// Returns `sandbox` with these folders and variables.
    pub(crate) fn grant(&self, mut sandbox: SandboxConfig) -> anyhow::Result<SandboxConfig> {
        for env in &self.envs {
            if env.is_empty() || env.starts_with('=') {
                bail!("--env `{env}`: expected NAME=VALUE, or NAME to pass on a variable");
            }
            sandbox = match env.split_once('=') {
                Some((name, value)) => sandbox.env(name, value),
                None => {
                    let ours = std::env::var(env).with_context(|| {
                        format!("--env {env}: cannot pass on this variable; use {env}=VALUE")
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
