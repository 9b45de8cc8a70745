//! The options of a sidecar, with their bounds and defaults.

use crate::event::EventSink;
use crate::guest::Guests;
use localmap::WriteRule;
use localmap_telemetry::Telemetry;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The maximum length of a message of gRPC in bytes, in both directions: 4,194,304 (4 MiB), the
/// default of clients.
pub const MAX_MESSAGE_LEN: usize = 4 << 20;

/// The maximum of [`Limits::max_value`](localmap::Limits#structfield.max_value) of maps in a sidecar, in
/// bytes: 4,193,536, so that an entry fits into a message with its key and what is around them.
pub const MAX_VALUE_LEN: u64 = (4 << 20) - 768;

/// The options of a [`Sidecar`](crate::Sidecar).
///
/// ```
/// use localmap_sidecar::SidecarOptions;
/// use std::time::Duration;
///
/// let options = SidecarOptions::new()
///     .allow_uid(1000)
///     .max_connections(16)
///     .ack_timeout(Duration::from_secs(10));
/// ```
#[derive(Clone)]
pub struct SidecarOptions {
    pub(crate) allowed_uids: BTreeSet<u32>,
    pub(crate) max_connections: usize,
    pub(crate) max_mirrors: usize,
    pub(crate) max_all_mirrors: usize,
    pub(crate) journal_bytes: usize,
    pub(crate) ack_timeout: Duration,
    pub(crate) rule: Option<Arc<dyn WriteRule>>,
    pub(crate) events: Option<Arc<dyn EventSink>>,
    pub(crate) guests: Option<Arc<Guests>>,
    pub(crate) telemetry: Option<Telemetry>,
}

impl SidecarOptions {
    /// Creates the default options. See [`SidecarOptions`] for an example.
    pub fn new() -> Self {
        Self {
            allowed_uids: BTreeSet::new(),
            max_connections: 64,
            max_mirrors: 16,
            max_all_mirrors: 64,
            journal_bytes: 8 << 20,
            ack_timeout: Duration::from_secs(60),
            rule: None,
            events: None,
            guests: None,
            telemetry: None,
        }
    }

    /// Allows processes of this user to connect, in addition to those of the user that runs the
    /// sidecar. Default: none. The [mode](crate::Socket::bind) of the socket must allow it, too.
    #[must_use]
    pub fn allow_uid(mut self, uid: u32) -> Self {
        self.allowed_uids.insert(uid);
        self
    }

    /// Sets the maximum number of connections. Default 64; 0 counts as 1.
    ///
    /// One more connection takes the place of the one that has been idle for longest. If none is idle, it
    /// may only ask whether the sidecar is serving, as probes do; other calls are answered with
    /// `RESOURCE_EXHAUSTED`.
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// Sets the maximum number of mirrors of a map. Default 16.
    #[must_use]
    pub fn max_mirrors(mut self, mirrors: usize) -> Self {
        self.max_mirrors = mirrors;
        self
    }

    /// Sets the maximum number of mirrors of all maps together. Default 64.
    #[must_use]
    pub fn max_all_mirrors(mut self, mirrors: usize) -> Self {
        self.max_all_mirrors = mirrors;
        self
    }

    /// Sets the size of the journal of a map that is mirrored, in bytes: the length of each key that
    /// has changed, and 128 for each of them. Default 8,388,608 (8 MiB).
    ///
    /// A mirror that falls behind by more compares what it holds with the map.
    #[must_use]
    pub fn journal_bytes(mut self, bytes: usize) -> Self {
        self.journal_bytes = bytes;
        self
    }

    /// Sets how long the sidecar waits for the acknowledgement of a mirror. Default 60 s. Then the
    /// stream ends, and the mirror can resume.
    #[must_use]
    pub fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.ack_timeout = timeout;
        self
    }

    /// Sets a rule for the writes of peers, such as a schema. A write that it does not accept is
    /// answered with a rejection. Default: none.
    ///
    /// It is called before the map is. Set it in
    /// [`MapOptions::write_rule`](localmap::MapOptions::write_rule), too, if guests write to the maps.
    #[must_use]
    pub fn write_rule(mut self, rule: Arc<dyn WriteRule>) -> Self {
        self.rule = Some(rule);
        self
    }

    /// Hosts guests, which peers call with `CallGuest`. Default: none.
    ///
    /// Their writes fit the [rule](localmap::MapOptions::write_rule) of the maps.
    #[must_use]
    pub fn guests(mut self, guests: Guests) -> Self {
        self.guests = Some(Arc::new(guests));
        self
    }

    /// Reports events. Default: they are not reported.
    #[must_use]
    pub fn events(mut self, sink: Arc<dyn EventSink>) -> Self {
        self.events = Some(sink);
        self
    }

    /// Observes the calls, and of which call the operations are. Default: nothing is observed, which
    /// costs nothing.
    ///
    /// A stream is one call, whose end is that of the stream. A call goes on in the trace of its metadata
    /// `traceparent`, and so do the HTTP requests of the guest that it calls. To observe the tenants,
    /// too, set [`TenantsOptions::observer`](localmap::TenantsOptions::observer), and
    /// [watch](Telemetry::watch_tenants) them.
    ///
    /// ```
    /// use localmap_sidecar::SidecarOptions;
    /// use localmap_telemetry::{Telemetry, TelemetryOptions};
    ///
    /// let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true));
    /// let options = SidecarOptions::new().telemetry(telemetry);
    /// ```
    #[must_use]
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        self.telemetry = Some(telemetry);
        self
    }
}

impl Default for SidecarOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SidecarOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SidecarOptions")
            .field("allowed_uids", &self.allowed_uids)
            .field("max_connections", &self.max_connections)
            .field("max_mirrors", &self.max_mirrors)
            .field("max_all_mirrors", &self.max_all_mirrors)
            .field("journal_bytes", &self.journal_bytes)
            .field("ack_timeout", &self.ack_timeout)
            .field("rule", &self.rule.is_some())
            .field("guests", &self.guests)
            .field("telemetry", &self.telemetry)
            .finish_non_exhaustive()
    }
}
