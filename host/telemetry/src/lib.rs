//! Metrics, probes, traces and a page to look at, for programs with thousands of key-value maps.
//!
//! A [`Telemetry`] observes the maps and the tenants of [`localmap`], and the requests of a server that
//! reports them. It costs next to nothing while nobody looks.
//!
//! # Features
//!
//! - `admin`, on by default: an [address](AdminServer) for operators, with metrics, JSON and a page.
//! - `metrics`, part of `admin`: [metrics](Telemetry::render_metrics) for Prometheus.
//! - `probes`, on by default: USDT probes, on Linux.
//! - `otlp`: the export of metrics and spans to a collector, `Telemetry::export_otlp`.

#![cfg_attr(
    not(feature = "admin"),
    allow(dead_code, reason = "the admin address reads most of it")
)]

#[cfg(feature = "admin")]
mod admin;
mod clock;
#[cfg(feature = "metrics")]
mod exposition;
mod families;
mod family;
mod guard;
mod ids;
mod map_observer;
mod metrics;
mod mirrors;
mod names;
mod options;
#[cfg(feature = "otlp")]
mod otlp;
mod overview;
mod probes;
mod process;
mod protocol;
mod request;
mod sampler;
mod shared;
mod survey;
mod telemetry;
mod tenants_observer;
mod trace;
mod trace_parent;

#[cfg(feature = "admin")]
pub use admin::{AdminAddress, AdminError, AdminServer, ParseAdminAddressError};
#[cfg(feature = "metrics")]
pub use exposition::RenderedMetrics;
pub use guard::GuardSample;
pub use mirrors::MirrorSample;
pub use options::TelemetryOptions;
#[cfg(feature = "otlp")]
pub use otlp::{OtlpError, OtlpExport};
pub use protocol::Protocol;
pub use request::Request;
pub use telemetry::Telemetry;
pub use trace_parent::{ParseTraceParentError, TraceParent};

/// Runs the example of the README as a test.
#[cfg(all(doctest, feature = "admin"))]
#[doc = include_str!("../README.md")]
struct Readme;
