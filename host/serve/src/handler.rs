//! Answers one request: finds its map, calls its guest, and passes on the response.

use crate::app::App;
use crate::caller::Caller;
use crate::check::check_response;
use crate::connection::Connection;
use crate::delivery::Delivery;
use crate::error::{HandlerError, ReuseError};
use crate::exchange::{Exchange, ResponseSide};
use crate::failure::{Failure, chain};
use crate::first_response;
use crate::fit;
use crate::guest::Guest;
use crate::guest_body::GuestResponse;
use crate::handler_options::HandlerOptions;
use crate::instance::{Entry, Job, JobCall};
use crate::lock::{FENCE, WatchedLock};
use crate::log::{LogSink, RequestRecord, escape_word};
use crate::map_factory::MapFactory;
use crate::map_scope::MapScope;
use crate::maps::{CheckedOut, Maps, only_value};
use crate::observed;
use crate::outgoing::OnBehalf;
use crate::request_body::RequestBody;
use crate::responder::{Responder, SharedResponder};
use crate::response_body::{ResponseBody, UPLOAD_CUT};
use crate::reuse::Reuse;
use crate::target::resolve;
use crate::tasks::Tasks;
use crate::worker::Reusing;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::header::HeaderMap;
use hyper::{Request, Response};
use localmap::{
    Host, HostOptions, Inspection, MapOptions, Profile, Stats, TenantClass, TenantsOptions,
    WasiVersion,
};
use localmap_lease::Guard;
use localmap_telemetry::{self as telemetry, Protocol, Telemetry};
use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::Error;

/// Answers requests with a guest. It holds the state that all requests share.
///
/// Creating a handler compiles the guest and, if the guest imports a map, the map component. So
/// create one handler and keep it. Clones share the same state.
#[derive(Clone)]
pub struct Handler {
    shared: Arc<Shared>,
}

struct Shared {
    app: Arc<App>,
    maps: Arc<Maps>,
    log: Option<Arc<dyn LogSink>>,
    telemetry: Option<Telemetry>,
    guard: Option<Guard>,
    /// What is needed for instances that answer several requests, if there are any.
    reusing: Option<Reusing>,
    room: Arc<Semaphore>,
    /// The number of requests so far, unless telemetry counts them.
    requests: AtomicU64,
    /// The running guests, which may outlive their responses.
    guests: Tasks,
}

impl Handler {
    /// Compiles a component that exports `wasi:http/incoming-handler` of WASI 0.2 or
    /// `wasi:http/handler` of WASI 0.3, and checks once that its
    /// folders can be opened. If it imports a map, also creates a first one. Each request opens
    /// its folders again.
    ///
    /// See the [crate docs](crate) for an example.
    ///
    /// # Errors
    ///
    /// Returns [`HandlerError::Command`] or [`NotAHandler`](HandlerError::NotAHandler) if the
    /// component is of another kind, [`Reuse`](HandlerError::Reuse) if its instances cannot be reused,
    /// [`Component`](HandlerError::Component) if the bytes are not a component,
    /// [`Incompatible`](HandlerError::Incompatible) if it cannot be linked with the map that it
    /// imports, [`Imports`](HandlerError::Imports) if it imports anything else that is not served,
    /// [`NoMirrors`](HandlerError::NoMirrors) if it reads mirrors and the sandbox has none,
    /// [`Sandbox`](HandlerError::Sandbox) if it cannot be compiled or a folder cannot be opened,
    /// and [`Map`](HandlerError::Map) if the first map cannot be created.
    pub fn new(component: &[u8], options: &HandlerOptions) -> Result<Self, HandlerError> {
        let found = localmap::inspect_declarations(component)?;
        Self::inspected(component, &found, options)
    }

