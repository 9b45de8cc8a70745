//! The server: accepts connections until it is told to end, and then lets requests finish.

use super::MAX_REQUESTS;
use super::app::App;
use super::connection;
use super::log::{Log, Logs};
use super::maps::Maps;
use super::signals::Signals;
use crate::terminal::stats::StatsLine;
use crate::terminal::stdio::note;
use anyhow::{Context, anyhow};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1_024;
/// After how many turns of tasks a thread looks at its sockets and at tasks of others. A
/// turn of a guest that computes takes up to 10 ms.
const TURNS: u32 = 4;
/// How long to wait where the system gives no more connections, and how often to say so.
const NO_MORE: Duration = Duration::from_millis(100);
const SAY_SO: Duration = Duration::from_secs(10);

/// What all requests share.
pub(super) struct Server {
    pub(super) app: App,
    pub(super) maps: Arc<Maps>,
    logs: Logs,
    quiet: bool,
    room: Arc<Semaphore>,
    /// Whether the server ends. It is closed when nothing runs any more.
    stopping: watch::Sender<bool>,
}

/// Held by what the end of the server waits for; tells when that begins.
pub(super) type Running = watch::Receiver<bool>;

/// The threads that everything runs on.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_multi_thread()
        .thread_name("localmap-serve")
        .enable_all()
        .event_interval(TURNS)
        .global_queue_interval(TURNS)
        .build()
        .context("cannot start threads")
}

/// Listens on an address, within a runtime.
pub(super) fn bind(addr: &str) -> anyhow::Result<TcpListener> {
    let addrs: Vec<SocketAddr> = addr
        .to_socket_addrs()
        .with_context(|| format!("--addr {addr}: expected ADDRESS:PORT such as 127.0.0.1:8080"))?
        .collect();
    let mut refused = io::Error::from(ErrorKind::AddrNotAvailable);
    for addr in addrs {
        match listen(addr) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
    }
    let hint = match refused.kind() {
        ErrorKind::AddrInUse => {
            ": another program listens there; choose another port with --addr, or port 0 for \
             one that is free"
        }
        ErrorKind::PermissionDenied => ": choose a port from 1024 on",
        ErrorKind::AddrNotAvailable => ": this machine has no such address",
        _ => "",
    };
    Err(anyhow!(refused).context(format!("cannot listen on {addr}{hint}")))
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = match addr {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // So that it can be had again at once; where that means something else, it is not set.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

impl Server {
    pub(super) fn new(app: App, maps: Maps, logs: Logs, quiet: bool) -> Self {
        Self {
            app,
            maps: Arc::new(maps),
            logs,
            quiet,
            room: Arc::new(Semaphore::new(MAX_REQUESTS as usize)),
            stopping: watch::Sender::new(false),
        }
    }

    /// Where the lines of requests go.
    pub(super) fn log(&self) -> Option<&Log> {
        (!self.quiet).then(|| self.logs.log())
    }

    /// Lets a request in, if there is room.
    pub(super) fn admit(&self) -> Option<(Running, OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.room).try_acquire_owned().ok()?;
        Some((self.stopping.subscribe(), permit))
    }

    /// Serves until it is told to end, and then until all is done, but no longer than
    /// `grace`. Gives the exit code.
    pub(super) async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        grace: Duration,
    ) -> anyhow::Result<ExitCode> {
        let mut signals = Signals::catch().context("cannot catch signals")?;
        let addr = listener.local_addr().context("cannot listen")?;
        note(format_args!("Listening on http://{addr}"));
        tokio::spawn(Arc::clone(&self.maps).drop_idle());
        tokio::select! {
            never = self.accept(&listener) => match never {},
            _ = signals.next() => {}
        }
        drop(listener);
        self.stopping.send_replace(true);
        tokio::select! {
            () = self.stopping.closed() => {}
            () = tokio::time::sleep(grace) => {
                let left = self.stopping.receiver_count();
                self.logs.log().line(format!("{left} requests or connections were cut off"));
            }
            code = signals.next() => return Ok(ExitCode::from(code)),
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn accept(self: &Arc<Self>, listener: &TcpListener) -> std::convert::Infallible {
        let mut said: Option<Instant> = None;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let (server, running) = (Arc::clone(self), self.stopping.subscribe());
                    tokio::spawn(connection::serve(server, stream, peer, running));
                }
                // The client has gone already.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if said.is_none_or(|said| said.elapsed() > SAY_SO) {
                        let line = format!("cannot accept connections, trying again: {error}");
                        self.logs.log().line(line);
                        said = Some(Instant::now());
                    }
                    tokio::time::sleep(NO_MORE).await;
                }
            }
        }
    }

    /// Writes what is still to be written, and the statistics of the server's map if they
    /// are asked for.
    pub(super) fn finish(&self, stats: bool) {
        self.logs.flush();
        if !stats {
            return;
        }
        match self.maps.stats() {
            Some(stats) => note(format_args!("map: {}", StatsLine(stats))),
            None => note("map: the statistics are lost with the map, which has died"),
        }
    }
}
