//! A proxy for TCP in front of a node, which can hold connections, cut them and slow them down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a proxy does with its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Open,
    /// Nothing passes, and nothing is closed: as if all packets were lost.
    Frozen,
    /// All connections are closed, and new ones too.
    Cut,
}

/// A proxy. Connections end with it.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepts: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    target: Mutex<String>,
    mode: watch::Sender<Mode>,
    /// How often all connections were closed.
    cuts: watch::Sender<u64>,
    /// The bytes from the node that pass in a second; 0 for any number.
    rate: AtomicU64,
    /// The bytes from the node that pass until the proxy freezes.
    budget: AtomicU64,
}

impl Proxy {
    /// Starts a proxy in front of an endpoint such as `http://127.0.0.1:2379`.
    pub(crate) async fn to(endpoint: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let shared = Arc::new(Shared {
            target: Mutex::new(address(endpoint)),
            mode: watch::Sender::new(Mode::Open),
            cuts: watch::Sender::new(0),
            rate: AtomicU64::new(0),
            budget: AtomicU64::new(u64::MAX),
        });
        Self {
            address: listener.local_addr().expect("an address"),
            accepts: tokio::spawn(accept(listener, Arc::clone(&shared))),
            shared,
        }
    }

    /// Returns the endpoint of the proxy.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets nothing pass, without closing connections.
    pub(crate) fn freeze(&self) {
        self.shared.mode.send_replace(Mode::Frozen);
    }

    /// Closes all connections, and each new one.
    pub(crate) fn cut(&self) {
        self.shared.mode.send_replace(Mode::Cut);
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Lets everything pass.
    pub(crate) fn open(&self) {
        self.shared.budget.store(u64::MAX, Ordering::SeqCst);
        self.shared.mode.send_replace(Mode::Open);
    }

    /// Leads new connections to another endpoint, and closes the present ones.
    pub(crate) fn lead_to(&self, endpoint: &str) {
        self.cut();
        *self.shared.target.lock().expect("no panic") = address(endpoint);
        self.open();
    }

    /// Lets so many bytes from the node pass in a second; 0 for any number.
    pub(crate) fn limit(&self, bytes: u64) {
        self.shared.rate.store(bytes, Ordering::SeqCst);
    }

    /// Lets so many more bytes from the node pass, and freezes then.
    pub(crate) fn freeze_after(&self, bytes: u64) {
        self.shared.budget.store(bytes, Ordering::SeqCst);
    }

    /// Waits until the proxy is frozen.
    pub(crate) async fn frozen(&self) {
        let mut mode = self.shared.mode.subscribe();
        let frozen = mode.wait_for(|&mode| mode == Mode::Frozen).await;
        frozen.expect("the proxy is there");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.accepts.abort();
    }
}

fn address(endpoint: &str) -> String {
    let address = endpoint.split_once("://").map_or(endpoint, |parts| parts.1);
    address.to_owned()
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(relay(client, Arc::clone(&shared)));
    }
}

async fn relay(client: TcpStream, shared: Arc<Shared>) {
    let mut cuts = shared.cuts.subscribe();
    let target = shared.target.lock().expect("no panic").clone();
    if !may_pass(&mut shared.mode.subscribe()).await {
        return;
    }
    let Ok(node) = TcpStream::connect(target).await else {
        return;
    };
    let _ = (client.set_nodelay(true), node.set_nodelay(true));
    let (client, node) = (client.into_split(), node.into_split());
    // When one direction ends, the other one does too.
    tokio::select! {
        () = up(client.0, node.1, shared.mode.subscribe()) => {}
        () = down(node.0, client.1, &shared) => {}
        _ = cuts.changed() => {}
    }
}

/// Waits until bytes may pass. Returns `false` if they never may.
async fn may_pass(mode: &mut watch::Receiver<Mode>) -> bool {
    match mode.wait_for(|&mode| mode != Mode::Frozen).await {
        Ok(mode) => *mode == Mode::Open,
        Err(_) => false,
    }
}

/// Reads until the connection ends.
async fn read(from: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) -> Option<usize> {
    let read = from.read(buffer).await.ok()?;
    (read > 0).then_some(read)
}

async fn up(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut mode: watch::Receiver<Mode>,
) {
    let mut buffer = vec![0; 16 << 10];
    while let Some(read) = read(&mut from, &mut buffer).await {
        if !may_pass(&mut mode).await || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

async fn down(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, shared: &Shared) {
    let mut mode = shared.mode.subscribe();
    let mut buffer = vec![0; 16 << 10];
    while let Some(read) = read(&mut from, &mut buffer).await {
        let rate = shared.rate.load(Ordering::SeqCst);
        if rate > 0 {
            tokio::time::sleep(Duration::from_secs(1).mul_f64(read as f64 / rate as f64)).await;
        }
        let mut rest = &buffer[..read];
        while !rest.is_empty() {
            if !may_pass(&mut mode).await {
                return;
            }
            let (now, later) = rest.split_at(shared.spend(rest.len()));
            if to.write_all(now).await.is_err() {
                return;
            }
            rest = later;
        }
    }
}

impl Shared {
    /// Returns how many of these bytes from the node may pass, and freezes the proxy if it is none.
    fn spend(&self, bytes: usize) -> usize {
        let bytes = bytes as u64;
        let spend = |budget: u64| match budget {
            u64::MAX => None,
            budget => Some(budget.saturating_sub(bytes)),
        };
        let order = Ordering::SeqCst;
        let budget = match self.budget.fetch_update(order, order, spend) {
            Ok(budget) | Err(budget) => budget.min(bytes),
        };
        if budget == 0 {
            self.mode.send_if_modified(|mode| {
                // It may have been opened meanwhile.
                let freezes = *mode == Mode::Open && self.budget.load(order) == 0;
                if freezes {
                    *mode = Mode::Frozen;
                }
                freezes
            });
        }
        usize::try_from(budget).unwrap_or(usize::MAX)
    }
}