    /// As [`new`](Self::new), for a component that you have read already: `found` is its
    /// description. It must be that of this component.
    ///
    /// ```no_run
    /// use localmap::inspect_declarations;
    /// use localmap_serve::{Handler, HandlerOptions, MapScope};
    ///
    /// let component = std::fs::read("app.wasm")?;
    /// let found = inspect_declarations(&component)?;
    /// let options = HandlerOptions::new().map_scope(MapScope::default_for(&found));
    /// let handler = Handler::inspected(&component, &found, &options)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`new`](Self::new).
    pub fn inspected(
        component: &[u8],
        found: &Inspection,
        options: &HandlerOptions,
    ) -> Result<Self, HandlerError> {
        let version = fit::version(found)?;
        let linkable = localmap::linkable(component, found, &options.buckets)?;
        fit::unserved_imports(component)?;
        fit::check_mirrors(found, &options.sandbox)?;
        let scope = options.map_scope.clone();
        let scope = scope.unwrap_or_else(|| MapScope::default_for(found));
        if let Some(reuse) = options.reuse {
            check_reuse(reuse, version, linkable.is_some(), &scope)?;
        }
        let factory = match &linkable {
            Some(_) => Some(factory(options, &scope, found)?),
            None => None,
        };
        let (linked, found) = match &linkable {
            Some(Cow::Owned(composed)) => (composed.as_slice(), None),
            _ => (component, Some(found)),
        };
        let app = App::new(linked, found, version, options)
            .map_err(|error| fit::explain_code(component, error))?;
        let reuse = options.reuse;
        let maps = Maps::new(scope, factory, reuse.is_some())?;
        Ok(Self {
            shared: Arc::new(Shared {
                app: Arc::new(app),
                maps: Arc::new(maps),
                log: options.log.clone(),
                telemetry: options.telemetry.clone(),
                guard: options.guard.clone(),
                reusing: reuse.map(|reuse| Reusing::new(reuse, options.max_requests)),
                room: Arc::new(Semaphore::new(options.max_requests as usize)),
                requests: AtomicU64::new(0),
                guests: Tasks::default(),
            }),
        })
    }

    /// Creates one instance of the guest, with a map if it imports one, and drops it without calling
    /// it. Requests would fail for the same reason if this does. Must be called within a tokio
    /// runtime whose timer is enabled.
    ///
    /// ```no_run
    /// use localmap_serve::{Handler, Server};
    ///
    /// # async fn start(handler: Handler) -> Result<(), Box<dyn std::error::Error>> {
    /// handler.try_instance().await?;
    /// let listener = localmap_serve::listen(([127, 0, 0, 1], 8080).into())?;
    /// Server::new(handler).serve(listener).await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`HandlerError::Instance`] if the guest needs more memory than it may have, or than
    /// the process can reserve, or fails before it is called, [`Map`](HandlerError::Map) if it gets
    /// no map, and [`Sandbox`](HandlerError::Sandbox) if a folder cannot be opened.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with its timer enabled.
    pub async fn try_instance(&self) -> Result<(), HandlerError> {
        let map = self.shared.maps.for_trial()?;
        self.shared.app.try_instance(map).await
    }

    /// Answers a request on a connection. Must be called within a tokio runtime whose timer is
    /// enabled.
    ///
    /// The guest runs in its own task, and may continue after its response is complete or the
    /// client has disconnected. If it gives no response, the handler responds instead with a
    /// status of 400 or more and a line of text without details. The cause is reported to the
    /// [log](HandlerOptions::log).
    ///
    /// ```no_run
    /// use localmap_serve::hyper::Request;
    /// use localmap_serve::{Connection, Handler};
    /// use std::net::SocketAddr;
    ///
    /// # async fn answer(handler: &Handler, peer: SocketAddr, local: SocketAddr) {
    /// // One for each connection that your server accepts, for all of its requests.
    /// let connection = Connection::new(peer, local);
    /// let request = Request::get("http://localhost/").body(String::new()).expect("it is valid");
    /// let response = handler.handle(&connection, request).await;
    /// assert!(!response.status().is_informational());
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime when it calls the guest. If the timer of the runtime is
    /// not enabled, requests are answered with 500.
    pub async fn handle<B>(
        &self,
        connection: &Connection,
        request: Request<B>,
    ) -> Response<ResponseBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Error>,
    {
        let request = RequestBody::wrap(request);
        self.answer(connection, request, None).await
    }

    /// Drops each map of [`MapScope::Header`] once it has been idle for
    /// [`HandlerOptions::idle_timeout`]. Never returns: run it concurrently with the code that
    /// accepts requests, as [`Server::serve`](crate::Server::serve) does.
    ///
    /// ```no_run
    /// # fn keep(handler: &localmap_serve::Handler) {
    /// let handler = handler.clone();
    /// let dropping = tokio::spawn(async move { handler.drop_idle_maps().await });
    /// // When the server ends:
    /// dropping.abort();
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with its timer enabled, as soon as a map is idle.
    pub async fn drop_idle_maps(&self) -> Infallible {
        self.shared.maps.drop_idle().await
    }

    /// Waits until no guest is running, including guests that outlive their responses. See
    /// [`running_guests`](Self::running_guests) for an example.
    pub async fn guests_ended(&self) {
        self.shared.guests.ended().await;
    }

    /// Returns the number of running guests.
    ///
    /// ```no_run
    /// # async fn end(handler: &localmap_serve::Handler) {
    /// // Before a program of its own HTTP server exits:
    /// let grace = std::time::Duration::from_secs(10);
    /// if tokio::time::timeout(grace, handler.guests_ended()).await.is_err() {
    ///     println!("{} guests were cut off", handler.running_guests());
    /// }
    /// # }
    /// ```
    pub fn running_guests(&self) -> usize {
        self.shared.guests.running()
    }

