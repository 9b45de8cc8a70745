//! HTTP requests that guests send: which of them are allowed, and how they are sent.
//!
//! The host of a request is compared with the allowed hosts, its name is looked up once, the
//! addresses are checked, and one of these is connected to. So a name cannot lead to another
//! address after the check.

mod address;
mod allowed_host;
mod connect;
mod failure;
mod host;
mod send;
mod tls;

use crate::caller::Caller;
use allowed_host::Destination;
use connect::Connector;
use failure::Reports;
use hyper::header::{HOST, HeaderValue};
use hyper::http::uri::Scheme;
use hyper::{Method, Request};
use send::{Sent, Timeouts};
use std::fmt;
use std::sync::Arc;
use tls::Tls;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

pub use allowed_host::AllowedHost;
pub use failure::{HttpFailure, HttpFailureReason};
pub use host::ParseAllowedHostError;

pub(crate) use failure::HttpReporter;
pub(crate) use send::poll_passed_on;

/// The maximum number of requests of a guest at a time, until the ends of their responses.
const CONCURRENT: usize = 16;

/// The maximum number of lookups of names at a time, for all guests of a configuration. Each takes
/// a thread, and cannot be ended.
const LOOKUPS: usize = 64;

/// The number of bytes of a body that a guest can write at a time. Twice as many can wait to be
/// read.
const CHUNK: usize = 64 << 10;

/// The requests that the guests of a configuration may send.
#[derive(Clone)]
pub(crate) struct Outgoing {
    allowed: Arc<Vec<AllowedHost>>,
    tls: Arc<Tls>,
    lookups: Arc<Semaphore>,
    reporter: Option<HttpReporter>,
}

impl Default for Outgoing {
    /// Creates a configuration that allows no requests.
    fn default() -> Self {
        Self {
            allowed: Arc::default(),
            tls: Arc::default(),
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
            reporter: None,
        }
    }
}

impl Outgoing {
    /// Allows one more host.
    pub(crate) fn allow(&mut self, host: AllowedHost) {
        Arc::make_mut(&mut self.allowed).push(host);
    }

    /// Sets the destination of reports.
    pub(crate) fn report_to(&mut self, reporter: HttpReporter) {
        self.reporter = Some(reporter);
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.allowed.iter()).finish()
    }
}

/// The request on whose behalf a guest runs.
#[derive(Default)]
pub(crate) struct OnBehalf {
    pub(crate) caller: Caller,
    /// The destination of reports about requests that the guest sends, if it is not that of all guests.
    pub(crate) reporter: Option<HttpReporter>,
}

/// The behaviour of `wasi:http` for one guest. By default, the guest may send no requests.
#[derive(Default)]
pub(crate) struct OutgoingHooks {
    granted: Option<Arc<Outgoing>>,
    of: OnBehalf,
    /// The reports to their destination. Most guests send no requests, and need none.
    reports: Option<Arc<Reports>>,
    /// The room for requests at a time.
    room: Option<Arc<Semaphore>>,
}

impl OutgoingHooks {
    /// Grants a guest the requests that it may send.
    pub(crate) fn new(granted: Arc<Outgoing>) -> Self {
        Self {
            granted: Some(granted),
            ..Self::default()
        }
    }

    /// Sets the request on whose behalf the guest sends requests from now on. If it has a destination of
    /// reports, they have a limit of their own.
    pub(crate) fn send_for(&mut self, of: OnBehalf) {
        if of.reporter.is_some() {
            self.reports = None;
        }
        self.of = of;
    }

    /// Returns what the guest may send, and the reports about it.
    fn parts(&mut self) -> (&Outgoing, &Arc<Reports>) {
        let granted = self.granted.get_or_insert_default();
        let reports = self.reports.get_or_insert_with(|| {
            let reporter = self.of.reporter.as_ref().or(granted.reporter.as_ref());
            Arc::new(Reports::new(reporter.cloned()))
        });
        (granted, reports)
    }

    /// Returns the room for requests at a time.
    fn room(&mut self) -> Arc<Semaphore> {
        let room = self
            .room
            .get_or_insert_with(|| Arc::new(Semaphore::new(CONCURRENT)));
        Arc::clone(room)
    }

    /// Checks a request, and returns what sends it. Nothing has been looked up or sent yet.
    fn check(&mut self, request: &mut Request<WasiBody>) -> Result<Connector, Error> {
        let (granted, reports) = self.parts();
        let scheme = request.uri().scheme().cloned().unwrap_or(Scheme::HTTPS);
        let authority = request.uri().authority();
        let authority = authority.ok_or(Error::HttpRequestUriInvalid)?.as_str();
        let (host, port) = host::parse(authority).map_err(|_| Error::HttpRequestUriInvalid)?;
        let default = if scheme == Scheme::HTTPS { 443 } else { 80 };
        let to = Destination {
            host,
            port: port.unwrap_or(default),
        };
        // There is no tunnel through which other hosts could be reached.
        if *request.method() == Method::CONNECT {
            return Err(Error::HttpRequestMethodInvalid);
        }
        let connector = Connector {
            allowed: Arc::clone(&granted.allowed),
            tls: Arc::clone(&granted.tls),
            lookups: Arc::clone(&granted.lookups),
            reports: Arc::clone(reports),
            method: request.method().clone(),
            scheme,
            to,
        };
        if !allowed_host::allows(&granted.allowed, &connector.to) {
            let allow = AllowedHost::exactly(connector.to.host.clone(), connector.to.port);
            connector.report(HttpFailureReason::HostNotAllowed { allow });
            return Err(Error::HttpRequestDenied);
        }
        // The site that is named is the one that was compared, whatever its spelling.
        let named = connector.authority();
        let named = HeaderValue::try_from(named).map_err(|_| Error::HttpRequestUriInvalid)?;
        request.headers_mut().insert(HOST, named);
        self.of.caller.pass_on(request.headers_mut());
        Ok(connector)
    }
}

impl WasiHttpHooks for OutgoingHooks {
    fn send_request(
        &mut self,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _sent: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let checked = self.check(&mut request).and_then(|connector| {
            let permit = self.room().try_acquire_owned();
            let permit = permit.map_err(|_| Error::ConnectionLimitReached)?;
            Ok((connector, Arc::new(permit)))
        });
        let timeouts = Timeouts::new(options.unwrap_or_default());
        Box::new(async move {
            let (connector, permit) = checked?;
            let connecting = tokio::time::timeout(timeouts.connect, connector.connect(&permit));
            let stream = connecting.await.map_err(|_| Error::ConnectionTimeout)??;
            send::send(stream, request, timeouts, permit).await
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }
}
