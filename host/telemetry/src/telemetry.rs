//! The telemetry of a program: what it observes, and what it shows.

use crate::guard::GuardSample;
use crate::map_observer::MapObserver;
use crate::mirrors::MirrorSample;
use crate::names::TenantId;
use crate::options::TelemetryOptions;
use crate::protocol::Protocol;
use crate::request::Request;
use crate::sampler;
use crate::shared::Shared;
use crate::tenants_observer::ClassObserver;
use crate::trace_parent::TraceParent;
use localmap::{Host, LocalMap, Observer, Tenants, TenantsObserver};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

/// Observes the maps, the tenants and the requests of a program. Clones share the same state.
///
/// ```
/// use localmap::{Host, TenantClass, Tenants, TenantsOptions};
/// use localmap_telemetry::{Telemetry, TelemetryOptions};
///
/// let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true));
/// let host = Host::new()?;
/// let options = TenantsOptions::new()
///     .class(TenantClass::new("all"))
///     .observer(telemetry.tenants_observer());
/// let tenants = Tenants::new(&host, options)?;
/// telemetry.watch_host(&host);
/// telemetry.watch_tenants(&tenants);
/// tenants.checkout(b"alice")?.get(b"k")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Telemetry {
    pub(crate) shared: Arc<Shared>,
}

impl Telemetry {
    /// Creates telemetry that observes nothing yet. See [`Telemetry`] for an example.
    pub fn new(options: TelemetryOptions) -> Self {
        let telemetry = Self {
            shared: Arc::new(Shared::new(options)),
        };
        if telemetry.keeps_spans() {
            sampler::start(&telemetry.shared);
        }
        telemetry
    }

    /// Returns an observer for maps that belong to no tenant, for
    /// [`MapOptions::observer`](localmap::MapOptions::observer). `class` is their label in metrics, such
    /// as `server`.
    pub fn observer(&self, class: &str) -> Arc<dyn Observer> {
        Arc::new(MapObserver::new(&self.shared, class, TenantId::default()))
    }

    /// Returns an observer of tenants, for
    /// [`TenantsOptions::observer`](localmap::TenantsOptions::observer). See [`Telemetry`] for an
    /// example.
    pub fn tenants_observer(&self) -> Arc<dyn TenantsObserver> {
        Arc::new(ClassObserver::new(&self.shared))
    }

    /// Reports the numbers of live maps, of those that have ended, and of denied memory of a host. See
    /// [`Telemetry`] for an example.
    pub fn watch_host(&self, host: &Host) {
        self.shared.surveyor.watch_host(host);
    }

    /// Reports the statistics of tenants. See [`Telemetry`] for an example.
    pub fn watch_tenants(&self, tenants: &Tenants) {
        self.shared.surveyor.watch_tenants(tenants);
    }

    /// Reports the statistics of a map that belongs to no tenant, as long as it is there.
    pub fn watch_map(&self, class: &str, map: &Arc<Mutex<LocalMap>>) {
        self.shared.surveyor.watch_map(class, map);
    }

    /// Reports what mirrors of other stores say about themselves. `ask` is called for each reading of the
    /// metrics, on the thread that reads them. May be called for several groups of mirrors, whose names must
    /// differ.
    ///
    /// ```
    /// use localmap_telemetry::{MirrorSample, Telemetry, TelemetryOptions};
    ///
    /// let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true));
    /// telemetry.watch_mirrors(|| {
    ///     vec![MirrorSample {
    ///         name: "config".to_owned(),
    ///         state: "live".to_owned(),
    ///         entries: 3,
    ///         ..MirrorSample::default()
    ///     }]
    /// });
    /// # #[cfg(feature = "metrics")]
    /// # {
    /// let text = String::from_utf8(telemetry.render_metrics("").body)?;
    /// assert!(text.contains("localmap_mirror_entries{mirror=\"config\"} 3"));
    /// # }
    /// # Ok::<(), std::string::FromUtf8Error>(())
    /// ```
    pub fn watch_mirrors(&self, ask: impl Fn() -> Vec<MirrorSample> + Send + Sync + 'static) {
        self.shared.mirrors.add(ask);
    }

    /// Reports what the guard of a server says about itself. `ask` is called for each reading of the metrics, on the
    /// thread that reads them. A later call takes the place of an earlier one.
    ///
    /// ```
    /// use localmap_telemetry::{GuardSample, Telemetry, TelemetryOptions};
    ///
    /// let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true));
    /// telemetry.watch_guard(|| GuardSample {
    ///     available: true,
    ///     acquired: 3,
    ///     ..GuardSample::default()
    /// });
    /// # #[cfg(feature = "metrics")]
    /// # {
    /// let text = String::from_utf8(telemetry.render_metrics("").body)?;
    /// assert!(text.contains("localmap_guard_acquired_total 3"));
    /// # }
    /// # Ok::<(), std::string::FromUtf8Error>(())
    /// ```
    pub fn watch_guard(&self, ask: impl Fn() -> GuardSample + Send + Sync + 'static) {
        self.shared.guard.set(ask);
    }

    /// Begins a request. `method` is that of HTTP, or the name of a call of gRPC. `parent` is its header
    /// `traceparent`.
    pub fn begin_request(
        &self,
        protocol: Protocol,
        method: &str,
        parent: Option<TraceParent>,
    ) -> Request {
        let number = self.shared.next_request();
        Request::begin(&self.shared, number, protocol, method, parent)
    }

    /// Returns `true` if spans are kept, so that there is a [trace](Self::write_trace).
    pub fn keeps_spans(&self) -> bool {
        self.shared.trace.keeps_spans()
    }

    /// Writes the last spans of requests and operations, and what tenants held meanwhile, as JSON in the
    /// Trace Event Format, which [Perfetto](https://ui.perfetto.dev) and `chrome://tracing` open. Nothing
    /// waits for it. Without [spans](TelemetryOptions::trace_spans) the trace is empty.
    ///
    /// ```
    /// use localmap_telemetry::{Telemetry, TelemetryOptions};
    ///
    /// let telemetry = Telemetry::new(TelemetryOptions::new().trace_spans(10_000));
    /// let mut json = Vec::new();
    /// telemetry.write_trace(&mut json)?;
    /// assert!(json.starts_with(b"{"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the error of `out`.
    pub fn write_trace(&self, out: &mut impl io::Write) -> io::Result<()> {
        if self.keeps_spans() {
            self.shared.sample();
        }
        let Shared {
            trace,
            names,
            clock,
            ..
        } = &*self.shared;
        trace.write(out, names, clock)
    }

    /// Sets whether the program serves requests, for `/readyz`. Default: `false`.
    pub fn set_ready(&self, ready: bool) {
        self.shared.set_ready(ready);
    }

    /// Returns `true` if the program serves requests.
    pub fn is_ready(&self) -> bool {
        self.shared.is_ready()
    }
}

impl Default for Telemetry {
    /// Creates telemetry that observes nothing but has the probes: see
    /// [`TelemetryOptions::new`].
    fn default() -> Self {
        Self::new(TelemetryOptions::new())
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}
