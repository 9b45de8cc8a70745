//! The option that bypasses the compilation cache.

#[derive(clap::Args, Clone, Copy)]
pub(crate) struct CacheArgs {
    /// Bypass the compilation cache
    ///
    /// Without this option, compiled code is stored in Wasmtime's own cache, below the user's
    /// cache folder, and reused while the guest, Wasmtime and this machine stay the same.
    #[arg(long)]
    no_cache: bool,
}

impl CacheArgs {
    /// Returns `true` if compiled code is cached.
    pub(crate) fn wanted(self) -> bool {
        !self.no_cache
    }
}
