//! Where guests write, one request at a time.

use wasmtime_wasi::cli::StdoutStream;

/// The output streams of a guest.
pub type GuestStream = Box<dyn StdoutStream + Sync>;

/// Provides the output streams of guests, so that each line can name its request.
pub trait GuestOutput: Send + Sync {
    /// Returns the standard output of the guest that answers a request. `request` is the
    /// [number](crate::RequestRecord::id) of the request, or 0 if the guest is
    /// [tried](crate::Handler::try_instance).
    fn stdout(&self, request: u64) -> GuestStream;

    /// Returns the standard error of the guest that answers a request.
    fn stderr(&self, request: u64) -> GuestStream;
}
