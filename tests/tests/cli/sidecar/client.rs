//! The sidecar that is tested, and its clients.

use crate::serve::client::{PATIENCE, wait_for};
use localmap_sidecar_proto::maps_client::MapsClient;
use localmap_sidecar_proto::{
    GetRequest, PipelineRequest, PipelineResponse, SetRequest, set_response,
};
use localmap_tests::localmap;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

/// A run of `localmap sidecar`, which ends when this is dropped.
pub(crate) struct Sidecar {
    pub(crate) child: Child,
    socket: PathBuf,
    /// The lines of standard error so far.
    lines: Arc<Mutex<Vec<String>>>,
    /// Reads them, until the sidecar ends.
    reader: Option<JoinHandle<()>>,
    folder: Option<TempDir>,
}

impl Sidecar {
    /// Starts a sidecar in a folder of its own.
    pub(crate) fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut sidecar = Self::at(&folder.path().join("map.sock"), options);
        sidecar.folder = Some(folder);
        sidecar
    }

    /// Starts a sidecar on this socket, and waits until it serves it.
    pub(crate) fn at(socket: &Path, options: &[&str]) -> Self {
        let mut command = localmap()
            .args(["sidecar", "--socket"])
            .arg(socket)
            .args(options)
            .into_command();
        Self::of(&mut command, socket)
    }

    /// Runs a command that starts a sidecar on this socket, and waits until it serves it.
    pub(crate) fn of(command: &mut Command, socket: &Path) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stderr = child.stderr.take().expect("it is piped");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&lines);
        let reader = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                to.lock().expect("no panic").push(line);
            }
        });
        let sidecar = Self {
            child,
            socket: socket.to_owned(),
            lines,
            reader: Some(reader),
            folder: None,
        };
        sidecar.line("Listening on unix:");
        sidecar
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no panic").clone()
    }

    /// Waits for a line of standard error that contains `text`.
    pub(crate) fn line(&self, text: &str) -> String {
        let mut found = None;
        wait_for(&format!("a line with `{text}`"), || {
            let lines = self.lines();
            found = lines.into_iter().find(|line| line.contains(text));
            found.is_some()
        });
        found.expect("it was waited for")
    }

    /// Sends the signal with this name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(status.expect("kill").success());
    }

    /// Waits until the sidecar exits and all of its lines have been read.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut ended = None;
        wait_for("the end of the program", || {
            ended = self.child.try_wait().expect("it can be waited for");
            ended.is_some()
        });
        if let Some(reader) = self.reader.take() {
            reader.join().expect("no panic");
        }
        ended.expect("it was waited for")
    }

    /// Returns the resident memory of the sidecar, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let mut fields = line.expect("its memory").split_whitespace();
        let kib: u64 = fields.nth(1).expect("a number").parse().expect("a number");
        kib << 10
    }

    /// Connects without gRPC.
    pub(crate) fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.socket).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    }

    /// Connects a channel of gRPC.
    pub(crate) async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("unix:{}", self.socket.display()));
        let channel = endpoint.expect("a path").connect().await;
        channel.expect("it is served")
    }

    pub(crate) async fn client(&self) -> MapsClient<Channel> {
        MapsClient::new(self.channel().await).max_decoding_message_size(16 << 20)
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Stores a value, which must succeed. Returns its version.
pub(crate) async fn set(client: &mut MapsClient<Channel>, tenant: &str, key: &[u8]) -> u64 {
    let request = SetRequest {
        tenant: tenant.to_owned(),
        key: key.to_vec().into(),
        value: "v".into(),
        ttl: None,
    };
    let response = client.set(request).await.expect("it is answered");
    let result = response.into_inner().result;
    let version = match result {
        Some(set_response::Result::Version(version)) => Some(version),
        _ => None,
    };
    version.expect("it is stored")
}

/// Returns the value of a key, or the status of the call.
pub(crate) async fn get(
    client: &mut MapsClient<Channel>,
    tenant: &str,
    key: &[u8],
) -> Result<Option<Vec<u8>>, tonic::Status> {
    let request = GetRequest {
        tenant: tenant.to_owned(),
        key: key.to_vec().into(),
    };
    let entry = client.get(request).await?.into_inner().entry;
    Ok(entry.map(|entry| entry.value.into()))
}

/// An open pipeline.
pub(crate) struct Pipeline {
    pub(crate) requests: mpsc::Sender<PipelineRequest>,
    pub(crate) responses: Streaming<PipelineResponse>,
}

impl Pipeline {
    pub(crate) async fn open(client: &mut MapsClient<Channel>) -> Self {
        let (requests, receiver) = mpsc::channel::<PipelineRequest>(16);
        let stream = futures::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|request| (request, receiver))
        });
        let responses = client.pipeline(stream).await.expect("it is answered");
        Self {
            requests,
            responses: responses.into_inner(),
        }
    }

    /// Sends a request and waits for its response.
    pub(crate) async fn ask(
        &mut self,
        request: PipelineRequest,
    ) -> Result<PipelineResponse, tonic::Status> {
        self.requests.send(request).await.expect("it is open");
        let response = self.responses.message().await?;
        Ok(response.expect("one response for each request"))
    }
}
