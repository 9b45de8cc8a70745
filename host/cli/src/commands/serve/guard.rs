//! The guard of `serve`: its rules, and where its locks are.

use anyhow::{Context, anyhow};
use localmap_lease::{Guard, Locks, Rules};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The maximum size of the file in bytes.
const MAX_SIZE: u64 = 1 << 20;

/// Which requests take turns.
#[derive(clap::Args)]
#[command(next_help_heading = "The guard")]
pub(super) struct GuardArgs {
    /// File with rules, in TOML, that say which requests lock which key, as one writer or with other
    /// readers; see docs/leases.md
    ///
    /// A request that has to wait for too long is answered with 423. The guest finds the token of its lock in
    /// the header localmap-fence, which clients cannot set.
    #[arg(long, value_name = "FILE")]
    guard: Option<PathBuf>,
}

impl GuardArgs {
    /// Reads the rules, if there is a guard.
    pub(super) fn rules(&self) -> anyhow::Result<Option<Rules>> {
        let Some(path) = &self.guard else {
            return Ok(None);
        };
        let rules = read(path).with_context(|| format!("--guard {}", path.display()));
        rules.map(Some)
    }

    /// Creates the guard of these rules. Must be called within the runtime of the server.
    pub(super) fn guard(&self, rules: Rules) -> anyhow::Result<Guard> {
        let locks = Locks::in_process(rules.lock_limits());
        Ok(Guard::new(locks, rules))
    }
}

fn read(path: &Path) -> anyhow::Result<Rules> {
    let mut text = String::new();
    let file = File::open(path)?;
    file.take(MAX_SIZE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_SIZE {
        return Err(anyhow!("it is larger than {MAX_SIZE} bytes"));
    }
    Ok(Rules::from_toml(&text)?)
}
