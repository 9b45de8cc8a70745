//! The compiled and linked guest, and its call for each request.

mod wasi02;
mod wasi03;

use crate::error::{HandlerError, InstanceError, SandboxError};
use crate::failure::Failure;
use crate::guest_output::GuestOutput;
use crate::handler_options::HandlerOptions;
use crate::instance::Instance;
use crate::outgoing::OnBehalf;
use crate::request_body::RequestBody;
use crate::responder::Responder;
use crate::sandbox::{Sandbox, SandboxConfig};
use bytes::Bytes;
use hyper::Request;
use hyper::body::Body;
use hyper::http::uri;
use localmap::wasmtime::component::{InstancePre, Linker};
use localmap::wasmtime::{self, Engine, Store};
use localmap::{CancelHandle, Inspection, LinkedMap, WasiVersion};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// The maximum number of handles of a guest, unless its sandbox sets another.
const HANDLES: usize = 10_000;
/// The timeout of a request, unless its sandbox sets another.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A compiled and linked guest.
pub(crate) struct App {
    handler: AppHandler,
    sandbox: SandboxConfig,
    timeout: Duration,
    output: Option<Arc<dyn GuestOutput>>,
    backtraces: bool,
}

/// The function of a guest that answers requests, of either version of `wasi:http`.
enum AppHandler {
    V0_2(Arc<ProxyPre<Sandbox<()>>>),
    V0_3(Arc<ServicePre<Sandbox<()>>>),
}

/// A store for one request, with what is needed for calling the guest.
pub(crate) struct Call {
    store: Store<Sandbox<()>>,
    handler: CalledHandler,
}

/// A handler and its arguments.
#[allow(
    clippy::large_enum_variant,
    reason = "it is not moved on the way to the guest"
)]
enum CalledHandler {
    V0_2(Arc<ProxyPre<Sandbox<()>>>, wasi02::Arguments),
    /// The arguments are taken when the handler is called.
    V0_3(Arc<ServicePre<Sandbox<()>>>, Option<wasi03::Arguments>),
}

impl Call {
    /// Runs the guest to its end. The caller must drop the store.
    pub(crate) async fn run(&mut self) -> wasmtime::Result<()> {
        let store = &mut self.store;
        match &mut self.handler {
            CalledHandler::V0_2(proxy, arguments) => {
                let proxy = proxy.instantiate_async(&mut *store).await?;
                wasi02::handle(store, &proxy, arguments).await
            }
            CalledHandler::V0_3(service, arguments) => {
                let service = service.instantiate_async(&mut *store).await?;
                match arguments.take() {
                    Some(arguments) => wasi03::run(store, &service, arguments).await,
                    None => Ok(()),
                }
            }
        }
    }

    /// Marks the bodies that the guest has left open as incomplete.
    pub(crate) fn abort_bodies(&mut self) {
        match self.handler {
            CalledHandler::V0_2(..) => wasi02::abort_bodies(&mut self.store),
            // Its store was driven until its body had ended.
            CalledHandler::V0_3(..) => {}
        }
    }
}

impl AppHandler {
    fn new(version: WasiVersion, pre: InstancePre<Sandbox<()>>) -> wasmtime::Result<Self> {
        Ok(match version {
            WasiVersion::V0_2 => Self::V0_2(Arc::new(ProxyPre::new(pre)?)),
            WasiVersion::V0_3 => Self::V0_3(Arc::new(ServicePre::new(pre)?)),
            other => {
                return Err(wasmtime::format_err!(
                    "no handler of WASI {other} is served"
                ));
            }
        })
    }

    fn engine(&self) -> &Engine {
        match self {
            Self::V0_2(proxy) => proxy.engine(),
            Self::V0_3(service) => service.engine(),
        }
    }

    /// Creates an instance without calling it.
    async fn instantiate(&self, store: &mut Store<Sandbox<()>>) -> wasmtime::Result<()> {
        match self {
            Self::V0_2(proxy) => proxy.instantiate_async(store).await.map(|_| ()),
            Self::V0_3(service) => service.instantiate_async(store).await.map(|_| ()),
        }
    }
}

