//! Errors of creating a handler or a sandbox, and of finding the map for a request.

use hyper::header::HeaderName;
use localmap::wasmtime;
use localmap::{
    CheckoutError, ClassError, ComponentError, CreateError, Incompatibility, PlugError,
    PreloadError, RateLimited, TenantNameTooLong, TenantsError,
};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The reason why a [`Handler`](crate::Handler) could not be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandlerError {
    /// The bytes are not a valid component.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The component is a command, which exports `wasi:cli/run` instead of
    /// `wasi:http/incoming-handler` or `wasi:http/handler`.
    #[error(
        "it is a command: expected a component that exports wasi:http/incoming-handler or \
         wasi:http/handler"
    )]
    Command,
    /// The component exports neither `wasi:http/incoming-handler` of WASI 0.2 nor `wasi:http/handler`
    /// of WASI 0.3.
    #[error("it does not export wasi:http/incoming-handler@0.2.x or wasi:http/handler@0.3.x")]
    NotAHandler,
    /// The component exports `wasi:http/handler`, but of a release candidate of WASI 0.3.
    #[error(
        "it exports {export}, of a release candidate of WASI 0.3: build it with tools for the final \
         WASI 0.3"
    )]
    #[non_exhaustive]
    Candidate {
        /// The name of the export.
        export: String,
    },
    /// The component exports `wasi:http/incoming-handler`, but of a preview of WASI 0.2.
    #[error("it exports {export}, of a preview of WASI 0.2: build it with newer tools")]
    #[non_exhaustive]
    Preview {
        /// The name of the export.
        export: String,
    },
    /// The component exports `wasi:http/incoming-handler`, but not with the types of WASI 0.2.
    #[error(
        "its export wasi:http/incoming-handler is not that of WASI 0.2: expected a function \
         `handle: func(request: incoming-request, response-out: response-outparam)`"
    )]
    OtherHandler,
    /// The component exports `wasi:http/handler`, but not with the types of WASI 0.3.
    #[error(
        "its export wasi:http/handler is not that of WASI 0.3: expected a function \
         `handle: async func(request: request) -> result<response, error-code>`"
    )]
    OtherAsyncHandler,
    /// The component cannot be linked with the map that it imports.
    #[error(transparent)]
    Incompatible(#[from] PlugError),
    /// The component imports interfaces that a handler does not provide.
    #[error(
        "{}",
        list("it imports interfaces that localmap does not provide:", missing)
    )]
    #[non_exhaustive]
    Imports {
        /// One reason for each import.
        missing: Vec<Incompatibility>,
    },
    /// The component reads mirrors, but there are none.
    #[error("it imports {import}, but there is no mirror for it to read")]
    #[non_exhaustive]
    NoMirrors {
        /// The name of the import.
        import: String,
    },
    /// Its instances cannot be reused.
    #[error(transparent)]
    Reuse(#[from] ReuseError),
    /// Wasmtime cannot link WASI.
    #[error("cannot link WASI")]
    #[non_exhaustive]
    Linker {
        /// The error from Wasmtime.
        source: wasmtime::Error,
    },
    /// The sandbox could not be set up.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The first map could not be created.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The guest cannot be instantiated.
    #[error(transparent)]
    Instance(#[from] InstanceError),
}

/// The reason why the instances of a guest cannot be [reused](crate::HandlerOptions::reuse).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReuseError {
    /// Each request has a map of its own.
    #[error(
        "an instance cannot be reused if each request has a map of its own (map scope `request`)"
    )]
    RequestScope,
    /// The guest imports no map, and the scope is another than
    /// [`MapScope::Server`](crate::MapScope::Server).
    #[error(
        "a guest without a map is the same for all requests if it is reused (map scope `server`)"
    )]
    WithoutMap,
    /// A guest of WASI 0.2 answers one request at a time.
    #[error("an instance of a guest of WASI 0.2 answers one request at a time")]
    OneAtATime,
}

