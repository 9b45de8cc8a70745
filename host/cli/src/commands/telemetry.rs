//! What operators see of a command while it runs: its admin address, and the file of its trace.

mod trace_file;
#[cfg(unix)]
mod write_signal;

use crate::args::telemetry::TelemetryArgs;
use crate::terminal::stdio::note;
use anyhow::{Context, anyhow};
use localmap_telemetry::{AdminAddress, AdminError, AdminServer, Telemetry};
use std::io::ErrorKind;
use std::sync::Arc;

pub(super) use trace_file::TraceFile;
#[cfg(unix)]
pub(super) use write_signal::NO_EFFECT;

/// The maximum time for the last spans to be sent.
#[cfg(feature = "otlp")]
const FLUSH: std::time::Duration = std::time::Duration::from_secs(5);

/// The telemetry of a command, until its end.
pub(super) struct Observation {
    telemetry: Telemetry,
    trace: Option<Arc<TraceFile>>,
    /// Serves until it is dropped.
    _admin: Option<AdminServer>,
    #[cfg(feature = "otlp")]
    export: Option<localmap_telemetry::OtlpExport>,
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
        let admin = match args.admin() {
            Some(address) => {
                let admin = AdminServer::bind(address, &telemetry);
                Some(admin.map_err(|error| explain(error, address))?)
            }
            None => None,
        };
        #[cfg(feature = "otlp")]
        let export = match args.otlp() {
            Some(url) => {
                let export = telemetry.export_otlp(url);
                Some(export.with_context(|| format!("--otlp {url}"))?)
            }
            None => None,
        };
        #[cfg(unix)]
        write_signal::catch(trace.clone()).context("cannot catch SIGUSR1")?;
        if let Some(admin) = &admin {
            let address = admin.local_addr();
            match address.url() {
                Some(url) => note(format_args!("Admin on {url}")),
                None => note(format_args!("Admin on {address}")),
            }
        }
        Ok(Some(Self {
            telemetry,
            trace,
            _admin: admin,
            #[cfg(feature = "otlp")]
            export,
        }))
    }

    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Returns the file of the trace, if it is to be written.
    pub(super) fn trace(&self) -> Option<&Arc<TraceFile>> {
        self.trace.as_ref()
    }

    /// Ends telemetry with the command. What cannot be written or sent does not change its exit code.
    pub(super) fn end(self) {
        if let Some(Err(warning)) = self.trace.map(|trace| trace.write()) {
            note(warning);
        }
        #[cfg(feature = "otlp")]
        if let Some(Err(error)) = self.export.map(|export| export.shutdown(FLUSH)) {
            note(format_args!("Warning: --otlp: {error}"));
        }
    }
}

/// Adds what to do about an admin address that is not usable.
fn explain(error: AdminError, address: &AdminAddress) -> anyhow::Error {
    let hint = match &error {
        AdminError::Listen { source, .. } => match source.kind() {
            ErrorKind::AddrInUse => {
                ": another program listens there; choose another port, or port 0 for a free one"
            }
            ErrorKind::NotFound => ": its folder does not exist",
            ErrorKind::PermissionDenied => ": it is not allowed to",
            _ => "",
        },
        _ => "",
    };
    anyhow!(error).context(format!("cannot use --admin {address}{hint}"))
}

/// Says to probes whether the command serves requests.
pub(super) fn set_ready(telemetry: Option<&Telemetry>, ready: bool) {
    if let Some(telemetry) = telemetry {
        telemetry.set_ready(ready);
    }
}
