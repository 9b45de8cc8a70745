//! Starts etcd with one node or three, does harm to it, and ends it with the test, also if that panics.
//!
//! The programs are those in the folder `ETCD_BIN_DIR`, or else those on the PATH. Without them, tests are
//! skipped and say so, unless `LOCALMAP_NEED_ETCD` is set.

mod binaries;
mod entries;
pub(crate) mod namespace;
mod node;
mod ports;
mod proxy;
mod setup;
mod tests;

use binaries::Binaries;
use etcd_client::{Certificate, Client, CompactionOptions, ConnectOptions, Identity, TlsOptions};
use node::Node;
use std::ffi::OsString;
use std::fs;
use std::future::Future;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) use entries::{Entries, Entry};
pub(crate) use proxy::Proxy;
pub(crate) use setup::{Setup, certificate};

/// The time for which a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The password of all users, among them `root`.
pub(crate) const PASSWORD: &str = "secret";

/// A cluster of etcd.
#[derive(Debug)]
pub(crate) struct Cluster {
    setup: Setup,
    binaries: Binaries,
    nodes: Vec<Node>,
    /// Whether it asks for users.
    auth: bool,
    /// Deleted after the nodes have ended.
    _folder: TempDir,
}

impl Cluster {
    /// Starts a cluster, and waits until each node answers. Returns `None` if etcd is not installed.
    pub(crate) async fn start(setup: Setup) -> Option<Self> {
        let binaries = Binaries::find()?;
        // The ports are free when they are chosen, and may be taken before etcd has them.
        for _ in 0..5 {
            let mut cluster = Self::create(setup.clone(), binaries.clone());
            cluster.nodes.iter_mut().for_each(Node::start);
            if cluster.is_ready().await {
                return Some(cluster);
            }
        }
        panic!("etcd does not start");
    }

    fn create(setup: Setup, binaries: Binaries) -> Self {
        let folder = TempDir::new().expect("a folder");
        let addresses: Vec<(String, String)> = (0..setup.nodes)
            .map(|node| match setup.namespaces {
                true => namespace::addresses(node),
                false => (ports::free(), ports::free()),
            })
            .collect();
        let initial: Vec<String> = addresses
            .iter()
            .enumerate()
            .map(|(node, (_, peer))| format!("n{node}=http://{peer}"))
            .collect();
        let initial = initial.join(",");
        let nodes = addresses.iter().enumerate().map(|(node, (client, peer))| {
            let data = folder.path().join(format!("n{node}"));
            // The certificate is that of a name.
            let endpoint = match setup.tls {
                true => client.replace("127.0.0.1", "localhost"),
                false => client.clone(),
            };
            let (scheme, peer) = (setup.scheme(), format!("http://{peer}"));
            let endpoint = format!("{scheme}://{endpoint}");
            let mut command: Vec<OsString> = Vec::new();
            if binaries.setpriv {
                command.extend(["setpriv", "--pdeathsig", "KILL"].map(Into::into));
            }
            if setup.namespaces {
                command.extend(namespace::inside_node(node).map(Into::into));
            }
            command.push(binaries.etcd.clone().into());
            let mut option = |name: &str, value: &str| {
                command.push(format!("--{name}").into());
                command.push(value.into());
            };
            option("name", &format!("n{node}"));
            option("data-dir", &data.display().to_string());
            option("listen-client-urls", &format!("{scheme}://{client}"));
            option("advertise-client-urls", &endpoint);
            option("listen-peer-urls", &peer);
            option("initial-advertise-peer-urls", &peer);
            option("initial-cluster", &initial);
            option("initial-cluster-token", &initial);
            option("logger", "zap");
            option("log-level", "warn");
            if setup.tls {
                let file = |name| certificate(name).display().to_string();
                option("cert-file", &file("localhost.pem"));
                option("key-file", &file("localhost.key"));
                option("trusted-ca-file", &file("ca.pem"));
                command.push("--client-cert-auth".into());
            }
            if binaries.no_fsync {
                command.push("--unsafe-no-fsync".into());
            }
            command.extend(setup.flags.iter().map(Into::into));
            Node::new(command, endpoint, data)
        });
        Self {
            nodes: nodes.collect(),
            setup,
            binaries,
            auth: false,
            _folder: folder,
        }
    }

