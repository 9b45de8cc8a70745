//! The options of telemetry, with their bounds and defaults.

/// The options of a [`Telemetry`](crate::Telemetry).
///
/// ```
/// use localmap_telemetry::TelemetryOptions;
///
/// let options = TelemetryOptions::new().metrics(true).named_tenants(20).trace_spans(100_000);
/// ```
#[derive(Debug, Clone)]
pub struct TelemetryOptions {
    pub(crate) metrics: bool,
    pub(crate) named_tenants: usize,
    pub(crate) trace_spans: usize,
    pub(crate) trace_keys: bool,
}

impl TelemetryOptions {
    /// Creates options that measure nothing. See [`TelemetryOptions`] for an example.
    pub fn new() -> Self {
        Self {
            metrics: false,
            named_tenants: 100,
            trace_spans: 0,
            trace_keys: false,
        }
    }

    /// Sets whether operations and requests are counted and timed. Default: `false`.
    #[must_use]
    pub fn metrics(mut self, metrics: bool) -> Self {
        self.metrics = metrics;
        self
    }

    /// Sets how many tenants have metrics of their own, by name: the first ones. The rest are added up
    /// as `other`. Default 100.
    #[must_use]
    pub fn named_tenants(mut self, tenants: usize) -> Self {
        self.named_tenants = tenants;
        self
    }

    /// Sets how many spans of requests and operations are kept, the last ones. Default 0: none.
    #[must_use]
    pub fn trace_spans(mut self, spans: usize) -> Self {
        self.trace_spans = spans;
        self
    }

    /// Sets whether spans have the keys of operations. Default: `false`; they have their lengths and
    /// hashes.
    #[must_use]
    pub fn trace_keys(mut self, keys: bool) -> Self {
        self.trace_keys = keys;
        self
    }
}

impl Default for TelemetryOptions {
    fn default() -> Self {
        Self::new()
    }
}
