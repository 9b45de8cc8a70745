//! Holders in processes of their own, which are stopped and killed.

use super::{LOCKS, Session, TTL, value};
use crate::cluster::{Cluster, Setup, soon};
use bytes::Bytes;
use etcd_client::Client;
use http_body_util::Full;
use localmap_lease::{
    EtcdLockOptions, Fence, Guard, GuardLayer, LockLimits, Locks, Mode, Rules, fenced_put,
};
use localmap_serve::hyper::{Request, Response};
use std::convert::Infallible;
use std::env;
use std::io::{BufRead, BufReader};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::sleep;
use tower_layer::Layer;
use tower_service::Service;

/// The variable with the endpoint, for the process of a holder.
const HOLDER: &str = "LOCALMAP_TEST_HOLDER";
/// What the holder writes, without and with its token.
const UNFENCED: &str = "/unfenced";
const FENCED: &str = "/fenced";

/// A process that holds the lock `k`.
struct Holder {
    child: Child,
    lines: UnboundedReceiver<String>,
    /// The lines so far.
    seen: Vec<String>,
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Holder {
    async fn start(cluster: &Cluster) -> Self {
        let mut child = Command::new(env::current_exe().expect("this program"))
            .args([
                "lease::process::a_holder",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env(HOLDER, cluster.endpoint(0))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = child.stdout.take().expect("it is piped");
        let (sender, lines) = unbounded_channel();
        thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            for line in lines {
                let _ = sender.send(line);
            }
        });
        let seen = Vec::new();
        let mut holder = Self { child, lines, seen };
        holder.line("held").await;
        holder
    }

    /// Waits for a line that begins with this, and returns its rest.
    async fn line(&mut self, begin: &str) -> String {
        soon(begin, async {
            loop {
                let found =
                    |line: &String| Some(line.trim().strip_prefix(begin)?.trim().to_owned());
                if let Some(rest) = self.seen.iter().find_map(found) {
                    return rest;
                }
                let line = self.lines.recv().await.expect("it goes on");
                self.seen.push(line);
            }
        })
        .await
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let kill = Command::new("kill").args(["-s", name, &id]).status();
        assert!(kill.expect("kill").success());
    }
}

/// Handles a request until the process is stopped. A task that nobody can cancel writes then.
#[derive(Clone)]
struct Handler {
    client: Client,
}

impl Service<Request<()>> for Handler {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let fence = request.extensions().get::<Fence>().cloned();
        let fence = fence.expect("the layer has added it");
        let mut client = self.client.clone();
        Box::pin(async move {
            println!("held {}", fence.token());
            let writes = tokio::spawn(async move {
                stopped().await;
                let put = client.put(UNFENCED, "holder", None).await;
                println!("unfenced {}", put.is_ok());
                let put = fenced_put(&mut client, &fence, FENCED, "holder").await;
                println!("fenced {put:?}");
            });
            stopped().await;
            println!("went on");
            let _ = writes.await;
            std::future::pending().await
        })
    }
}

/// Waits until the process has been stopped for a while.
async fn stopped() {
    loop {
        let before = Instant::now();
        sleep(Duration::from_millis(20)).await;
        if before.elapsed() > TTL {
            return;
        }
    }
}

/// Not a test: the process of a [`Holder`].
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process of a holder, which other tests start"]
async fn a_holder() {
    let Ok(endpoint) = env::var(HOLDER) else {
        return;
    };
    let options = EtcdLockOptions::new([endpoint.clone()], LOCKS).ttl(TTL);
    let locks = Locks::etcd(options, LockLimits::default()).expect("valid options");
    let rules = "otherwise = 'refuse'\n[[rule]]\npath = '/{name}'\nkey = '{name}'\nwait = '30s'";
    let rules = Rules::from_toml(rules).expect("valid rules");
    let client = Client::connect([endpoint], None).await.expect("a client");
    let mut service = GuardLayer::new(Guard::new(locks, rules)).layer(Handler { client });
    let request = Request::put("/k").body(()).expect("a request");
    let response = service.call(request).await.expect("no error");
    println!("answered {}", response.status().as_u16());
    sleep(Duration::from_secs(30)).await;
}

/// A holder that is stopped for longer than its lease goes on: what it has under way is refused by the store
/// if that knows the token, and only then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_was_stopped_writes_nothing_with_its_token() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mut holder = Holder::start(&cluster).await;
    let b = Session::of(&cluster).await;
    let refused = b.try_lock("k", Mode::Write).await;
    assert!(refused.is_err());
    holder.signal("STOP");
    let hold = b.lock("k", Mode::Write).await;
    let mut client = cluster.client().await;
    client.put(UNFENCED, "b", None).await.expect("stored");
    fenced_put(&mut client, hold.fence(), FENCED, "b")
        .await
        .expect("it is held");
    // For longer than the holder takes for a busy machine.
    sleep(TTL).await;
    holder.signal("CONT");
    assert_eq!(holder.line("unfenced").await, "true");
    assert_eq!(holder.line("fenced").await, "Err(Fenced)");
    assert_eq!(holder.line("answered").await, "503");
    assert_eq!(value(&mut client, FENCED).await, "b");
    // Why a lease is not enough.
    assert_eq!(value(&mut client, UNFENCED).await, "holder");
    hold.check().expect("it is still held");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_the_next_holder_waits_for_no_longer_than_the_ttl_and_a_second() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mut holder = Holder::start(&cluster).await;
    let b = Session::of(&cluster).await;
    holder.child.kill().expect("it is killed");
    let killed = Instant::now();
    let hold = b.lock("k", Mode::Write).await;
    let waited = killed.elapsed();
    eprintln!("the next holder has waited {waited:?} after a kill, with a TTL of {TTL:?}");
    assert!(waited <= TTL + Duration::from_secs(1), "{waited:?}");
    drop(hold);
}
