//! Reasons why a request gets no response from its guest.

use crate::error::{InstanceError, MapError};
use hyper::StatusCode;
use localmap::wasmtime::{Error, PoolConcurrencyLimitError, Trap, WasmBacktrace};
use localmap::{CheckoutError, Denied, MapTerminated};
use localmap_lease::Refusal;
use std::fmt;
use std::io;
use std::time::Duration;
use wasmtime_wasi::I32Exit;

/// When a client may try again if the server is at capacity.
const SOON: Duration = Duration::from_secs(1);

/// The reason why a request gets no response from its guest.
#[derive(Clone)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    /// The text for the log.
    pub(crate) cause: String,
    /// The backtrace of a guest that has trapped.
    pub(crate) backtrace: Option<String>,
    /// When the client may try again, if that is known.
    pub(crate) retry_after: Option<Duration>,
    /// The refusal of the guard, if it is one.
    pub(crate) refusal: Option<Box<Refusal>>,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, cause: impl Into<String>) -> Self {
        let cause = cause.into();
        Self {
            status,
            cause,
            backtrace: None,
            retry_after: (status == StatusCode::SERVICE_UNAVAILABLE).then_some(SOON),
            refusal: None,
        }
    }

    /// Creates a failure of the guest.
    pub(crate) fn of_guest(cause: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, cause)
    }

    /// Creates the failure of a guest that ended without a response.
    pub(crate) fn no_response() -> Self {
        Self::of_guest("the guest returned no response")
    }

    /// Creates the failure of a guest that returned an error instead of a response.
    pub(crate) fn of_error_code(code: &impl fmt::Debug) -> Self {
        Self::of_guest(format!("the guest returned the error {code:?}"))
    }

    /// Creates a failure of the guest from an error of Wasmtime.
    pub(crate) fn of_call(error: &Error) -> Self {
        if is_out_of_memory(error.root_cause()) {
            let cause = "too little address space or memory for another instance";
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, cause);
        }
        // Tasks of WASI 0.3 that wait have taken all stacks.
        if let Some(limit) = error.downcast_ref::<PoolConcurrencyLimitError>() {
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, limit.to_string());
        }
        let exited = error.is::<I32Exit>();
        Self {
            backtrace: (!exited).then(|| backtrace(error)).flatten(),
            ..Self::of_guest(cause(error))
        }
    }

    pub(crate) fn of_map(error: &MapError) -> Self {
        match error {
            MapError::HeaderMissing { .. } | MapError::HeaderRepeated { .. } => {
                Self::new(StatusCode::BAD_REQUEST, error.to_string())
            }
            MapError::HeaderTooLong(_) => Self::new(StatusCode::BAD_REQUEST, chain(error)),
            MapError::TooManyMaps { .. } | MapError::TooManyTenants { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
            MapError::Create(error) if is_out_of_memory(root_cause(error)) => {
                let cause = "too little address space or memory for another map";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, cause)
            }
            MapError::RateLimited(limited) => Self {
                retry_after: Some(limited.retry_after),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, error.to_string())
            },
            MapError::Tenant(CheckoutError::NoClass) => {
                Self::new(StatusCode::FORBIDDEN, error.to_string())
            }
            MapError::Tenant(CheckoutError::NoBytes { .. } | CheckoutError::Cancelled) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
            MapError::Create(_)
            | MapError::Preload(_)
            | MapError::SeveralShards
            | MapError::Tenants(_)
            | MapError::Class(_)
            | MapError::Tenant(_) => {
                Self::of_guest(format!("cannot provide a map: {}", chain(error)))
            }
        }
    }

    /// Creates the failure of a request that the guard refuses, or whose lock was lost.
    pub(crate) fn of_refusal(refusal: Refusal) -> Self {
        let failure = Self::new(refusal.status(), refusal.to_string());
        Self {
            retry_after: refusal.retry_after(),
            refusal: Some(Box::new(refusal)),
            ..failure
        }
    }

    pub(crate) fn too_many_requests() -> Self {
        let cause = "too many concurrent requests";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, cause)
    }

    pub(crate) fn timed_out(limit: Duration) -> Self {
        let limit = humantime::format_duration(limit);
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("the guest timed out after {limit}"),
        )
    }

    /// Returns the text for the client.
    pub(crate) fn text(&self) -> &str {
        if let Some(refusal) = &self.refusal {
            return refusal.text();
        }
        match self.status {
            StatusCode::GATEWAY_TIMEOUT => "the guest ran out of time",
            StatusCode::SERVICE_UNAVAILABLE => "the server is at capacity",
            StatusCode::INTERNAL_SERVER_ERROR => "the guest failed",
            StatusCode::TOO_MANY_REQUESTS => "too many requests",
            StatusCode::FORBIDDEN => "the tenant is not known",
            _ => &self.cause,
        }
    }
}

