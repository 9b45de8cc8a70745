//! The export of spans and metrics by OTLP over gRPC, to a collector.
//!
//! A thread with a runtime of its own takes the spans once a second from a queue that is bounded: see
//! `Ring`. Operations only write to the queue. What a collector that is slow or away does not take is
//! counted and dropped.

mod counts;
mod error;
mod exporter;
mod metrics;
mod spans;

pub use error::OtlpError;

use crate::otlp::counts::Counts;
use crate::otlp::exporter::Exporter;
use crate::telemetry::Telemetry;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tonic::transport::Endpoint;

/// The maximum time of one request to the collector.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The export to a collector, until it is [shut down](Self::shutdown). If it is dropped instead, it ends
/// without sending what is left.
#[must_use = "the export ends when this is dropped"]
pub struct OtlpExport {
    counts: Arc<Counts>,
    stop: Option<oneshot::Sender<Instant>>,
    ended: mpsc::Receiver<Result<(), OtlpError>>,
}

impl Telemetry {
    /// Exports spans of requests and operations once a second, and metrics every 10 seconds, to a
    /// collector that speaks OTLP over gRPC without TLS: at an address such as `http://127.0.0.1:4317`, or
    /// at a Unix socket such as `unix:/run/collector.sock`. All operations are timed from then on. Spans of
    /// traces that are not sampled are left out.
    ///
    /// Nothing waits for the collector. If it is slow or away, spans are dropped and
    /// [counted](OtlpExport::lost_spans).
    ///
    /// ```no_run
    /// use localmap_telemetry::{Telemetry, TelemetryOptions};
    /// use std::time::Duration;
    ///
    /// let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true));
    /// let export = telemetry.export_otlp("http://127.0.0.1:4317")?;
    /// // … serve …
    /// export.shutdown(Duration::from_secs(5))?;
    /// # Ok::<(), localmap_telemetry::OtlpError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`OtlpError::InvalidEndpoint`] if the endpoint is not the address of a server without TLS;
    /// [`OtlpError::AlreadyExported`] if this is not the first call; or [`OtlpError::Start`] if the
    /// thread cannot be started. That the collector is away is not an error.
    pub fn export_otlp(&self, endpoint: &str) -> Result<OtlpExport, OtlpError> {
        let address = Endpoint::from_shared(endpoint.to_owned()).ok();
        let address = address.filter(|address| {
            let uri = address.uri();
            uri.scheme_str() == Some("http") && uri.host().is_some_and(|host| !host.is_empty())
        });
        let Some(address) = address else {
            let endpoint = endpoint.to_owned();
            return Err(OtlpError::InvalidEndpoint { endpoint });
        };
        let address = address
            .connect_timeout(REQUEST_TIMEOUT)
            .timeout(REQUEST_TIMEOUT);
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(OtlpError::Start)?;
        if !self.shared.trace.start_export() {
            return Err(OtlpError::AlreadyExported);
        }
        let counts = Arc::<Counts>::default();
        let (stop, stopped) = oneshot::channel();
        let (ending, ended) = mpsc::channel();
        let (shared, counted) = (Arc::clone(&self.shared), Arc::clone(&counts));
        let thread = thread::Builder::new().name("localmap-otlp".to_owned());
        let run = move || {
            let result = runtime
                .block_on(async { Exporter::new(shared, counted, &address).run(stopped).await });
            // Nobody waits if the export was dropped.
            ending.send(result).ok();
        };
        thread.spawn(run).map_err(OtlpError::Start)?;
        self.shared.looks.store(true, Ordering::Relaxed);
        Ok(OtlpExport {
            counts,
            stop: Some(stop),
            ended,
        })
    }
}

impl OtlpExport {
    /// Returns the number of spans that the collector has taken.
    pub fn exported_spans(&self) -> u64 {
        self.counts.exported.load(Ordering::Relaxed)
    }

    /// Returns the number of spans that were dropped, since the collector was too slow, away, or refused
    /// them.
    pub fn lost_spans(&self) -> u64 {
        self.counts.lost.load(Ordering::Relaxed)
    }

    /// Sends what is left, within a time limit, and ends the export. See [`Telemetry::export_otlp`] for
    /// an example.
    ///
    /// # Errors
    ///
    /// Returns [`OtlpError::Rejected`] if the collector does not take it, or [`OtlpError::TimedOut`] if
    /// it does not answer in time.
    pub fn shutdown(mut self, limit: Duration) -> Result<(), OtlpError> {
        let deadline = Instant::now() + limit;
        if let Some(stop) = self.stop.take() {
            // If the thread has ended, `ended` has its result.
            stop.send(deadline).ok();
        }
        let timed_out = OtlpError::TimedOut { limit };
        self.ended.recv_timeout(limit).unwrap_or(Err(timed_out))
    }
}

impl fmt::Debug for OtlpExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpExport")
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
