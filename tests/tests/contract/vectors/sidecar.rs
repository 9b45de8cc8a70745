//! Runs the vectors over gRPC, with the same answers: each operation as a call, and those that a pipeline
//! has, on a pipeline. What is the host's alone, such as limits and pins, is done without gRPC.

mod messages;

use localmap::{Host, ManualClock, MapOptions, Pinned, TenantClass, Tenants, TenantsOptions, lock};
use localmap_engine::{Change, Condition, ConfigureError, Error, Limits, Outcome, Stats, Ttl};
use localmap_sidecar::{Sidecar, SidecarOptions, Socket};
use localmap_sidecar_proto::maps_client::MapsClient;
use localmap_sidecar_proto::operation::Kind;
use localmap_sidecar_proto::operation_result::Kind as Found;
use localmap_sidecar_proto::{
    ApplyRequest, ContainsRequest, DeleteRequest, GetManyRequest, GetRequest, IncrementRequest,
    Operation, PipelineRequest, PipelineResponse, ScanRequest, SetIfRequest, SetRequest,
    StatsRequest, TakeRequest, TouchRequest, change, delete_response, increment_response,
    set_if_response, set_response, touch_response,
};
use localmap_tests::translate::{engine_configure_error, engine_limits, engine_stats, host_limits};
use localmap_tests::vectors::{self, Entry, Page, Subject};
use messages::{change_message, condition_message, entry, error, outcome, ttl_message};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status, Streaming};

/// A sidecar with a clock, and a client of it.
struct Served {
    runtime: Runtime,
    clock: ManualClock,
    tenants: Tenants,
    client: MapsClient<Channel>,
    _folder: tempfile::TempDir,
}

impl Served {
    fn new() -> Arc<Self> {
        let clock = ManualClock::new();
        let class = TenantClass::new("all")
            .map(MapOptions::new().clock(clock.clone()))
            .idle_timeout(Duration::MAX);
        let host = Host::new().expect("a host");
        let tenants = Tenants::new(&host, TenantsOptions::new().class(class)).expect("tenants");
        let runtime = Runtime::new().expect("threads");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("map.sock");
        let client = runtime.block_on(async {
            let socket = Socket::bind(&path, 0o600).expect("a socket");
            let sidecar = Sidecar::new(tenants.clone(), SidecarOptions::new());
            tokio::spawn(async move { sidecar.serve(socket).await });
            let endpoint = Endpoint::from_shared(format!("unix:{}", path.display()));
            let channel = endpoint.expect("a path").connect().await;
            MapsClient::new(channel.expect("it is served"))
        });
        Arc::new(Self {
            runtime,
            clock,
            tenants,
            client,
            _folder: folder,
        })
    }
}

/// The map of a tenant, over gRPC.
struct Remote {
    served: Arc<Served>,
    tenant: String,
    pipeline: Option<Pipeline>,
}

/// An open pipeline.
struct Pipeline {
    requests: mpsc::Sender<PipelineRequest>,
    responses: Streaming<PipelineResponse>,
    /// Whether the tenant has been named.
    named: bool,
}

const ALIVE: &str = "no vector kills a map";

impl Remote {
    fn new(served: &Arc<Served>, case: u32, pipelined: bool) -> Self {
        served.clock.set(Duration::ZERO);
        let open = || {
            let (requests, receiver) = mpsc::channel::<PipelineRequest>(1);
            let stream = futures::stream::unfold(receiver, |mut receiver| async {
                receiver.recv().await.map(|request| (request, receiver))
            });
            let mut client = served.client.clone();
            let opened = served.runtime.block_on(client.pipeline(stream));
            Pipeline {
                requests,
                responses: opened.expect(ALIVE).into_inner(),
                named: false,
            }
        };
        Self {
            served: Arc::clone(served),
            tenant: format!("case-{case}"),
            pipeline: pipelined.then(open),
        }
    }

