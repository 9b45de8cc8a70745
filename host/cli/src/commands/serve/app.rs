//! The guest, compiled, and a store for each request.

use super::guest_output::GuestOutput;
use super::{MAX_REQUESTS, upload::Upload};
use crate::args::cache::CacheArgs;
use crate::args::grants::GrantArgs;
use anyhow::Context;
use hyper::{Request, Response};
use localmap::wasmtime::component::{Component, Linker, Resource, ResourceTable};
use localmap::wasmtime::{
    self, Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
};
use localmap::{CancelHandle, LinkedMap, MemoryLimiter};
use std::time::Duration;
use tokio::sync::oneshot;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

/// Handles of one guest: requests, headers, bodies, streams.
const HANDLES: usize = 10_000;
/// What a guest writes of a body at a time, in bytes. Twice as much waits for a client.
const CHUNK: usize = 64 << 10;

/// Address space for a memory of which no access needs a check.
const WHOLE_MEMORY: u64 = 4 << 30;
/// The most address space for all of them: a quarter of what a process has.
const ROOMY: u64 = 1 << 45;
/// Tables of one instance in the pool, and the elements of each.
const TABLES: u32 = 16;
const ELEMENTS: usize = 20_000;

/// What all requests may use.
pub(super) struct Grants {
    pub(super) envs: Vec<(String, String)>,
    pub(super) folders: GrantArgs,
    /// Bytes of the memory of each instance.
    pub(super) max_memory: usize,
    pub(super) timeout: Duration,
    pub(super) cache: CacheArgs,
    pub(super) stdout: GuestOutput,
    pub(super) stderr: GuestOutput,
}

pub(super) struct App {
    proxy: ProxyPre<Guest>,
    grants: Grants,
}

/// A store for one request, with what its guest is called with.
pub(super) struct Call {
    store: Store<Guest>,
    request: Resource<HostIncomingRequest>,
    response: Resource<HostResponseOutparam>,
}

/// Where the guest's response arrives.
pub(super) type Responses = oneshot::Receiver<Result<Response<HyperOutgoingBody>, ErrorCode>>;

/// The data of a store.
pub(super) struct Guest {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    table: ResourceTable,
    memory: MemoryLimiter,
    map: Option<LinkedMap>,
}

impl App {
    /// Compiles the guest, and tries whether all is there that it is granted.
    pub(super) fn new(component: &[u8], grants: Grants) -> anyhow::Result<Self> {
        let component = compile(component, &grants)?;
        let mut linker = Linker::<Guest>::new(component.engine());
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        localmap::add_to_linker(&mut linker, Guest::attached)?;
        let pre = linker.instantiate_pre(&component).map_err(|error| {
            error.context(
                "it imports what localmap does not give: expected WASI 0.2, wasi:http 0.2 \
                 and the map",
            )
        })?;
        let proxy = ProxyPre::new(pre)?;
        let app = Self { proxy, grants };
        app.wasi()?;
        Ok(app)
    }

    pub(super) fn timeout(&self) -> Duration {
        self.grants.timeout
    }

    /// A store for a request, with its map.
    pub(super) fn call(
        &self,
        map: Option<LinkedMap>,
        request: Request<Upload>,
    ) -> anyhow::Result<(Call, Responses)> {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        let guest = Guest {
            wasi: self.wasi()?,
            http: WasiHttpCtx::new(),
            hooks: Hooks,
            table,
            memory: MemoryLimiter::new(self.grants.max_memory),
            map,
        };
        let mut store = Store::new(self.proxy.engine(), guest);
        store.limiter(|guest| &mut guest.memory);
        // Its time is that of the future, which is dropped.
        CancelHandle::new().guard_async(&mut store, None);
        let (sender, responses) = oneshot::channel();
        let mut http = store.data_mut().http();
        let request = http.new_incoming_request(Scheme::Http, request)?;
        let response = http.new_response_outparam(sender)?;
        let call = Call {
            store,
            request,
            response,
        };
        Ok((call, responses))
    }

    fn wasi(&self) -> anyhow::Result<WasiCtx> {
        let mut wasi = WasiCtx::builder();
        wasi.envs(&self.grants.envs)
            .stdout(self.grants.stdout.clone())
            .stderr(self.grants.stderr.clone());
        self.grants.folders.open_folders(&mut wasi)?;
        Ok(wasi.build())
    }

    /// Runs the guest to its end. The store is left for the caller to drop.
    pub(super) async fn handle(&self, call: &mut Call) -> wasmtime::Result<()> {
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

/// With a pool, if there is room for one and the guest fits; else without.
fn compile(component: &[u8], grants: &Grants) -> anyhow::Result<Component> {
    let memories = localmap::inspect(component)?.memories.len().max(1);
    let memories = u32::try_from(memories).unwrap_or(u32::MAX);
    if let Ok(engine) = Engine::new(&pooling(grants, memories))
        && let Ok(component) = Component::new(&engine, component)
        && component.resources_required().is_some_and(|needed| {
            let elements = needed.max_initial_table_size.unwrap_or(0);
            needed.num_memories <= memories
                && needed.num_tables <= TABLES
                && elements <= ELEMENTS as u64
        })
    {
        return Ok(component);
    }
    let engine = Engine::new(&on_demand(grants.cache))?;
    Component::new(&engine, component)
        .map_err(|error| anyhow::anyhow!(error))
        .context("cannot compile it")
}

fn on_demand(cache: CacheArgs) -> Config {
    let mut config = Config::new();
    // What WASI 0.2 does without, and each call pays for.
    config.concurrency_support(false);
    config.epoch_interruption(true);
    cache.set_up(&mut config);
    config
}

fn pooling(grants: &Grants, memories: u32) -> Config {
    let all = memories.saturating_mul(MAX_REQUESTS);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(MAX_REQUESTS)
        .total_core_instances(MAX_REQUESTS.saturating_mul(100))
        .total_memories(all)
        .total_tables(MAX_REQUESTS * TABLES)
        .table_elements(ELEMENTS)
        .total_stacks(MAX_REQUESTS)
        .max_memories_per_module(memories)
        .max_tables_per_module(TABLES)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .max_memory_size(grants.max_memory)
        // Instances come and go: what they touch first is wiped instead of unmapped.
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(16 << 10)
        .async_stack_keep_resident(16 << 10)
        .max_unused_warm_slots(64)
        // A slot is wiped before it can be had again.
        .decommit_batch_size(1)
        .pagemap_scan(Enabled::No);
    let mut config = on_demand(grants.cache);
    let roomy = u64::from(all).saturating_mul(WHOLE_MEMORY) <= ROOMY;
    if !roomy {
        config.memory_reservation(grants.max_memory as u64);
    }
    // Stacks hold what went through the host.
    config.async_stack_zeroing(true);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

impl Guest {
    fn attached(&mut self) -> &mut LinkedMap {
        self.map.as_mut().expect("asked for only where it is there")
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

/// How `wasi:http` behaves.
struct Hooks;

type Sent = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl WasiHttpHooks for Hooks {
    /// A guest may not send requests.
    fn send_request(
        &mut self,
        _request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _sent: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        Box::new(async { Err(Error::HttpRequestDenied) })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }
}