/// The reason why a guest cannot be instantiated. The sources have Wasmtime's errors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstanceError {
    /// The guest needs more memory at its start than
    /// [`SandboxConfig::max_memory`](crate::SandboxConfig::max_memory) allows.
    #[error(
        "it needs at least {asked} bytes of memory at its start, but may have {max} (max-memory-size)"
    )]
    #[non_exhaustive]
    Memory {
        /// The limit, in bytes.
        max: usize,
        /// The initial size of its memories and tables, as far as they have been created, in bytes.
        asked: usize,
        /// The error from Wasmtime.
        source: wasmtime::Error,
    },
    /// The guest has too many table elements.
    #[error("it needs {asked} table elements at its start, but may have {max}")]
    #[non_exhaustive]
    TableElements {
        /// The limit.
        max: usize,
        /// The initial size of its tables, as far as they have been created.
        asked: usize,
        /// The error from Wasmtime.
        source: wasmtime::Error,
    },
    /// The process cannot reserve as much address space as an instance needs.
    #[error("there is too little address space for an instance")]
    #[non_exhaustive]
    AddressSpace {
        /// The error from Wasmtime.
        source: wasmtime::Error,
    },
    /// The guest traps or exits before it is called.
    #[error("{cause}")]
    #[non_exhaustive]
    Failed {
        /// The cause in one line.
        cause: String,
        /// The error from Wasmtime, which may have a backtrace.
        source: wasmtime::Error,
    },
    /// The guest does not start in time.
    #[error("its start takes longer than {}", humantime::format_duration(*limit))]
    #[non_exhaustive]
    TimedOut {
        /// The timeout of a request.
        limit: Duration,
    },
}

/// Formats reasons: a single one as it is, several as a list under a title.
fn list(title: &str, reasons: &[Incompatibility]) -> String {
    match reasons {
        [one] => one.to_string(),
        reasons => {
            let lines = reasons.iter().map(|reason| format!("\n- {reason}"));
            format!("{title}{}", lines.collect::<String>())
        }
    }
}

/// The reason why the sandbox of a guest could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// Wasmtime cannot compile the component for this machine.
    #[error("cannot compile the component")]
    #[non_exhaustive]
    Compile {
        /// The error from Wasmtime.
        source: wasmtime::Error,
    },
    /// A folder of the host could not be opened.
    #[error("cannot open the folder `{}`", host.display())]
    #[non_exhaustive]
    Dir {
        /// The folder, as passed to [`SandboxConfig::dir`](crate::SandboxConfig::dir).
        host: PathBuf,
        /// The error from the operating system.
        source: io::Error,
    },
}

/// The reason why a request gets no map.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The request does not have the header that selects its map.
    #[error("missing header `{header}`, which selects the map")]
    #[non_exhaustive]
    HeaderMissing {
        /// The name of the header.
        header: HeaderName,
    },
    /// The request has the header that selects its map more than once.
    #[error("repeated header `{header}`, which selects the map")]
    #[non_exhaustive]
    HeaderRepeated {
        /// The name of the header.
        header: HeaderName,
    },
    /// The value of the header that selects the map is too long.
    #[error("the value of the header that selects the map is too long")]
    HeaderTooLong(#[source] TenantNameTooLong),
    /// The limit of [`HandlerOptions::max_maps`](crate::HandlerOptions::max_maps) has been
    /// reached.
    #[error(
        "limit of {max} live {} reached (max-maps)",
        if *max == 1 { "map" } else { "maps" }
    )]
    #[non_exhaustive]
    TooManyMaps {
        /// The limit.
        max: u32,
    },
    /// There are as many live tenants as [`HandlerOptions::tenants`] allow, or the places that are left
    /// are reserved for other classes.
    ///
    /// [`HandlerOptions::tenants`]: crate::HandlerOptions::tenants
    #[error(
        "limit of {max} live tenants reached, or the rest is reserved for others (max-tenants)"
    )]
    #[non_exhaustive]
    TooManyTenants {
        /// The limit.
        max: u32,
    },
    /// The map could not be created.
    #[error(transparent)]
    Create(CreateError),
    /// The map rejects one of its initial entries.
    #[error(transparent)]
    Preload(PreloadError),
    /// The tenant has several maps, of which a guest could use only one.
    #[error("a guest cannot use a tenant that has several shards")]
    SeveralShards,
    /// The tenants could not be set up.
    #[error(transparent)]
    Tenants(TenantsError),
    /// A class of tenants cannot be used.
    #[error(transparent)]
    Class(ClassError),
    /// The tenant has used up its rate.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// The tenant gets no map.
    #[error(transparent)]
    Tenant(CheckoutError),
}

impl From<CheckoutError> for MapError {
    fn from(error: CheckoutError) -> Self {
        match error {
            CheckoutError::Name(too_long) => Self::HeaderTooLong(too_long),
            CheckoutError::TooManyTenants { max, .. } => Self::TooManyTenants { max },
            CheckoutError::Create(CreateError::TooManyMaps { max, .. }) => {
                Self::TooManyMaps { max }
            }
            CheckoutError::Create(error) => Self::Create(error),
            CheckoutError::Preload(error) => Self::Preload(error),
            error => Self::Tenant(error),
        }
    }
}
