//! An etcd on this machine, with one node and a folder of its own.

use anyhow::{Context, Result, bail};
use etcd_client::{Client, ConnectOptions};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Builder;

/// The longest time until it answers.
const PATIENCE: Duration = Duration::from_secs(20);

/// An etcd, which ends when this is dropped.
pub(crate) struct Etcd {
    process: Child,
    endpoint: String,
    _folder: TempDir,
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Etcd {
    /// Starts a server. Returns `None` if etcd is not installed.
    pub(crate) fn start() -> Result<Option<Self>> {
        let Ok(help) = Command::new("etcd").arg("--help").output() else {
            return Ok(None);
        };
        let help = [help.stdout, help.stderr].concat();
        let without_disk = String::from_utf8_lossy(&help).contains("--unsafe-no-fsync");
        let folder = TempDir::with_prefix("localmap-bench").context("no folder for etcd")?;
        let (client, peer) = (free_port()?, free_port()?);
        let endpoint = format!("http://127.0.0.1:{client}");
        let peer = format!("http://127.0.0.1:{peer}");
        let mut command = Command::new("etcd");
        command
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .args(["--listen-client-urls", &endpoint])
            .args(["--advertise-client-urls", &endpoint])
            .args(["--listen-peer-urls", &peer])
            .args(["--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("default={peer}")])
            .args(["--logger", "zap", "--log-level", "error"]);
        if without_disk {
            command.arg("--unsafe-no-fsync");
        }
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("etcd cannot be started")?;
        let etcd = Self {
            process,
            endpoint,
            _folder: folder,
        };
        etcd.wait()?;
        Ok(Some(etcd))
    }

    /// Waits until it answers.
    fn wait(&self) -> Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let began = Instant::now();
        loop {
            let answered = runtime.block_on(async {
                let mut client = self.client().await?;
                anyhow::Ok(client.get("ready", None).await?)
            });
            match answered {
                Ok(_) => return Ok(()),
                Err(error) if began.elapsed() > PATIENCE => {
                    bail!("etcd does not answer: {error:#}")
                }
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Returns its URL for clients.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns a client.
    pub(crate) async fn client(&self) -> Result<Client> {
        client_of(&self.endpoint).await
    }
}

/// Returns a client of an endpoint.
pub(crate) async fn client_of(endpoint: &str) -> Result<Client> {
    let options = ConnectOptions::new()
        .with_connect_timeout(Duration::from_secs(2))
        .with_timeout(Duration::from_secs(10));
    Ok(Client::connect([endpoint], Some(options)).await?)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
