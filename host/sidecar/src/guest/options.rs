//! The options of guests, with their defaults.

use localmap_serve::{GuestOutput, SandboxConfig};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// The options of [`Guests`](crate::Guests).
///
/// ```
/// use localmap_serve::SandboxConfig;
/// use localmap_sidecar::GuestsOptions;
/// use std::time::Duration;
///
/// let sandbox = SandboxConfig::new()
///     .max_memory(16 << 20)
///     .timeout(Some(Duration::from_secs(1)));
/// let options = GuestsOptions::new().sandbox(sandbox).max_calls(16);
/// ```
#[derive(Clone)]
pub struct GuestsOptions {
    pub(super) sandbox: SandboxConfig,
    pub(super) max_calls: u32,
    pub(super) output: Option<Arc<dyn GuestOutput>>,
    pub(super) backtraces: bool,
    pub(super) runtime: Option<Handle>,
}

impl GuestsOptions {
    /// The time that a call may take, unless the sandbox has a
    /// [timeout](SandboxConfig::timeout): 30 s.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

    /// The number of host handles that a guest may hold, unless the sandbox has
    /// [another](SandboxConfig::max_handles): 10,000.
    pub const DEFAULT_MAX_HANDLES: usize = 10_000;

    /// Creates the default options. See [`GuestsOptions`] for an example.
    pub fn new() -> Self {
        Self {
            sandbox: with_handles(SandboxConfig::new()),
            max_calls: 64,
            output: None,
            backtraces: false,
            runtime: None,
        }
    }

    /// Sets the sandbox of each instance. Default: [`SandboxConfig::new`], with a timeout of
    /// [30 s](Self::DEFAULT_TIMEOUT) and at most [10,000 handles](Self::DEFAULT_MAX_HANDLES).
    #[must_use]
    pub fn sandbox(mut self, sandbox: SandboxConfig) -> Self {
        self.sandbox = with_handles(sandbox);
        self
    }

    /// Sets the maximum number of calls of all guests at a time, of which each has an instance. Further
    /// calls are answered with `RESOURCE_EXHAUSTED`. Default 64; 0 counts as 1.
    #[must_use]
    pub fn max_calls(mut self, calls: u32) -> Self {
        self.max_calls = calls.max(1);
        self
    }

    /// Sets where guests write. The number that it gets is that of the call, or 0 if a guest is
    /// [tried](crate::Guests::try_instances). Default: the outputs of the sandbox.
    #[must_use]
    pub fn output(mut self, output: Arc<dyn GuestOutput>) -> Self {
        self.output = Some(output);
        self
    }

    /// Sets whether [`Event::GuestFailed`](crate::Event::GuestFailed) has a backtrace if a guest traps.
    /// Default `false`.
    #[must_use]
    pub fn backtraces(mut self, wanted: bool) -> Self {
        self.backtraces = wanted;
        self
    }

    /// Sets the runtime on whose threads guests run. Its timer must be enabled. Default: the one that
    /// serves the sidecar.
    ///
    /// A guest that computes yields its thread every 10 ms only. With threads of their own, guests do not
    /// delay the calls into maps.
    #[must_use]
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }
}

fn with_handles(sandbox: SandboxConfig) -> SandboxConfig {
    let handles = sandbox.handle_limit();
    sandbox.max_handles(handles.unwrap_or(GuestsOptions::DEFAULT_MAX_HANDLES))
}

impl Default for GuestsOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for GuestsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestsOptions")
            .field("sandbox", &self.sandbox)
            .field("max_calls", &self.max_calls)
            .field("backtraces", &self.backtraces)
            .field("runtime", &self.runtime.is_some())
            .finish_non_exhaustive()
    }
}
