//! Options for creating a `Handler`.

use crate::guest_output::GuestOutput;
use crate::log::LogSink;
use crate::map_scope::MapScope;
use crate::reuse::Reuse;
use crate::sandbox::SandboxConfig;
use localmap::{Buckets, Limits, Preload, TenantsOptions, WriteRule};
use localmap_lease::Guard;
use localmap_telemetry::Telemetry;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Options for creating a [`Handler`](crate::Handler). The example shows how to chain the methods.
///
/// ```
/// use localmap::Limits;
/// use localmap_serve::{HandlerOptions, MapScope};
///
/// let options = HandlerOptions::new()
///     .map_scope(MapScope::Server)
///     .limits(Limits::default().max_entries(10_000));
/// ```
#[derive(Clone)]
pub struct HandlerOptions {
    pub(crate) map_scope: Option<MapScope>,
    pub(crate) idle_timeout: Duration,
    pub(crate) tenants: Option<TenantsOptions>,
    pub(crate) max_maps: u32,
    pub(crate) max_requests: u32,
    pub(crate) reuse: Option<Reuse>,
    pub(crate) limits: Limits,
    pub(crate) entries: Vec<Preload>,
    pub(crate) write_rule: Option<Arc<dyn WriteRule>>,
    pub(crate) buckets: Buckets,
    pub(crate) sandbox: SandboxConfig,
    pub(crate) output: Option<Arc<dyn GuestOutput>>,
    pub(crate) log: Option<Arc<dyn LogSink>>,
    pub(crate) backtraces: bool,
    pub(crate) telemetry: Option<Telemetry>,
    pub(crate) guard: Option<Guard>,
}

impl HandlerOptions {
    /// Creates the default options.
    pub fn new() -> Self {
        Self {
            map_scope: None,
            idle_timeout: Duration::from_secs(300),
            tenants: None,
            max_maps: 1_000,
            max_requests: 1_000,
            reuse: None,
            limits: Limits::default(),
            entries: Vec::new(),
            write_rule: None,
            buckets: Buckets::new(),
            sandbox: SandboxConfig::new(),
            output: None,
            log: None,
            backtraces: false,
            telemetry: None,
            guard: None,
        }
    }

    /// Sets the scope of a map, with which it ends. Default: [`MapScope::default_for`] the guest.
    #[must_use]
    pub fn map_scope(mut self, scope: MapScope) -> Self {
        self.map_scope = Some(scope);
        self
    }

    /// Sets how long an unused map of [`MapScope::Header`] is kept. Default 5 minutes.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets the classes and the quotas of the tenants of [`MapScope::Header`], whose names are the
    /// values of the header. Default: one class, whose maps have the [limits](Self::limits), the
    /// [entries](Self::entries), the [rule](Self::write_rule) and the
    /// [idle timeout](Self::idle_timeout) of these options.
    ///
    /// A request counts as one operation of its tenant, however often its guest calls the map. These
    /// requests get no response from a guest:
    ///
    /// | status | the tenant |
    /// |---|---|
    /// | 403 | belongs to no class |
    /// | 429, with `retry-after` | has used up its [rate](localmap::TenantClass::rate_limit) |
    /// | 503 | finds no place, or too few bytes |
    ///
    /// A class has one [shard](localmap::TenantClass::shards_per_tenant) per tenant.
    ///
    /// ```
    /// use localmap::{RateLimit, TenantClass, TenantsOptions};
    /// use localmap_serve::{HandlerOptions, MapScope};
    ///
    /// let class = TenantClass::new("all").rate_limit(RateLimit::per_second(100));
    /// let options = HandlerOptions::new()
    ///     .map_scope("header:x-tenant".parse()?)
    ///     .tenants(TenantsOptions::new().class(class));
    /// # Ok::<(), localmap_serve::ParseMapScopeError>(())
    /// ```
    #[must_use]
    pub fn tenants(mut self, tenants: TenantsOptions) -> Self {
        self.tenants = Some(tenants);
        self
    }

    /// Sets the maximum number of live maps. A request that needs one more is answered with 503,
    /// and no other map is dropped. Default 1,000.
    #[must_use]
    pub fn max_maps(mut self, maps: u32) -> Self {
        self.max_maps = maps;
        self
    }

    /// Sets the maximum number of requests answered at the same time. Further requests are
    /// answered with 503. Default 1,000.
    #[must_use]
    pub fn max_requests(mut self, requests: u32) -> Self {
        self.max_requests = requests;
        self
    }

    /// Lets an instance of the guest answer several requests. Default: each request has an instance
    /// of its own.
    ///
    /// The scope of the maps must be another than [`MapScope::Request`], and [`MapScope::Server`] if
    /// the guest imports no map. An instance answers only requests that share a map. These then
    /// share the memory of the guest too, and its failures: if it traps, all requests of the
    /// instance fail, and if it computes for long, all of them wait.
    ///
    /// ```
    /// use localmap_serve::{HandlerOptions, MapScope, Reuse};
    ///
    /// let options = HandlerOptions::new()
    ///     .map_scope(MapScope::Server)
    ///     .reuse(Reuse::new(128).concurrent(16));
    /// ```
    #[must_use]
    pub fn reuse(mut self, reuse: Reuse) -> Self {
        self.reuse = Some(reuse);
        self
    }

    /// Sets the limits of each map. Default: [`Limits::default`], with
    /// [`Limits::for_buckets`] if the guest imports `wasi:keyvalue`.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the initial entries of each map. Default: none.
    #[must_use]
    pub fn entries(mut self, entries: Vec<Preload>) -> Self {
        self.entries = entries;
        self
    }

