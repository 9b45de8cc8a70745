//! What operators see of a command while it runs: the file of its trace.

mod trace_file;
#[cfg(unix)]
mod write_signal;

use crate::args::telemetry::TelemetryArgs;
use crate::terminal::stdio::note;
use anyhow::Context;
use localmap_telemetry::Telemetry;
use std::sync::Arc;

pub(super) use trace_file::TraceFile;

/// The telemetry of a command, until its end.
pub(super) struct Observation {
    telemetry: Telemetry,
    trace: Option<Arc<TraceFile>>,
}

impl Observation {
    /// Starts what the options ask for, if they do, before the command does anything that takes long.
    pub(super) fn start(args: &TelemetryArgs) -> anyhow::Result<Option<Self>> {
        let Some(options) = args.options()? else {
            return Ok(None);
        };
        let telemetry = Telemetry::new(options);
        let trace = match args.trace() {
            Some(path) => {
                let file = TraceFile::new(path, &telemetry)
                    .with_context(|| format!("--trace {}", path.display()))?;
                Some(Arc::new(file))
            }
            None => None,
        };
        #[cfg(unix)]
        if telemetry.keeps_spans() {
            write_signal::catch(trace.clone()).context("cannot catch SIGUSR1")?;
        }
        Ok(Some(Self { telemetry, trace }))
    }

    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Returns the file of the trace, if it is to be written.
    pub(super) fn trace(&self) -> Option<&Arc<TraceFile>> {
        self.trace.as_ref()
    }

    /// Ends telemetry with the command. A trace that cannot be written does not change its exit code.
    pub(super) fn end(self) {
        if let Some(Err(warning)) = self.trace.map(|trace| trace.write()) {
            note(warning);
        }
    }
}

/// Says to probes whether the command serves requests.
pub(super) fn set_ready(telemetry: Option<&Telemetry>, ready: bool) {
    if let Some(telemetry) = telemetry {
        telemetry.set_ready(ready);
    }
}
