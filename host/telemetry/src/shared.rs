//! What all parts of a telemetry share.

use crate::clock::Clock;
use crate::guard::WatchedGuard;
use crate::ids::Ids;
use crate::metrics::Metrics;
use crate::mirrors::WatchedMirrors;
use crate::names::Names;
use crate::options::TelemetryOptions;
use crate::overview::Overview;
use crate::survey::Surveyor;
use crate::trace::Trace;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The number of tenants whose names traces and probes tell.
const MAX_NAMES: usize = 65_536;

/// What all parts share.
pub(crate) struct Shared {
    pub(crate) options: TelemetryOptions,
    pub(crate) clock: Clock,
    pub(crate) names: Names,
    pub(crate) ids: Ids,
    pub(crate) metrics: Metrics,
    pub(crate) trace: Trace,
    /// Whether operations are to be timed, whether or not somebody listens to probes.
    pub(crate) looks: AtomicBool,
    pub(crate) surveyor: Surveyor,
    pub(crate) mirrors: WatchedMirrors,
    pub(crate) guard: WatchedGuard,
    ready: AtomicBool,
    last_request: AtomicU64,
}

impl Shared {
    pub(crate) fn new(options: TelemetryOptions) -> Self {
        let trace = Trace::new(&options);
        let looks = options.metrics | trace.keeps_spans();
        // Without either, only probes read it, and the program begins sooner.
        let clock = if looks {
            Clock::of_processor()
        } else {
            Clock::of_system()
        };
        Self {
            looks: looks.into(),
            trace,
            surveyor: Surveyor::new(clock.clone(), options.named_tenants),
            mirrors: WatchedMirrors::default(),
            guard: WatchedGuard::default(),
            options,
            clock,
            names: Names::new(MAX_NAMES),
            ids: Ids::new(),
            metrics: Metrics::default(),
            ready: AtomicBool::new(false),
            last_request: AtomicU64::new(0),
        }
    }

    /// Returns statistics of all maps that are at most about a second old.
    pub(crate) fn overview(&self) -> Arc<Overview> {
        self.surveyor.overview(&self.metrics)
    }

    /// Returns the time since the telemetry began, in nanoseconds.
    pub(crate) fn now(&self) -> u64 {
        self.clock.nanos(self.clock.raw())
    }

    /// Returns the number of a new request. It is never 0.
    pub(crate) fn next_request(&self) -> u64 {
        self.last_request.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// Returns `true` if the program serves requests.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Returns `true` if operations are to be timed, whether or not somebody listens to probes.
    #[inline]
    pub(crate) fn looks(&self) -> bool {
        self.looks.load(Ordering::Relaxed)
    }
}
