//! Compiled code is kept on disk, so that a guest starts at once when it is run again.

use localmap::wasmtime::{Cache, CacheConfig, Config};

#[derive(clap::Args, Clone, Copy)]
pub(crate) struct CacheArgs {
    /// Compile anew, and keep nothing on disk
    ///
    /// Otherwise compiled code is kept in Wasmtime's own cache, below the user's folder for
    /// caches, and used as long as the guest, Wasmtime and this machine are the same.
    #[arg(long)]
    no_cache: bool,
}

impl CacheArgs {
    /// Whether compiled code is kept.
    pub(crate) fn wanted(self) -> bool {
        !self.no_cache
    }

    /// Where there is no folder for it, each run compiles.
    pub(crate) fn set_up(self, config: &mut Config) {
        if self.wanted() {
            config.cache(Cache::new(CacheConfig::new()).ok());
        }
    }
}