    /// Returns the number of live maps. See [`stats`](Self::stats) for an example.
    pub fn live_maps(&self) -> usize {
        self.shared.maps.live()
    }

    /// Returns the statistics of the map of [`MapScope::Server`], or `None` if the scope is
    /// another, the guest imports no map, or the map has terminated.
    ///
    /// ```no_run
    /// # fn metrics(handler: &localmap_serve::Handler) {
    /// if let Some(stats) = handler.stats() {
    ///     println!("entries={} maps={}", stats.entries, handler.live_maps());
    /// }
    /// # }
    /// ```
    pub fn stats(&self) -> Option<Stats> {
        self.shared.maps.stats()
    }

    /// Answers a request, whose body the caller has wrapped. `delivery` reports how much of the
    /// response has been sent, if the server knows.
    pub(crate) async fn answer<B>(
        &self,
        connection: &Connection,
        mut request: Request<RequestBody<B>>,
        delivery: Option<&Arc<Delivery>>,
    ) -> Response<ResponseBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Error>,
    {
        let log = self.shared.log.as_ref();
        let sent = delivery.map(|delivery| delivery.sent());
        let (observed, caller) = self.observe(&mut request);
        // The same in the log and in traces.
        let id = match caller.number() {
            0 => self.shared.requests.fetch_add(1, Ordering::Relaxed) + 1,
            number => number,
        };
        let upload = request.body().upload();
        let peer = connection.peer();
        let side = Exchange::begin(log, peer, id, sent, &request, upload, observed);
        match self.respond(connection, id, request, caller, &side).await {
            Ok(response) => ResponseBody::of_guest(side, response, delivery),
            Err(failure) => {
                side.set_cause(&failure.cause);
                if side.is_upload_cut() {
                    side.add_cause(UPLOAD_CUT);
                }
                ResponseBody::text(side, &failure, delivery)
            }
        }
    }

    /// Reports that a client has sent something other than a request.
    pub(crate) fn report(&self, peer: SocketAddr, cause: &str) {
        if let Some(log) = self.log() {
            let mut record = RequestRecord::new(SystemTime::now(), peer);
            record.cause = Some(cause.to_owned());
            log.request(&record);
        }
    }

    /// Returns the log to which requests are reported.
    pub(crate) fn log(&self) -> Option<&Arc<dyn LogSink>> {
        self.shared.log.as_ref()
    }

    /// Begins a request for telemetry, if there is any.
    fn observe<B>(&self, request: &mut Request<B>) -> (Option<telemetry::Request>, Caller) {
        let Some(telemetry) = &self.shared.telemetry else {
            return (None, Caller::default());
        };
        let method = request.method().clone();
        let (observed, caller) = Caller::begin(
            telemetry,
            Protocol::Http,
            method.as_str(),
            request.headers_mut(),
        );
        (Some(observed), caller)
    }

    async fn respond<B>(
        &self,
        connection: &Connection,
        id: u64,
        mut request: Request<RequestBody<B>>,
        caller: Caller,
        side: &ResponseSide,
    ) -> Result<GuestResponse, Failure>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Error>,
    {
        let shared = &self.shared;
        let target = resolve(&mut request, connection.local())?;
        let scheme = connection.scheme(target);
        let of_connection = connection.admit().await;
        let mut early = None;
        let mut lock = None;
        if let Some(guard) = &shared.guard {
            // A tenant that may do nothing locks nothing. Other maps, and the places of requests, are not
            // for those that wait.
            if let Some(MapScope::Header(_)) = shared.maps.scope() {
                early = Some(self.check_out(connection, request.headers(), side)?);
            }
            request.body_mut().hide_trailer(FENCE);
            lock = WatchedLock::of(guard, &mut request).await?;
        }
        let permits = (of_connection, self.admit()?);
        let CheckedOut {
            map,
            instances,
            checkout,
        } = match early {
            Some(early) => early,
            None => self.check_out(connection, request.headers(), side)?,
        };
        if let Some(tenant) = checkout.tenant() {
            side.set_tenant(tenant.as_bytes());
        }
        let mut of = OnBehalf {
            caller,
            reporter: side.http_reporter(),
        };
        if let (Some(instances), Some(reusing)) = (instances, &shared.reusing) {
            if reusing.answers_several() {
                // Their work cannot be told apart.
                of.caller = Caller::default();
            }
            let (responder, responses) = SharedResponder::new();
            let entry = Entry {
                id,
                side: side.call_guest(),
                responder,
                held: Box::new((checkout, permits, shared.guests.begin())),
                lock,
            };
            let call = JobCall {
                scheme,
                request: request.map(|body| body.map_err(Into::into).boxed_unsync()),
                of,
            };
            let job = Box::new(Job { entry, call });
            let (task, help) = reusing.give(&shared.app, &instances, map, job);
            let mut first = Some(help);
            let help = || first.take().unwrap_or_else(|| task.help());
            let response = first_response::of_instance(responses, help).await?;
            return check_response(response, side);
        }
        let (responder, responses) = Responder::single();
        let scheme = scheme.as_ref();
        let called = shared.app.call(map, id, scheme, request, of, responder);
        let call = called.map_err(|error| Failure::of_guest(chain(&error)))?;
        let guest = Guest {
            app: Arc::clone(&shared.app),
            side: side.call_guest(),
            call,
            checkout,
            permits,
            lock,
        };
        let guest = shared.guests.start(guest.run());
        let response = first_response::of_guest(responses, guest).await?;
        check_response(response, side)
    }

