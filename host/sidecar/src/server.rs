//! Accepts connections, bounds their number, and lets running calls finish at the end.

use crate::activity::Activity;
use crate::connection;
use crate::connections::{Connections, Open, Place};
use crate::event::{Event, Refusal};
use crate::limiter::ReportLimiter;
use crate::options::SidecarOptions;
use crate::peer::Peer;
use crate::services::Services;
use crate::socket::Socket;
use crate::state::State;
use localmap::Tenants;
use rustix::io::Errno;
use std::convert::Infallible;
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::UnixStream;

/// The delay before retrying when the system cannot accept connections.
const RETRY: Duration = Duration::from_millis(100);

/// How long a new connection waits for those that have to make place.
const SETTLING: Duration = Duration::from_millis(500);

/// How long a connection in the place of a probe may last.
const PROBE_TIME: Duration = Duration::from_secs(2);

/// Gives the maps of tenants to other processes, over gRPC on a Unix socket. See the [crate docs](crate)
/// for an example.
pub struct Sidecar {
    shared: Arc<Shared>,
}

/// What the tasks of connections need.
struct Shared {
    state: Arc<State>,
    services: Arc<Services>,
    connections: Connections,
    uid: u32,
    refusals: ReportLimiter,
    accept_failures: ReportLimiter,
    malformed: ReportLimiter,
    failures: ReportLimiter,
}

impl Sidecar {
    /// Creates a sidecar for these tenants.
    ///
    /// Their maps must have a [`max_value`](localmap::Limits#structfield.max_value) of at most
    /// [`MAX_VALUE_LEN`](crate::MAX_VALUE_LEN), so that each entry fits into a message, and one
    /// [shard](localmap::TenantClass::shards_per_tenant): tenants with several have neither pipelines
    /// nor mirrors, scans and calls of `GetMany`.
    pub fn new(tenants: Tenants, options: SidecarOptions) -> Self {
        let max_connections = options.max_connections;
        let state = Arc::new(State::new(tenants, options));
        let shared = Shared {
            services: Arc::new(Services::new(Arc::clone(&state))),
            state,
            connections: Connections::new(max_connections),
            uid: rustix::process::geteuid().as_raw(),
            refusals: ReportLimiter::new(10, Duration::from_secs(10)),
            accept_failures: ReportLimiter::new(1, Duration::from_secs(10)),
            malformed: ReportLimiter::new(1, Duration::from_secs(60)),
            failures: ReportLimiter::new(10, Duration::from_secs(10)),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Returns the tenants.
    pub fn tenants(&self) -> &Tenants {
        &self.shared.state.tenants
    }

    /// Accepts connections until [`shutdown`](Self::shutdown) is called or the future is dropped. The
    /// socket is then removed, but open connections are still served.
    pub async fn serve(&self, socket: Socket) {
        let state = &self.shared.state;
        self.shared.services.set_serving(true).await;
        tokio::select! {
            never = self.accept(&socket) => match never {},
            never = state.drop_idle_tenants() => match never {},
            () = state.ending.begun() => {}
        }
    }

    /// Shuts down gracefully: stops accepting connections, ends all streams, and waits until the running
    /// calls have ended, but no longer than `grace`. Returns the number of calls and connections that
    /// were cut off.
    ///
    /// Streams end with the status `UNAVAILABLE`. Calls on connections that are still open are answered.
    pub async fn shutdown(&self, grace: Duration) -> usize {
        let shared = &self.shared;
        shared.services.set_serving(false).await;
        shared.state.ending.begin();
        let ended = tokio::time::timeout(grace, shared.connections.ended()).await;
        match ended {
            Ok(()) => 0,
            Err(_) => {
                let cut_off = shared.connections.running();
                shared.state.ending.cut_off();
                cut_off
            }
        }
    }

    async fn accept(&self, socket: &Socket) -> Infallible {
        loop {
            match socket.listener().accept().await {
                Ok((stream, _)) => {
                    // Those that have to make place need a moment.
                    let settled = self.shared.connections.settled();
                    let _ = tokio::time::timeout(SETTLING, settled).await;
                    self.shared.admit(stream);
                }
                // The peer has already disconnected.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    // There are too few file descriptors for as many connections as there may be.
                    if matches!(
                        Errno::from_io_error(&error),
                        Some(Errno::MFILE | Errno::NFILE)
                    ) {
                        self.shared.connections.dismiss_idlest();
                    }
                    self.shared.accept_failed(error);
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

impl Shared {
    /// Serves a connection, or closes it.
    fn admit(self: &Arc<Self>, stream: UnixStream) {
        let peer = match Peer::of(&stream) {
            Ok(peer) => peer,
            Err(error) => return self.accept_failed(error),
        };
        if peer.uid != self.uid && !self.state.options.allowed_uids.contains(&peer.uid) {
            return self.refuse(peer, Refusal::Stranger);
        }
        match self.connections.open() {
            Some(open) => {
                let shared = Arc::clone(self);
                tokio::spawn(async move { shared.serve(stream, peer, open).await });
            }
            None => self.refuse_one_more(peer),
        }
    }

    fn refuse_one_more(&self, peer: Peer) {
        let max = self.state.options.max_connections;
        self.refuse(peer, Refusal::TooMany { max });
    }

    async fn serve(&self, stream: UnixStream, peer: Peer, open: Open) {
        let id = open.id();
        let activity: &Arc<Activity> = open.activity();
        let malformed = || {
            if self.malformed.admit(Instant::now()).is_some() {
                self.state.report(&Event::Malformed { id, peer });
            }
        };
        let services = Arc::clone(&self.services);
        let place = open.place();
        let served = connection::serve(stream, services, &self.state, place, activity, malformed);
        let cause = match place {
            Place::Client => served.await,
            Place::Probe => {
                let ended = tokio::time::timeout(PROBE_TIME, served).await;
                if ended.is_err() || activity.is_denied() {
                    return self.refuse_one_more(peer);
                }
                ended.unwrap_or_default()
            }
        };
        // A peer can make connections fail one after the other.
        let unreported = match &cause {
            Some(_) => self.failures.admit(Instant::now()),
            None => Some(0),
        };
        if let Some(unreported) = unreported {
            self.state.report(&Event::Ended {
                id,
                peer,
                lasted: activity.lasted(),
                calls: activity.calls(),
                cause,
                unreported,
            });
        }
    }

    fn refuse(&self, peer: Peer, refusal: Refusal) {
        if let Some(unreported) = self.refusals.admit(Instant::now()) {
            self.state.report(&Event::Refused {
                peer,
                refusal,
                unreported,
            });
        }
    }

    fn accept_failed(&self, error: io::Error) {
        if self.accept_failures.admit(Instant::now()).is_some() {
            let error = Arc::new(error);
            self.state.report(&Event::AcceptFailed { error });
        }
    }
}

impl fmt::Debug for Sidecar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sidecar")
            .field("tenants", self.tenants())
            .field("options", &self.shared.state.options)
            .field("connections", &self.shared.connections.open_count())
            .field("ending", &self.shared.state.ending.has_begun())
            .finish_non_exhaustive()
    }
}
