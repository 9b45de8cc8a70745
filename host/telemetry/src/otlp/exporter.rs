//! The task that sends spans and metrics to a collector.

use crate::otlp::counts::Counts;
use crate::otlp::error::OtlpError;
use crate::otlp::metrics;
use crate::otlp::spans::Converter;
use crate::shared::Shared;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, timeout_at};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// How often spans are sent.
const PERIOD: Duration = Duration::from_secs(1);

/// After how many periods metrics are sent.
const METRICS_PERIODS: u64 = 10;

/// The maximum number of spans in a request. With keys, it is then well below the 4 MiB that collectors
/// take.
const MAX_BATCH: usize = 1_000;

/// The maximum number of spans that wait for the collector.
const MAX_WAITING: usize = 32_768;

/// Sends spans and metrics.
pub(super) struct Exporter {
    shared: Arc<Shared>,
    counts: Arc<Counts>,
    converter: Converter,
    /// Spans that the collector has not taken yet.
    waiting: Vec<Span>,
    resource: Resource,
    traces: TraceServiceClient<Channel>,
    metrics: MetricsServiceClient<Channel>,
}

impl Exporter {
    /// Creates an exporter, in a runtime. Connects when there is something to send.
    pub(super) fn new(shared: Arc<Shared>, counts: Arc<Counts>, endpoint: &Endpoint) -> Self {
        let channel = endpoint.connect_lazy();
        Self {
            converter: Converter::new(&shared),
            waiting: Vec::new(),
            resource: metrics::resource(&shared),
            traces: TraceServiceClient::new(channel.clone()),
            metrics: MetricsServiceClient::new(channel),
            shared,
            counts,
        }
    }

    /// Sends until it is stopped. Then sends what is left, until the given time.
    pub(super) async fn run(
        mut self,
        mut stopped: oneshot::Receiver<Instant>,
    ) -> Result<(), OtlpError> {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut periods = 0;
        let deadline = loop {
            let round = async {
                ticks.tick().await;
                // Errors are of no interest until the end: what was not sent is sent later or counted.
                self.send_spans().await.ok();
                if periods % METRICS_PERIODS == 0 {
                    self.send_metrics().await.ok();
                }
                periods += 1;
            };
            // A request that is cut off is made again at the end.
            tokio::select! {
                biased;
                deadline = &mut stopped => break deadline,
                () = round => {}
            }
        };
        let Ok(deadline) = deadline else {
            return Ok(());
        };
        let limit = deadline.saturating_duration_since(Instant::now());
        let last = async {
            self.send_spans().await?;
            self.send_metrics().await
        };
        match timeout_at(deadline.into(), last).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(status)) => {
                let message = format!("{:?}: {}", status.code(), status.message());
                Err(OtlpError::Rejected { message })
            }
            Err(_) => Err(OtlpError::TimedOut { limit }),
        }
    }

    /// Sends all spans that there are.
    async fn send_spans(&mut self) -> Result<(), Status> {
        let lost = self.converter.take(&self.shared, &mut self.waiting);
        self.lost(lost);
        let excess = self.waiting.len().saturating_sub(MAX_WAITING);
        self.waiting.drain(..excess);
        self.lost(excess as u64);
        while !self.waiting.is_empty() {
            let len = self.waiting.len().min(MAX_BATCH);
            let result = self.traces.export(self.spans(len)).await;
            let refused = match result {
                Ok(response) => {
                    let partial = response.into_inner().partial_success;
                    let refused = partial.map_or(0, |partial| partial.rejected_spans);
                    u64::try_from(refused).unwrap_or_default().min(len as u64)
                }
                // They stay until the collector is back.
                Err(status) if is_temporary(&status) => return Err(status),
                Err(status) => {
                    self.waiting.drain(..len);
                    self.lost(len as u64);
                    return Err(status);
                }
            };
            self.waiting.drain(..len);
            self.lost(refused);
            let exported = &self.counts.exported;
            exported.fetch_add(len as u64 - refused, Ordering::Relaxed);
        }
        Ok(())
    }

    fn lost(&self, spans: u64) {
        self.counts.lost.fetch_add(spans, Ordering::Relaxed);
    }

    fn spans(&self, len: usize) -> ExportTraceServiceRequest {
        let spans = self.waiting.iter().take(len).cloned().collect();
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: vec![ScopeSpans {
                    scope: Some(scope()),
                    spans,
                    schema_url: String::new(),
                }],
                schema_url: String::new(),
            }],
        }
    }

    async fn send_metrics(&mut self) -> Result<(), Status> {
        let metrics = metrics::read(&self.shared, &self.counts);
        let request = ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(self.resource.clone()),
                scope_metrics: vec![ScopeMetrics {
                    scope: Some(scope()),
                    metrics,
                    schema_url: String::new(),
                }],
                schema_url: String::new(),
            }],
        };
        self.metrics.export(request).await.map(drop)
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

/// Returns `true` if the same request may succeed later, by the
/// [specification](https://opentelemetry.io/docs/specs/otlp/#failures).
fn is_temporary(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss
    )
}