    /// Selects the map of a request.
    fn check_out(
        &self,
        connection: &Connection,
        headers: &HeaderMap,
        side: &ResponseSide,
    ) -> Result<CheckedOut, Failure> {
        let maps = &self.shared.maps;
        side.set_map(map_label(maps.scope(), headers));
        let checked_out = maps.check_out(headers, connection.map());
        checked_out.map_err(|error| Failure::of_map(&error))
    }

    /// Acquires a permit for a request, if one is available.
    fn admit(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let permit = Arc::clone(&self.shared.room).try_acquire_owned();
        permit.map_err(|_| Failure::too_many_requests())
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler")
            .field("running_guests", &self.running_guests())
            .field("live_maps", &self.live_maps())
            .finish_non_exhaustive()
    }
}

/// Checks that the requests that may share an instance share a map.
fn check_reuse(
    reuse: Reuse,
    version: WasiVersion,
    has_map: bool,
    scope: &MapScope,
) -> Result<(), ReuseError> {
    match scope {
        MapScope::Server => {}
        _ if !has_map => return Err(ReuseError::WithoutMap),
        MapScope::Request => return Err(ReuseError::RequestScope),
        MapScope::Connection | MapScope::Header(_) => {}
    }
    match version {
        WasiVersion::V0_2 if reuse.max_concurrent() > 1 => Err(ReuseError::OneAtATime),
        _ => Ok(()),
    }
}

fn factory(
    options: &HandlerOptions,
    scope: &MapScope,
    found: &Inspection,
) -> Result<MapFactory, HandlerError> {
    let limits = found.map_limits(options.limits.clone());
    let profile = match scope.is_short() {
        true => Profile::Churn,
        false => Profile::Dense,
    };
    let tenants = options.tenants.as_ref();
    let of_tenants = tenants.map_or(0, TenantsOptions::recommended_memory);
    let host = HostOptions::new()
        .profile(profile)
        .max_maps(options.max_maps)
        .max_memory(limits.recommended_memory().max(of_tenants));
    #[cfg(feature = "cache")]
    let host = host.cache(options.sandbox.keeps_code());
    let host = Host::with_options(&host).map_err(crate::error::MapError::Create)?;
    let map = MapOptions::new().limits(limits);
    let map = match &options.write_rule {
        Some(rule) => map.write_rule(Arc::clone(rule)),
        None => map,
    };
    let entries = options.entries.clone();
    let has_classes = tenants.is_some();
    let tenants = match tenants {
        Some(tenants) => tenants.clone(),
        None => {
            let class = TenantClass::new("default")
                .map(map.clone())
                .entries(entries.clone())
                .idle_timeout(options.idle_timeout);
            // Nobody reads the statistics of a tenant that is gone.
            TenantsOptions::new().class(class).max_history(0)
        }
    };
    let Some(telemetry) = &options.telemetry else {
        return Ok(MapFactory::new(host, map, entries, tenants, has_classes)?);
    };
    let tenants = observed::tenants(tenants, telemetry, scope);
    let factory = MapFactory::new(host, map, entries, tenants, has_classes)?;
    Ok(factory.observed_by(telemetry, scope))
}

/// Returns a label of the request's map for the log: the scope, or a header and its value. Returns
/// `None` if the header does not select a map.
fn map_label(scope: Option<&MapScope>, headers: &HeaderMap) -> Option<String> {
    let secret = scope.is_some_and(MapScope::is_secret);
    let header = match scope {
        None => return Some("none".to_owned()),
        Some(MapScope::Request) => return Some("request".to_owned()),
        Some(MapScope::Connection) => return Some("connection".to_owned()),
        Some(MapScope::Server) => return Some("server".to_owned()),
        Some(MapScope::Header(header)) => header,
    };
    let value = only_value(headers, header).ok()?;
    let mut label = format!("{header}:");
    escape_word(&mut label, if secret { b"*" } else { value });
    Some(label)
}
