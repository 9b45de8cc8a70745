//! The server of an admin address, on a thread and a runtime of its own.

use super::address::AdminAddress;
use super::connections::Connections;
use super::error::AdminError;
use super::host_header::Reached;
use super::route::Routes;
use super::stall_guard::StallGuard;
#[cfg(unix)]
use super::unix_socket::{self, SocketFile};
use crate::telemetry::Telemetry;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;
use tokio::time::sleep;

/// The maximum number of connections at a time.
pub(super) const MAX_CONNECTIONS: usize = 32;
/// How long a connection is idle at least before another one takes its place.
const GRACE: Duration = Duration::from_millis(if cfg!(test) { 1_000 } else { 100 });
/// The maximum time to send the headers of a request, and to send none on an open connection.
const IDLE: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 10 });
/// The maximum time in which a client reads nothing of a response.
const STALLED: Duration = IDLE;
/// The maximum length of the headers of a request in bytes, and their number.
const MAX_HEADERS_LEN: usize = 16 << 10;
const MAX_HEADERS: usize = 64;
/// How much the thread yields to those of the program when all processors are busy.
const NICENESS: i32 = 5;

/// Serves the metrics, the statistics and the page of a [`Telemetry`] over HTTP/1, on a thread of its
/// own, and up to two more that render. Dropping it closes the address and all of its connections.
///
/// | path | response |
/// |---|---|
/// | `/` | a page with charts and a table of tenants |
/// | `/metrics` | metrics for Prometheus, as its text or as OpenMetrics |
/// | `/stats` | the sums of each class as JSON |
/// | `/maps` | the tenants with their statistics as JSON, by `sort`, `order`, `filter`, `class`, `limit` and `offset` |
/// | `/trace` | the last spans, for Perfetto |
/// | `/healthz` | 200 |
/// | `/readyz` | 200, or 503 while the program serves no requests: see [`Telemetry::set_ready`] |
///
/// It has at most 32 connections at a time: one more takes the place of the one that has been idle for
/// longest. It closes one that sends no request or reads no response for 10 seconds. It refuses requests
/// that a page of another site has sent.
///
/// ```
/// use localmap_telemetry::{AdminServer, Telemetry, TelemetryOptions};
///
/// let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true));
/// let server = AdminServer::bind(&"127.0.0.1:0".parse()?, &telemetry)?;
/// println!("look at {}", server.local_addr().url().unwrap_or_default());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AdminServer {
    address: AdminAddress,
    /// Dropped to stop the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What listens.
enum Listener {
    Tcp(TcpListener),
    /// The file is removed when the thread ends.
    #[cfg(unix)]
    Unix(
        UnixListener,
        #[expect(dead_code, reason = "the socket is removed when it is dropped")] SocketFile,
    ),
}

/// A connection of either kind.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl AdminServer {
    /// Listens on an address, and starts the thread. A Unix socket has mode 0600, and replaces one on
    /// which nobody listens. See [`AdminServer`] for an example.
    ///
    /// # Errors
    ///
    /// - Returns [`AdminError::Listen`] if the operating system does not allow it, for example because
    ///   another program listens there.
    /// - Returns [`AdminError::InUse`] if another process listens on the Unix socket, and
    ///   [`AdminError::NotASocket`] if its path is that of anything else.
    /// - Returns [`AdminError::Thread`] if no thread can be started.
    pub fn bind(address: &AdminAddress, telemetry: &Telemetry) -> Result<Self, AdminError> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| AdminError::Thread { source })?;
        let (listener, address) = listen(&runtime, address)?;
        let (stop, stopped) = oneshot::channel();
        let reached = match &listener {
            Listener::Tcp(_) => Reached::ByTcp,
            #[cfg(unix)]
            Listener::Unix(..) => Reached::ByUnixSocket,
        };
        let routes = Routes::new(telemetry, reached);
        let thread = thread::Builder::new()
            .name("admin".to_owned())
            .spawn(move || {
                // On Linux, this is the niceness of the thread. It helps, and is not needed.
                #[cfg(target_os = "linux")]
                let _ = rustix::process::nice(NICENESS);
                runtime.block_on(async {
                    tokio::select! {
                        () = serve(listener, Arc::new(routes)) => {}
                        _ = stopped => {}
                    }
                });
            })
            .map_err(|source| AdminError::Thread { source })?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Returns the address, with the port that was picked. See [`AdminServer`] for an example.
    pub fn local_addr(&self) -> &AdminAddress {
        &self.address
    }
}

impl Drop for AdminServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It only fails if the thread has panicked, which is reported there.
            let _ = thread.join();
        }
    }
}

/// Listens, and returns the address with its port.
fn listen(
    runtime: &Runtime,
    address: &AdminAddress,
) -> Result<(Listener, AdminAddress), AdminError> {
    let _entered = runtime.enter();
    let failed = |source| AdminError::Listen {
        address: address.to_string(),
        source,
    };
    #[cfg(unix)]
    if let Some(path) = address.unix() {
        let (listener, file) = unix_socket::bind(path)?;
        let listener = UnixListener::from_std(listener).map_err(failed)?;
        return Ok((Listener::Unix(listener, file), address.clone()));
    }
    let bind = || {
        let address = address.tcp().ok_or(io::ErrorKind::Unsupported)?;
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        Ok((TcpListener::from_std(listener)?, port))
    };
    let (listener, port) = bind().map_err(failed)?;
    Ok((Listener::Tcp(listener), address.clone().with_port(port)))
}

/// Accepts connections until it is dropped, which closes them.
async fn serve(listener: Listener, routes: Arc<Routes>) {
    let connections = Connections::new(MAX_CONNECTIONS, GRACE);
    loop {
        let Ok(stream) = listener.accept().await else {
            // Too many open files, or the client is gone.
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (place, closed) = connections.place().await;
        let routes = Arc::clone(&routes);
        tokio::spawn(async move {
            let (routes, place) = (&routes, &place);
            let service = service_fn(|request| async move {
                let running = place.begin();
                let answer = routes.answer(&request).await;
                Ok::<_, Infallible>(answer.map(|body| body.until_sent(running)))
            });
            let stream = TokioIo::new(StallGuard::new(stream, STALLED));
            let serving = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(IDLE)
                .max_buf_size(MAX_HEADERS_LEN)
                .max_headers(MAX_HEADERS)
                // A client may close its side after its last request.
                .half_close(true)
                .serve_connection(stream, service);
            tokio::select! {
                // A client that is gone, or whose request is none, concerns nobody else.
                _ = serving => {}
                _ = closed => {}
            }
        });
    }
}

impl Listener {
    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                let _ = stream.set_nodelay(true);
                Box::new(stream)
            }
            #[cfg(unix)]
            Self::Unix(listener, _) => Box::new(listener.accept().await?.0),
        })
    }
}
