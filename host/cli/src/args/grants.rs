//! Permissions of a guest apart from its map: folders, environment variables, values of
//! `wasi:config`, and hosts to which it may send requests.

use anyhow::{Context, bail};
use localmap_serve::{AllowedHost, HttpFailure, SandboxConfig};

#[derive(clap::Args)]
pub(crate) struct GrantArgs {
    /// Grant read and write access to a folder, optionally under another name; may be repeated
    #[arg(long = "dir", value_name = "HOST[::GUEST]")]
    dirs: Vec<String>,

    /// Set an environment variable of the guest, or pass it on from this process's environment;
    /// may be repeated
    #[arg(long = "env", value_name = "NAME[=VALUE]")]
    envs: Vec<String>,

    /// Set a value of wasi:config/store; may be repeated
    #[arg(long = "config", value_name = "NAME=VALUE", value_parser = parse_config)]
    configs: Vec<(String, String)>,

    /// Let the guest send HTTP requests to a host; may be repeated [default: none]
    ///
    /// HOST is a name, an address (an IPv6 address in brackets), *.NAME for all names that end
    /// with .NAME, or * for any host (quote the `*`). Without PORT, the ports 80 and 443 are allowed. Private
    /// addresses are reached only if the host is named in full, and addresses of this machine and
    /// its link only if the address or `localhost` is named.
    #[arg(long, value_name = "HOST[:PORT]", value_parser = str::parse::<AllowedHost>)]
    allow_http: Vec<AllowedHost>,
}

fn parse_config(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// Returns the reason why a request of a guest has failed, and the option that would allow it.
pub(crate) fn explain_http(failure: &HttpFailure) -> String {
    match failure.reason.allow() {
        Some(allow) => format!("{}; --allow-http {allow} allows it", failure.reason),
        None => failure.reason.to_string(),
    }
}

impl GrantArgs {
    /// Returns `sandbox` with these permissions.
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
        for (name, value) in &self.configs {
            sandbox = sandbox.config(name, value);
        }
        for host in &self.allow_http {
            sandbox = sandbox.allow_http(host.clone());
        }
        Ok(sandbox)
    }
}