    /// Waits until each node that runs answers a linearizable read. Returns `false` if one has ended.
    pub(crate) async fn is_ready(&mut self) -> bool {
        let began = Instant::now();
        for node in 0..self.nodes.len() {
            while let Err(error) = self.answers(node).await {
                if !self.nodes[node].runs() {
                    return false;
                }
                assert!(began.elapsed() < PATIENCE, "etcd does not answer: {error}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        true
    }

    async fn answers(&self, node: usize) -> Result<(), etcd_client::Error> {
        let mut client = self.connect(node, self.auth.then_some("root")).await?;
        client.get("ready", None).await.map(drop)
    }

    /// Returns the version of etcd, such as `3.4.23`.
    pub(crate) fn version(&self) -> &str {
        &self.binaries.version
    }

    /// Returns the URLs of all nodes.
    pub(crate) fn endpoints(&self) -> Vec<String> {
        self.nodes
            .iter()
            .map(|node| node.endpoint.clone())
            .collect()
    }

    /// Returns the URL of a node.
    pub(crate) fn endpoint(&self, node: usize) -> &str {
        &self.nodes[node].endpoint
    }

    /// Returns a client of the first node.
    pub(crate) async fn client(&self) -> Client {
        self.client_of(0).await
    }

    /// Returns a client of one node, whose calls end after some seconds.
    pub(crate) async fn client_of(&self, node: usize) -> Client {
        let client = self.connect(node, self.auth.then_some("root")).await;
        client.expect("a client")
    }

    async fn connect(&self, node: usize, user: Option<&str>) -> Result<Client, etcd_client::Error> {
        let mut options = ConnectOptions::new()
            .with_connect_timeout(Duration::from_secs(2))
            .with_timeout(Duration::from_secs(10));
        if let Some(user) = user {
            options = options
                .with_user(user, PASSWORD)
                .with_auto_token_refresh(true);
        }
        if self.setup.tls {
            let read = |name| fs::read(certificate(name)).expect("a file");
            let tls = TlsOptions::new()
                .ca_certificate(Certificate::from_pem(read("ca.pem")))
                .identity(Identity::from_pem(read("client.pem"), read("client.key")));
            options = options.with_tls(tls);
        }
        Client::connect([self.endpoint(node)], Some(options)).await
    }

    /// Creates the user `root`, and asks for users from now on.
    pub(crate) async fn enable_auth(&mut self) {
        let mut client = self.client().await;
        client
            .user_add("root", PASSWORD, None)
            .await
            .expect("a user");
        client
            .user_grant_role("root", "root")
            .await
            .expect("a role");
        client.auth_enable().await.expect("it is enabled");
        self.auth = true;
    }

    /// Ends a node by SIGKILL.
    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].kill();
    }

    /// Starts a node that was killed, with what it has on its disk, and waits until it answers.
    pub(crate) async fn restart(&mut self, node: usize) {
        self.launch(node);
        assert!(self.is_ready().await, "etcd does not start again");
    }

    /// Starts a node that was killed, without waiting.
    pub(crate) fn launch(&mut self, node: usize) {
        self.nodes[node].start();
    }

    /// Stops a node by SIGSTOP.
    pub(crate) fn stop(&self, node: usize) {
        self.nodes[node].signal("STOP");
    }

    /// Lets a node that was stopped go on.
    pub(crate) fn resume(&self, node: usize) {
        self.nodes[node].signal("CONT");
    }

    /// Deletes the data of a node that was killed.
    pub(crate) fn wipe(&self, node: usize) {
        self.nodes[node].wipe();
    }

    /// Keeps a copy of the data of a node that was killed.
    pub(crate) fn back_up(&self, node: usize) {
        self.nodes[node].back_up();
    }

    /// Replaces the data of a node that was killed by the copy.
    pub(crate) fn restore(&self, node: usize) {
        self.nodes[node].restore();
    }

    /// Returns the node that leads the cluster.
    pub(crate) async fn leader(&self) -> usize {
        let began = Instant::now();
        loop {
            for node in 0..self.nodes.len() {
                let mut client = self.client_of(node).await;
                let Ok(status) = client.status().await else {
                    continue;
                };
                let id = status.header().map(etcd_client::ResponseHeader::member_id);
                if Some(status.leader()) == id {
                    return node;
                }
            }
            assert!(began.elapsed() < PATIENCE, "there is no leader");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Drops all revisions before `revision`.
    pub(crate) async fn compact(&self, revision: i64) {
        let options = CompactionOptions::new().with_physical();
        let mut client = self.client().await;
        let compacted = client.compact(revision, Some(options)).await;
        compacted.expect("it is compacted");
    }

    /// Runs etcdctl with all endpoints, as `root` if users are asked for.
    pub(crate) fn etcdctl(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.binaries.etcdctl);
        command
            .env("ETCDCTL_API", "3")
            .args(["--endpoints", &self.endpoints().join(",")])
            .args(arguments);
        if self.auth {
            command.args(["--user", &format!("root:{PASSWORD}")]);
        }
        if self.setup.tls {
            for (option, name) in [
                ("--cacert", "ca.pem"),
                ("--cert", "client.pem"),
                ("--key", "client.key"),
            ] {
                command.arg(option).arg(certificate(name));
            }
        }
        command.output().expect("etcdctl runs")
    }

    /// Returns the entries of a prefix, as etcdctl prints them, with their keys counted from its end: those
    /// of a revision, or the present ones.
    pub(crate) fn entries(&self, prefix: &str, revision: Option<u64>) -> Entries {
        let revision = format!("--rev={}", revision.unwrap_or(0));
        let got = self.etcdctl(&["get", "--prefix", prefix, "-w", "json", &revision]);
        let error = String::from_utf8_lossy(&got.stderr);
        assert!(got.status.success(), "{error}");
        entries::parse(prefix, &got.stdout)
    }
}

/// Waits for something that must happen soon.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, future).await;
    done.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// Waits until a condition holds, and returns how long that took.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !holds() {
        assert!(
            began.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    began.elapsed()
}
