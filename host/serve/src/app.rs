//! The compiled and linked guest, and its call for each request.

use crate::error::{HandlerError, InstanceError, SandboxError};
use crate::guest_output::GuestOutput;
use crate::handler_options::HandlerOptions;
use crate::outgoing::HttpReporter;
use crate::request_body::RequestBody;
use crate::sandbox::{Sandbox, SandboxConfig};
use bytes::Bytes;
use hyper::body::Body;
use hyper::http::uri;
use hyper::{Request, Response};
use localmap::LinkedMap;
use localmap::wasmtime::component::{Linker, Resource};
use localmap::wasmtime::{self, Engine, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::{HostOutgoingBody, HyperOutgoingBody, StreamContext};
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};
use wasmtime_wasi_http::{Error, WasiHttpView};

/// The maximum number of handles of a guest, unless its sandbox sets another.
const HANDLES: usize = 10_000;
/// The timeout of a request, unless its sandbox sets another.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A compiled and linked guest.
pub(crate) struct App {
    proxy: ProxyPre<Sandbox<()>>,
    sandbox: SandboxConfig,
    timeout: Duration,
    output: Option<Arc<dyn GuestOutput>>,
    backtraces: bool,
}

/// A store for one request, with the arguments for calling the guest.
pub(crate) struct Call {
    store: Store<Sandbox<()>>,
    request: Resource<HostIncomingRequest>,
    response: Resource<HostResponseOutparam>,
}

/// The channel through which the guest's response arrives.
pub(crate) type Responses = oneshot::Receiver<Result<Response<HyperOutgoingBody>, ErrorCode>>;

impl Call {
    /// Marks the bodies that the guest has left open as incomplete. When their store is dropped,
    /// they would otherwise end as if the guest had finished them.
    pub(crate) fn abort_bodies(&mut self) {
        for entry in self.store.data_mut().table().iter_mut() {
            if let Some(body) = entry.downcast_mut::<HostOutgoingBody>() {
                let (ended, _) = HostOutgoingBody::new(StreamContext::Response, None, 1, 1);
                std::mem::replace(body, ended).abort();
            }
        }
    }
}

impl App {
    /// Compiles the guest, and checks once that its folders can be opened.
    pub(crate) fn new(component: &[u8], options: &HandlerOptions) -> Result<Self, HandlerError> {
        let sandbox = options.sandbox.clone();
        let handles = sandbox.handles().unwrap_or(HANDLES);
        let sandbox = sandbox.max_handles(handles);
        let component = sandbox.compile_pooled(component, options.max_requests)?;
        let link = |source| HandlerError::Linker { source };
        let linker = linker(component.engine()).map_err(link)?;
        let pre = linker.instantiate_pre(&component).map_err(link)?;
        let app = Self {
            proxy: ProxyPre::new(pre).map_err(|_| HandlerError::NotAHandler)?,
            timeout: sandbox.time().unwrap_or(TIMEOUT),
            sandbox,
            output: options.output.clone(),
            backtraces: options.backtraces,
        };
        app.sandbox.wasi()?;
        Ok(app)
    }

    /// Returns the timeout of a request.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Returns `true` if the backtraces of guests that trap are wanted.
    pub(crate) fn backtraces(&self) -> bool {
        self.backtraces
    }

    /// Creates the store of the guest that answers this request.
    fn store(&self, map: Option<LinkedMap>, id: u64) -> Result<Store<Sandbox<()>>, SandboxError> {
        let mut wasi = self.sandbox.wasi()?;
        if let Some(output) = &self.output {
            wasi.stdout(output.stdout(id)).stderr(output.stderr(id));
        }
        let guest = Sandbox::new(wasi.build(), map, ());
        Ok(self.sandbox.store_async(self.proxy.engine(), guest))
    }

    /// Creates an instance without calling it, and drops it.
    pub(crate) async fn try_instance(&self, map: Option<LinkedMap>) -> Result<(), HandlerError> {
        let mut store = self.store(map, 0)?;
        let instance = self.proxy.instantiate_async(&mut store);
        match timeout(self.timeout, instance).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(source)) => {
                let denied = store.data().denied();
                Err(InstanceError::explain(source, denied).into())
            }
            Err(_) => Err(InstanceError::TimedOut {
                limit: self.timeout,
            }
            .into()),
        }
    }

    /// Creates a store for a request, with its map. `id` is the number of the request, and the
    /// scheme is that of its target, or `http`. Failures of requests that the guest sends are
    /// reported to `reporter`, if there is one.
    pub(crate) fn call<B>(
        &self,
        map: Option<LinkedMap>,
        id: u64,
        scheme: Option<&uri::Scheme>,
        request: Request<RequestBody<B>>,
        reporter: Option<HttpReporter>,
    ) -> Result<(Call, Responses), CallError>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Error>,
    {
        let mut store = self.store(map, id)?;
        if let Some(reporter) = reporter {
            store.data_mut().report_http_failures(reporter);
        }
        let (sender, responses) = oneshot::channel();
        let mut http = store.data_mut().http();
        let scheme = match scheme == Some(&uri::Scheme::HTTPS) {
            true => Scheme::Https,
            false => Scheme::Http,
        };
        let request = http.new_incoming_request(scheme, request)?;
        let response = http.new_response_outparam(sender)?;
        let call = Call {
            store,
            request,
            response,
        };
        Ok((call, responses))
    }

    /// Runs the guest to its end. The caller must drop the store.
    pub(crate) async fn handle(&self, call: &mut Call) -> wasmtime::Result<()> {
        let proxy = self.proxy.instantiate_async(&mut call.store).await?;
        let (request, response) = (
            Resource::new_own(call.request.rep()),
            Resource::new_own(call.response.rep()),
        );
        let handler = proxy.wasi_http_incoming_handler();
        handler
            .call_handle(&mut call.store, request, response)
            .await
    }
}

/// Creates the linker of all guests: the imports of the sandbox, and the map.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Sandbox<()>>> {
    let mut linker = Linker::new(engine);
    Sandbox::add_to_linker_async(&mut linker)?;
    localmap::add_to_linker(&mut linker, Sandbox::linked_map)?;
    Ok(linker)
}

/// The reason why a guest could not be called.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error(transparent)]
    Request(#[from] wasmtime::Error),
}