impl App {
    /// Compiles the guest, and checks once that its folders can be opened. `found` is its
    /// description, if it has one.
    pub(crate) fn new(
        component: &[u8],
        found: Option<&Inspection>,
        version: WasiVersion,
        options: &HandlerOptions,
    ) -> Result<Self, HandlerError> {
        let sandbox = options.sandbox.clone();
        let handles = sandbox.handle_limit().unwrap_or(HANDLES);
        let sandbox = sandbox.max_handles(handles);
        let instances = options.max_requests;
        let component = match found {
            Some(found) => sandbox.compile_inspected(component, found, instances)?,
            None => sandbox.compile_pooled(component, instances)?,
        };
        let link = |source| HandlerError::Linker { source };
        let linker = linker(component.engine()).map_err(link)?;
        let pre = linker.instantiate_pre(&component).map_err(link)?;
        let app = Self {
            handler: AppHandler::new(version, pre).map_err(|_| HandlerError::NotAHandler)?,
            timeout: sandbox.time_limit().unwrap_or(TIMEOUT),
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

    /// Returns the failure of a guest from an error of Wasmtime, with a backtrace if that is wanted.
    pub(crate) fn failure(&self, error: &wasmtime::Error) -> Failure {
        let mut failure = Failure::of_call(error);
        if !self.backtraces {
            failure.backtrace = None;
        }
        failure
    }

    /// Creates the store of the guest that answers this request.
    fn store(&self, map: Option<LinkedMap>, id: u64) -> Result<Store<Sandbox<()>>, SandboxError> {
        let mut wasi = self.sandbox.wasi()?;
        if let Some(output) = &self.output {
            wasi.stdout(output.stdout(id)).stderr(output.stderr(id));
        }
        let guest = Sandbox::new(wasi.build(), map, ());
        Ok(self.sandbox.store_async(self.handler.engine(), guest))
    }

    /// Creates an instance without calling it, and drops it.
    pub(crate) async fn try_instance(&self, map: Option<LinkedMap>) -> Result<(), HandlerError> {
        let mut store = self.store(map, 0)?;
        let instance = self.handler.instantiate(&mut store);
        match timeout(self.timeout, instance).await {
            Ok(Ok(())) => Ok(()),
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
    /// scheme is that of its target, or `http`.
    pub(crate) fn call<B>(
        &self,
        map: Option<LinkedMap>,
        id: u64,
        scheme: Option<&uri::Scheme>,
        request: Request<RequestBody<B>>,
        of: OnBehalf,
        responder: Responder,
    ) -> Result<Call, CallError>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Error>,
    {
        let mut store = self.store(map, id)?;
        store.data_mut().run_for(of);
        let handler = match &self.handler {
            AppHandler::V0_2(proxy) => {
                let arguments = wasi02::Arguments::new(&mut store, scheme, request, responder)?;
                CalledHandler::V0_2(Arc::clone(proxy), arguments)
            }
            AppHandler::V0_3(service) => {
                let data = store.data_mut();
                let arguments = wasi03::Arguments::new(data, scheme, request, responder)?;
                CalledHandler::V0_3(Arc::clone(service), Some(arguments))
            }
        };
        Ok(Call { store, handler })
    }

    /// Creates the store of an instance that answers several requests.
    pub(crate) fn store_of(
        &self,
        map: Option<LinkedMap>,
        instance: &Arc<Instance>,
    ) -> Result<Store<Sandbox<()>>, SandboxError> {
        let mut store = self.store(map, instance.id())?;
        let yielding = Arc::clone(instance);
        CancelHandle::new().guard_async_with(&mut store, None, move || yielding.yielded());
        Ok(store)
    }

    /// Creates an instance, and answers its requests. Returns only if it fails.
    pub(crate) async fn answer(
        &self,
        store: &mut Store<Sandbox<()>>,
        instance: &Arc<Instance>,
    ) -> wasmtime::Result<()> {
        match &self.handler {
            AppHandler::V0_2(proxy) => {
                let proxy = proxy.instantiate_async(&mut *store).await?;
                wasi02::answer(store, &proxy, instance).await
            }
            AppHandler::V0_3(service) => {
                let service = service.instantiate_async(&mut *store).await?;
                wasi03::answer(store, &Arc::new(service), instance).await
            }
        }
    }
}

/// Creates the linker of all guests: the imports of the sandbox, the map, and the mirrors.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Sandbox<()>>> {
    let mut linker = Linker::new(engine);
    Sandbox::add_to_linker_async(&mut linker)?;
    localmap::add_to_linker(&mut linker, Sandbox::linked_map)?;
    localmap_mirror::add_to_linker(&mut linker, Sandbox::mirrors)?;
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