/// Formats an error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        next = cause.source();
    }
    line
}

/// Formats the frames of the guest when it ended, one in a line.
fn backtrace(error: &Error) -> Option<String> {
    let frames = error.downcast_ref::<WasmBacktrace>()?.to_string();
    let (_, frames) = frames.split_once('\n')?;
    Some(frames.to_owned())
}

impl InstanceError {
    /// Explains why an instance cannot be created. `source` is the error from Wasmtime, and
    /// `denied` is what memory the store was [denied](crate::Sandbox::denied).
    ///
    /// ```no_run
    /// use localmap::wasmtime::component::Linker;
    /// use localmap_serve::{InstanceError, Sandbox, SandboxConfig};
    ///
    /// let config = SandboxConfig::new().max_memory(64 << 10);
    /// // A component with a memory of 128 KiB.
    /// let component = config.compile(&std::fs::read("large.wasm")?)?;
    /// let engine = component.engine();
    /// let mut store = config.store(engine, Sandbox::new(config.wasi()?.build(), None, ()));
    /// let error = Linker::new(engine).instantiate(&mut store, &component).unwrap_err();
    /// let error = InstanceError::explain(error, store.data().denied());
    /// assert!(matches!(error, InstanceError::Memory { asked: 131_072, .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn explain(source: Error, denied: Option<Denied>) -> Self {
        match denied {
            _ if is_out_of_memory(source.root_cause()) => Self::AddressSpace { source },
            // An instance that traps may have been denied memory before.
            _ if source.is::<Trap>() || source.is::<I32Exit>() => Self::failed(source),
            Some(Denied::Bytes { max, asked, .. }) => Self::Memory { max, asked, source },
            Some(Denied::TableElements { max, asked, .. }) => {
                Self::TableElements { max, asked, source }
            }
            _ => Self::failed(source),
        }
    }

    fn failed(source: Error) -> Self {
        let cause = cause(&source);
        Self::Failed { cause, source }
    }
}

/// Returns the last error of a chain of causes.
fn root_cause<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    std::iter::successors(Some(error), |error| error.source())
        .last()
        .unwrap_or(error)
}

/// Returns `true` if the operating system has refused memory or address space.
fn is_out_of_memory(root_cause: &(dyn std::error::Error + 'static)) -> bool {
    // Wasmtime's own type of the error of a system call is private.
    cfg!(unix) && root_cause.to_string() == io::Error::from_raw_os_error(ENOMEM).to_string()
}

/// "Cannot allocate memory", on each Unix.
const ENOMEM: i32 = 12;

/// Formats the reason why a guest ended, in one line.
fn cause(error: &Error) -> String {
    if let Some(dead) = error.downcast_ref::<MapTerminated>() {
        return dead.to_string();
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return format!("the guest exited with code {}", exit.0);
    }
    match error.downcast_ref::<Trap>() {
        Some(trap) => {
            let trap = trap.to_string();
            let what = trap.strip_prefix("wasm trap: ").unwrap_or(&trap);
            format!("the guest trapped: {what}")
        }
        None => format!("the guest failed: {}", error.root_cause()),
    }
}
