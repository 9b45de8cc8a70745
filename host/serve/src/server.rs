//! Accepts connections for a handler, and lets running requests finish when it is shut down.

use crate::handler::Handler;
use crate::protocol::{Accepted, serve_connection};
use crate::tasks::Tasks;
use crate::tls::TlsConfig;
use std::convert::Infallible;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

/// The maximum number of connections that wait to be accepted.
pub const BACKLOG: u32 = 1_024;
/// The delay before retrying when the system cannot accept connections, and the interval of
/// reports about it.
const RETRY: Duration = Duration::from_millis(100);
const REPORT: Duration = Duration::from_secs(10);

/// Serves connections of HTTP/1 and HTTP/2 with a [`Handler`]. See the [crate docs](crate) for an example that
/// uses all of its methods.
pub struct Server {
    handler: Handler,
    tls: Option<TlsConfig>,
    /// Whether the server is shutting down.
    draining: watch::Sender<bool>,
    /// The open connections.
    connections: Tasks,
}

/// Listens on an address. Must be called within a tokio runtime. The port can be reused as soon as
/// the listener is dropped.
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
/// Returns the error of the operating system, for example if another program listens on this
/// address.
///
/// # Panics
///
/// Panics outside of a tokio runtime.
pub fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    bind(addr)?.listen(BACKLOG)
}

/// Takes an address without listening on it: clients are refused until you call
/// [`listen`](TcpSocket::listen), for example once a handler has been created and
/// [tried](Handler::try_instance).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let socket = localmap_serve::bind(([127, 0, 0, 1], 0).into())?;
/// let listener = socket.listen(localmap_serve::BACKLOG)?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Returns the error of the operating system, for example if another program listens on this
/// address. If another program has only taken it, listening may be what fails.
pub fn bind(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match addr {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // On other systems, this option lets two programs listen on the same port.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(addr)?;
    Ok(socket)
}

impl Server {
    /// Creates a server for a handler.
    pub fn new(handler: Handler) -> Self {
        Self {
            handler,
            tls: None,
            draining: watch::Sender::new(false),
            connections: Tasks::default(),
        }
    }

    /// Serves only connections with TLS, with this certificate. Default: only connections without.
    /// See [`TlsConfig`] for an example.
    pub fn tls(mut self, config: TlsConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// Returns the handler.
    pub fn handler(&self) -> &Handler {
        &self.handler
    }

    /// Accepts connections until [`shutdown`](Self::shutdown) is called or the future is dropped.
    /// The listener is then closed, but open connections are still served.
    pub async fn serve(&self, listener: TcpListener) {
        tokio::select! {
            never = self.accept(&listener) => match never {},
            never = self.handler.drop_idle_maps() => match never {},
            () = drain_begins(self.draining.subscribe()) => {}
        }
    }

    /// Shuts down gracefully: stops accepting connections, closes idle ones, and waits until the
    /// requests in flight and their guests have ended, but no longer than `grace`. Returns the
    /// number of requests and connections that have not ended by then. They end with the tokio
    /// runtime.
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
                    let draining = drain_begins(self.draining.subscribe());
                    let accepted = Accepted {
                        stream,
                        peer,
                        tls: self.tls.clone(),
                    };
                    let serving = serve_connection(self.handler.clone(), accepted, draining);
                    self.connections.spawn(serving);
                }
                // The client has already disconnected.
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
            .field("tls", &self.tls.is_some())
            .field("connections", &self.connections.running())
            .field("draining", &*self.draining.borrow())
            .finish()
    }
}

async fn drain_begins(mut draining: watch::Receiver<bool>) {
    // An error means that the server has been dropped.
    if draining.wait_for(|begun| *begun).await.is_err() {
        std::future::pending::<()>().await;
    }
}