    /// Makes a call.
    fn call<T, F>(&self, call: impl FnOnce(MapsClient<Channel>, String) -> F) -> T
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let call = call(self.served.client.clone(), self.tenant.clone());
        self.served
            .runtime
            .block_on(call)
            .expect(ALIVE)
            .into_inner()
    }

    /// Performs an operation on the pipeline; `None` if there is none.
    fn pipelined(&mut self, kind: impl FnOnce() -> Kind) -> Option<Found> {
        let pipeline = self.pipeline.as_mut()?;
        let tenant = match std::mem::replace(&mut pipeline.named, true) {
            true => String::new(),
            false => self.tenant.clone(),
        };
        let request = PipelineRequest {
            tenant,
            operations: vec![Operation { kind: Some(kind()) }],
        };
        let answered = self.served.runtime.block_on(async {
            pipeline.requests.send(request).await.expect(ALIVE);
            pipeline.responses.message().await.expect(ALIVE)
        });
        let mut results = answered.expect("a response").results.into_iter();
        let result = results.next().expect("a result").kind;
        assert!(results.next().is_none(), "one operation has one result");
        result
    }

    /// Does something with the map without gRPC.
    fn map<R>(&self, with: impl FnOnce(&mut localmap::LocalMap) -> R) -> R {
        let checkout = self.served.tenants.checkout(self.tenant.as_bytes());
        let map = checkout.expect(ALIVE).shared().expect("one shard");
        let mut map = lock(&map);
        with(&mut map)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.served.tenants.remove(self.tenant.as_bytes());
    }
}

fn other(found: &Found) -> ! {
    panic!("the result of another operation: {found:?}")
}

impl Subject for Remote {
    type Pin = Pinned;

    fn set_clock(&mut self, now: u64) {
        self.served.clock.set(Duration::from_nanos(now));
    }

    fn configure(&mut self, limits: Limits) -> Result<(), ConfigureError> {
        let configured = self.map(|map| map.configure(&host_limits(&limits)));
        configured.map_err(engine_configure_error)
    }

    fn limits(&mut self) -> Limits {
        engine_limits(&self.map(|map| map.limits()).expect(ALIVE))
    }

    fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        let key = key.to_vec();
        match self.pipelined(|| Kind::Get(key.clone().into())) {
            Some(Found::Value(value)) => return Some(value.into()),
            Some(Found::Absent(true)) => return None,
            Some(found) => other(&found),
            None => {}
        }
        let key = key.into();
        let response = self
            .call(|mut client, tenant| async move { client.get(GetRequest { tenant, key }).await });
        response.entry.map(|entry| entry.value.into())
    }

    fn get_entry(&mut self, key: &[u8]) -> Option<Entry> {
        let key = key.to_vec();
        match self.pipelined(|| Kind::GetEntry(key.clone().into())) {
            Some(Found::Entry(found)) => return Some(entry(found, &key)),
            Some(Found::Absent(true)) => return None,
            Some(found) => other(&found),
            None => {}
        }
        let asked = key.clone().into();
        let response = self.call(|mut client, tenant| async move {
            client.get(GetRequest { tenant, key: asked }).await
        });
        response.entry.map(|found| entry(found, &key))
    }

    fn get_many(&mut self, keys: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
        let mut values = Vec::new();
        while values.len() < keys.len() {
            let rest = keys[values.len()..].iter().cloned();
            let keys = rest.map(Into::into).collect();
            let response = self.call(|mut client, tenant| async move {
                client.get_many(GetManyRequest { tenant, keys }).await
            });
            assert!(!response.values.is_empty(), "at least one");
            let found = response.values.into_iter();
            values.extend(found.map(|found| found.value.map(Vec::from)));
        }
        values
    }

    fn contains(&mut self, key: &[u8]) -> bool {
        let key = key.to_vec();
        match self.pipelined(|| Kind::Contains(key.clone().into())) {
            Some(Found::Present(present)) => return present,
            Some(found) => other(&found),
            None => {}
        }
        let key = key.into();
        let response = self.call(|mut client, tenant| async move {
            client.contains(ContainsRequest { tenant, key }).await
        });
        response.present
    }

    fn set(&mut self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<u64, Error> {
        let set = change::Set {
            key: key.to_vec().into(),
            value: value.to_vec().into(),
            ttl: ttl_message(ttl),
            condition: None,
        };
        match self.pipelined(|| Kind::Set(set.clone())) {
            Some(Found::Stored(version)) => return Ok(version),
            Some(Found::Rejected(rejected)) => return Err(error(&rejected)),
            Some(found) => other(&found),
            None => {}
        }
        let response = self.call(|mut client, tenant| async move {
            let request = SetRequest {
                tenant,
                key: set.key,
                value: set.value,
                ttl: set.ttl,
            };
            client.set(request).await
        });
        match response.result.expect("a result") {
            set_response::Result::Version(version) => Ok(version),
            set_response::Result::Rejected(rejected) => Err(error(&rejected)),
        }
    }

    fn set_if(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        condition: Condition,
    ) -> Result<u64, Error> {
        let set = change::Set {
            key: key.to_vec().into(),
            value: value.to_vec().into(),
            ttl: ttl_message(ttl),
            condition: Some(condition_message(condition)),
        };
        match self.pipelined(|| Kind::Set(set.clone())) {
            Some(Found::Stored(version)) => return Ok(version),
            Some(Found::Rejected(rejected)) => return Err(error(&rejected)),
            Some(found) => other(&found),
            None => {}
        }
        let response = self.call(|mut client, tenant| async move {
            let request = SetIfRequest {
                tenant,
                key: set.key,
                value: set.value,
                ttl: set.ttl,
                condition: set.condition,
            };
            client.set_if(request).await
        });
        match response.result.expect("a result") {
            set_if_response::Result::Version(version) => Ok(version),
            set_if_response::Result::Rejected(rejected) => Err(error(&rejected)),
        }
    }

    fn increment(&mut self, key: &[u8], delta: i64, ttl: Ttl) -> Result<i64, Error> {
        let increment = change::Increment {
            key: key.to_vec().into(),
            delta,
            ttl: ttl_message(ttl),
        };
        match self.pipelined(|| Kind::Increment(increment.clone())) {
            Some(Found::Sum(sum)) => return Ok(sum),
            Some(Found::Rejected(rejected)) => return Err(error(&rejected)),
            Some(found) => other(&found),
            None => {}
        }
        let response = self.call(|mut client, tenant| async move {
            let request = IncrementRequest {
                tenant,
                key: increment.key,
                delta,
                ttl: increment.ttl,
            };
            client.increment(request).await
        });
        match response.result.expect("a result") {
            increment_response::Result::Sum(sum) => Ok(sum),
            increment_response::Result::Rejected(rejected) => Err(error(&rejected)),
        }
    }

    fn touch(&mut self, key: &[u8], ttl: Ttl) -> Result<bool, Error> {
        let touch = change::Touch {
            key: key.to_vec().into(),
            ttl: ttl_message(ttl),
        };
        match self.pipelined(|| Kind::Touch(touch.clone())) {
            Some(Found::Present(present)) => return Ok(present),
            Some(Found::Rejected(rejected)) => return Err(error(&rejected)),
            Some(found) => other(&found),
            None => {}
        }
        let response = self.call(|mut client, tenant| async move {
            let change::Touch { key, ttl } = touch;
            client.touch(TouchRequest { tenant, key, ttl }).await
        });
        match response.result.expect("a result") {
            touch_response::Result::Present(present) => Ok(present),
            touch_response::Result::Rejected(rejected) => Err(error(&rejected)),
        }
    }

    fn take(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        let key = key.to_vec();
        match self.pipelined(|| Kind::Take(key.clone().into())) {
            Some(Found::Value(value)) => return Some(value.into()),
            Some(Found::Absent(true)) => return None,
            Some(found) => other(&found),
            None => {}
        }
        let key = key.into();
        let response = self.call(|mut client, tenant| async move {
            client.take(TakeRequest { tenant, key }).await
        });
        response.value.map(Vec::from)
    }

    fn delete(&mut self, key: &[u8]) -> bool {
        self.delete_version(key, None).expect("it has no condition")
    }

    fn delete_if(&mut self, key: &[u8], version: u64) -> Result<(), Error> {
        let deleted = self.delete_version(key, Some(version))?;
        assert!(deleted, "it was there");
        Ok(())
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, (u32, Error)> {
        let changes = changes.iter().map(change_message).collect();
        let response = self.call(|mut client, tenant| async move {
            client.apply(ApplyRequest { tenant, changes }).await
        });
        match response.rejected {
            None => Ok(response.outcomes.into_iter().map(outcome).collect()),
            Some(rejected) => {
                assert!(response.outcomes.is_empty(), "it has done nothing");
                Err((rejected.index.expect("an index"), error(&rejected)))
            }
        }
    }

    fn pin(&mut self, key: &[u8]) -> Result<Option<Pinned>, Error> {
        self.map(|map| map.pin(key))
            .map_err(|refused| match refused {
                localmap::PinError::Full => Error::Full,
                refused => panic!("{ALIVE}: {refused}"),
            })
    }

    fn pinned(&mut self, pin: &Pinned) -> (Vec<u8>, u64) {
        (self.map(|map| map.pinned(pin)).expect(ALIVE), pin.version())
    }

    fn unpin(&mut self, pin: Pinned) {
        drop(pin);
    }

    fn scan(&mut self, prefix: &[u8], cursor: u64, limit: u32) -> Page {
        let request = |tenant| ScanRequest {
            tenant,
            prefix: prefix.to_vec().into(),
            cursor,
            // 0 is not the smallest limit here.
            limit: limit.max(1),
        };
        let response = self.call(|mut client, tenant| {
            let request = request(tenant);
            async move { client.scan(request).await }
        });
        let found = response.entries.into_iter();
        Page {
            entries: found
                .map(|found| {
                    let key = Vec::from(found.key.clone());
                    let entry = entry(found, &key);
                    (key, entry)
                })
                .collect(),
            next: response.next,
        }
    }

    fn len(&mut self) -> u64 {
        self.map(|map| map.len()).expect(ALIVE)
    }

    fn stats(&mut self) -> Stats {
        let response = self
            .call(|mut client, tenant| async move { client.stats(StatsRequest { tenant }).await });
        assert_eq!(response.class, "all");
        Stats {
            entries: response.entries,
            bytes: response.bytes,
            payload: response.payload,
            overhead: response.overhead,
            free: response.free,
            high_water: response.high_water,
            hits: response.hits,
            misses: response.misses,
            writes: response.writes,
            expired: response.expired,
            evicted: response.evicted,
            refused: response.refused,
            // Peers have no pins.
            pinned: engine_stats(&self.map(|map| map.stats()).expect(ALIVE)).pinned,
        }
    }

    fn sweep(&mut self, max: u32) -> u32 {
        self.map(|map| map.sweep(max)).expect(ALIVE)
    }

    fn clear(&mut self) {
        self.map(|map| map.clear()).expect(ALIVE);
    }
}

impl Remote {
    fn delete_version(&mut self, key: &[u8], version: Option<u64>) -> Result<bool, Error> {
        let delete = change::Delete {
            key: key.to_vec().into(),
            version,
        };
        match self.pipelined(|| Kind::Delete(delete.clone())) {
            Some(Found::Present(present)) => return Ok(present),
            Some(Found::Rejected(rejected)) => return Err(error(&rejected)),
            Some(found) => other(&found),
            None => {}
        }
        let response = self.call(|mut client, tenant| async move {
            let change::Delete { key, version } = delete;
            let request = DeleteRequest {
                tenant,
                key,
                version,
            };
            client.delete(request).await
        });
        match response.result.expect("a result") {
            delete_response::Result::Present(present) => Ok(present),
            delete_response::Result::Rejected(rejected) => Err(error(&rejected)),
        }
    }
}

fn run(pipelined: bool) {
    let served = Served::new();
    let (mut cases, mut faults) = (0, String::new());
    for (file, script) in vectors::files().expect("the folder of the vectors") {
        let new = || {
            cases += 1;
            Remote::new(&served, cases, pipelined)
        };
        match vectors::run(&file, &script, new) {
            Ok(compared) => assert!(compared > 0, "{file} compares nothing"),
            Err(fault) => faults += &fault,
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn vectors_over_calls() {
    run(false);
}

#[test]
fn vectors_over_pipelines() {
    run(true);
}
