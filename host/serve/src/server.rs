//! Accepts connections for a handler, and lets what runs finish at the end.

use crate::connection::Connection;
use crate::handler::Handler;
use crate::log::RequestRecord;
use crate::response_body::ResponseBody;
use crate::stall_guard::StallGuard;
use crate::tasks::Tasks;
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1_024;
/// How long to wait where the system gives no more connections, and how often to report it.
const RETRY: Duration = Duration::from_millis(100);
const REPORT: Duration = Duration::from_secs(10);
/// How long a client may take to send the headers of a request, and how long it may keep the
/// connection open without one.
const HEADERS: Duration = Duration::from_secs(30);
/// How long a client may read nothing of what is sent to it.
const STALLED: Duration = Duration::from_secs(30);
/// Bytes that the headers of a request may have; up to twice as many may come in one piece.
const MAX_HEADERS: usize = 64 << 10;

/// Serves HTTP/1 connections with a [`Handler`], and drains. The example of the [crate](crate)
/// shows all of its methods.
pub struct Server {
    handler: Handler,
    /// Whether the drain has begun.
    draining: watch::Sender<bool>,
    /// The connections that are open.
    connections: Tasks,
}

/// Listens on an address, within a tokio runtime. The port can be used again as soon as the
/// listener is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// // Port 0 picks a free port.
/// let listener = localmap_serve::listen(([127, 0, 0, 1], 0).into())?;
/// println!("http://{}", listener.local_addr()?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Returns the operating system's error: another program listens there, say.
///
/// # Panics
///
/// Panics outside of a tokio runtime.
pub fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = match addr {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Elsewhere, this option lets two programs have the same port.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

impl Server {
    /// Creates a server for a handler.
    pub fn new(handler: Handler) -> Self {
        Self {
            handler,
            draining: watch::Sender::new(false),
            connections: Tasks::default(),
        }
    }

    /// Returns the handler.
    pub fn handler(&self) -> &Handler {
        &self.handler
    }

    /// Accepts connections until [`shutdown`](Self::shutdown) is called, or until the future
    /// is dropped. Then the listener is closed; connections that are open go on.
    pub async fn serve(&self, listener: TcpListener) {
        tokio::select! {
            never = self.accept(&listener) => match never {},
            never = self.handler.drop_idle_maps() => match never {},
            () = drain_begins(self.draining.subscribe()) => {}
        }
    }

    /// Drains: closes idle connections and accepts no more, and waits until the requests in
    /// flight and their guests have ended, but no longer than `grace`. Returns how many
    /// requests and connections have not ended by then: they end with the tokio runtime.
    pub async fn shutdown(&self, grace: Duration) -> usize {
        self.draining.send_replace(true);
        let drained = async {
            self.connections.ended().await;
            self.handler.guests_ended().await;
        };
        match tokio::time::timeout(grace, drained).await {
            Ok(()) => 0,
            Err(_) => self.connections.running() + self.handler.running_guests(),
        }
    }

    async fn accept(&self, listener: &TcpListener) -> Infallible {
        let mut reported: Option<Instant> = None;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let draining = self.draining.subscribe();
                    let serving = serve_connection(self.handler.clone(), stream, peer, draining);
                    self.connections.spawn(serving);
                }
                // The client has gone already.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if reported.is_none_or(|reported| reported.elapsed() > REPORT) {
                        if let Some(log) = self.handler.log() {
                            log.accept_failed(&error);
                        }
                        reported = Some(Instant::now());
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("handler", &self.handler)
            .field("connections", &self.connections.running())
            .field("draining", &*self.draining.borrow())
            .finish()
    }
}

async fn drain_begins(mut draining: watch::Receiver<bool>) {
    // An error means that the server is gone, and its drain with it.
    if draining.wait_for(|begun| *begun).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Answers the requests of a connection, one after the other, until the client has no more or
/// the server drains.
async fn serve_connection(
    handler: Handler,
    stream: TcpStream,
    peer: SocketAddr,
    draining: watch::Receiver<bool>,
) {
    // Fails if the client has gone already.
    let Ok(local) = stream.local_addr() else {
        return;
    };
    // Small responses are not kept waiting.
    let _ = stream.set_nodelay(true);
    let connection = Arc::new(Connection::new(peer, local));
    let log = handler.log().cloned();
    let service = service_fn(move |request| {
        let (handler, connection) = (handler.clone(), Arc::clone(&connection));
        async move { Ok::<_, Infallible>(answer(&handler, &connection, request).await) }
    });
    let mut serving = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS)
            .max_buf_size(MAX_HEADERS)
            // A client that has sent its last request may close its side.
            .half_close(true)
            .serve_connection(TokioIo::new(StallGuard::new(stream, STALLED)), service)
    );
    let done = tokio::select! {
        done = serving.as_mut() => done,
        () = drain_begins(draining) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    // Errors within a request are in the record of the request.
    if let (Err(error), Some(log)) = (done, log)
        && error.is_parse()
    {
        let mut record = RequestRecord::new(SystemTime::now(), peer);
        record.cause = Some(error.to_string());
        log.request(&record);
    }
}

async fn answer(
    handler: &Handler,
    connection: &Connection,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    let old = request.version() < Version::HTTP_11;
    let mut response = handler.handle(connection, request).await;
    // The connection of an older client ends with a body of unknown length: hyper would
    // promise otherwise.
    let known = response.headers().contains_key(CONTENT_LENGTH)
        || response.body().size_hint().exact().is_some();
    if old && !known {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}