    /// Sets the rule that decides which writes of the guest its maps accept, in addition to their
    /// limits. Default: all that fit the limits. It does not apply to the initial entries.
    #[must_use]
    pub fn write_rule(mut self, rule: Arc<dyn WriteRule>) -> Self {
        self.write_rule = Some(rule);
        self
    }

    /// Sets the options for the buckets of a guest that imports `wasi:keyvalue`. Default:
    /// [`Buckets::new`].
    #[must_use]
    pub fn buckets(mut self, buckets: Buckets) -> Self {
        self.buckets = buckets;
        self
    }

    /// Sets the sandbox of each guest. Default: [`SandboxConfig::new`].
    #[must_use]
    pub fn sandbox(mut self, sandbox: SandboxConfig) -> Self {
        self.sandbox = sandbox;
        self
    }

    /// Sets where guests write. Default: the [`stdout`](SandboxConfig::stdout) and the
    /// [`stderr`](SandboxConfig::stderr) of their sandbox.
    #[must_use]
    pub fn guest_output(mut self, output: Arc<dyn GuestOutput>) -> Self {
        self.output = Some(output);
        self
    }

    /// Sets whether the record of a request whose guest traps has a
    /// [backtrace](crate::RequestRecord::backtrace). Default `false`.
    #[must_use]
    pub fn backtraces(mut self, wanted: bool) -> Self {
        self.backtraces = wanted;
        self
    }

    /// Sets the log to which requests are reported. Default: none.
    #[must_use]
    pub fn log(mut self, log: Arc<dyn LogSink>) -> Self {
        self.log = Some(log);
        self
    }

    /// Observes the requests, the maps and the tenants, and watches their host. Default: nothing is
    /// observed, which costs nothing.
    ///
    /// | scope of the maps | their class in metrics | tenants |
    /// |---|---|---|
    /// | [`MapScope::Request`] | `request` | |
    /// | [`MapScope::Connection`] | `connection` | |
    /// | [`MapScope::Server`] | `server` | |
    /// | [`MapScope::Header`] | that of the tenant, or `default` | the values of the header |
    ///
    /// Values of `authorization`, `cookie` and `proxy-authorization` are secret: maps of these headers
    /// belong to no tenant. An [observer](TenantsOptions::observer) of the tenants is replaced.
    ///
    /// The operations of a guest are those of its request, unless [`reuse`](Self::reuse) lets an
    /// instance answer several requests at a time: then it is not known to which of them an operation
    /// belongs. An operation that a guest makes after its response is still one of its request.
    ///
    /// A request goes on in the trace of its header `traceparent`. If telemetry has spans, its guest gets
    /// the header with the span of this request, and otherwise as it is. A request that the guest sends
    /// without such a header gets it, and the header `tracestate`, unless its instance answers several
    /// requests at a time.
    ///
    /// ```
    /// use localmap_serve::HandlerOptions;
    /// use localmap_telemetry::{Telemetry, TelemetryOptions};
    ///
    /// let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true));
    /// let options = HandlerOptions::new().telemetry(telemetry);
    /// ```
    #[must_use]
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        self.telemetry = Some(telemetry);
        self
    }

    /// Sets a guard, with whose locks requests take turns. Default: none.
    ///
    /// A request that needs a lock is given to its guest once it has it. It keeps the lock until its guest
    /// has ended, which has then written its response; a client that reads slowly does not keep it for
    /// longer than the [timeout](SandboxConfig::timeout). The guest finds the token of the lock, a
    /// decimal number, in the header `localmap-fence`, which no client can set: it is removed from what
    /// clients send.
    ///
    /// If the lease of the lock ends before, the guest is stopped, with its store, and the client gets 503,
    /// or a response that is cut off. If [`reuse`](Self::reuse) lets an instance answer several requests,
    /// all of its requests end then. A guest that a client has left keeps its lock until it ends.
    ///
    /// Requests that wait for a lock do not count as [requests at a time](Self::max_requests), and have no
    /// map, unless it is that of a [header](MapScope::Header), whose tenant must be allowed to do something
    /// first. [`LockLimits`](localmap_lease::LockLimits) bound them. What they wait does not count towards
    /// the [timeout](SandboxConfig::timeout).
    ///
    /// ```
    /// use localmap_lease::{Guard, LockLimits, Locks, Otherwise, Rule, Rules};
    /// use localmap_serve::{HandlerOptions, MapScope};
    ///
    /// let rules = Rules::new(Otherwise::Pass).rule(Rule::new("/documents/{name}", "{name}")?);
    /// let guard = Guard::new(Locks::in_process(LockLimits::default()), rules);
    /// let options = HandlerOptions::new().map_scope(MapScope::Server).guard(guard);
    /// # Ok::<(), localmap_lease::RulesError>(())
    /// ```
    #[must_use]
    pub fn guard(mut self, guard: Guard) -> Self {
        self.guard = Some(guard);
        self
    }
}

impl Default for HandlerOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HandlerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerOptions")
            .field("map_scope", &self.map_scope)
            .field("idle_timeout", &self.idle_timeout)
            .field("max_maps", &self.max_maps)
            .field("max_requests", &self.max_requests)
            .field("reuse", &self.reuse)
            .field("limits", &self.limits)
            .field("entries", &self.entries.len())
            .field("sandbox", &self.sandbox)
            .field("backtraces", &self.backtraces)
            .field("telemetry", &self.telemetry)
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}
