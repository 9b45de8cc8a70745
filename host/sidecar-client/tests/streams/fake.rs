//! A sidecar that accepts streams and hands them to the test.

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use localmap_sidecar_client::{Client, ClientOptions};
use localmap_sidecar_proto::mirror_request::Kind;
use localmap_sidecar_proto::{
    GetRequest, GetResponse, MirrorRequest, MirrorResponse, PipelineRequest, PipelineResponse,
};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::server::{Grpc, StreamingService, UnaryService};
use tonic::{Response, Status, Streaming};
use tonic_prost::ProstCodec;

/// The patience of tests with an event.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for an event, at most for as long as the patience lasts.
pub(crate) async fn soon<T>(event: impl Future<Output = T>) -> T {
    timeout(PATIENCE, event).await.expect("it happens soon")
}

/// A sidecar of a test, in a folder of its own.
pub(crate) struct Fake {
    folder: tempfile::TempDir,
    listening: Listening,
}

struct Listening {
    server: JoinHandle<()>,
    mirrors: mpsc::Receiver<MirrorPeer>,
    pipelines: mpsc::Receiver<PipelinePeer>,
}

pub(crate) type MirrorPeer = Peer<MirrorRequest, MirrorResponse>;
pub(crate) type PipelinePeer = Peer<PipelineRequest, PipelineResponse>;

/// The sidecar's side of a stream.
pub(crate) struct Peer<Q, R> {
    pub(crate) requests: Streaming<Q>,
    pub(crate) responses: mpsc::Sender<Result<R, Status>>,
}

impl Fake {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listening = listen(&path(folder.path()));
        Self { folder, listening }
    }

    pub(crate) fn path(&self) -> PathBuf {
        path(self.folder.path())
    }

    pub(crate) fn client(&self) -> Client {
        let options = ClientOptions::new().timeout(PATIENCE);
        Client::connect_with(self.path(), &options).expect("a client")
    }

    /// Ends all connections, and listens again.
    pub(crate) async fn restart(&mut self) {
        self.listening.server.abort();
        // Waits until it has ended.
        let _ = (&mut self.listening.server).await;
        std::fs::remove_file(self.path()).expect("the socket");
        self.listening = listen(&self.path());
    }

    /// Returns the next mirror that is opened.
    pub(crate) async fn mirror(&mut self) -> MirrorPeer {
        soon(self.listening.mirrors.recv()).await.expect("a mirror")
    }

    /// Returns the next pipeline that is opened.
    pub(crate) async fn pipeline(&mut self) -> PipelinePeer {
        soon(self.listening.pipelines.recv())
            .await
            .expect("a pipeline")
    }
}

impl<Q, R> Peer<Q, R> {
    pub(crate) async fn send(&self, response: R) {
        let sent = self.responses.send(Ok(response)).await;
        assert!(sent.is_ok(), "the stream has ended");
    }

    /// Ends the stream with a status.
    pub(crate) async fn fail(self, status: Status) {
        let sent = self.responses.send(Err(status)).await;
        assert!(sent.is_ok(), "the stream has ended");
    }

    pub(crate) async fn request(&mut self) -> Q {
        let request = soon(self.requests.message()).await.expect("a request");
        request.expect("the stream goes on")
    }
}

impl MirrorPeer {
    /// Returns the next request of a mirror.
    pub(crate) async fn kind(&mut self) -> Kind {
        self.request().await.kind.expect("a kind")
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("maps.sock")
}

type Streams<Q, R> = mpsc::Sender<Peer<Q, R>>;

fn listen(path: &Path) -> Listening {
    let listener = UnixListener::bind(path).expect("a socket");
    let (mirror, mirrors) = mpsc::channel(4);
    let (pipeline, pipelines) = mpsc::channel(4);
    let server = tokio::spawn(async move {
        // The connections end with the server.
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (socket, _) = listener.accept().await.expect("a connection");
            let (mirror, pipeline) = (mirror.clone(), pipeline.clone());
            let service =
                service_fn(move |request| route(request, mirror.clone(), pipeline.clone()));
            let connection = http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(socket), service);
            connections.spawn(async move {
                let _ = connection.await;
            });
        }
    });
    Listening {
        server,
        mirrors,
        pipelines,
    }
}

async fn route(
    request: Request<Incoming>,
    mirrors: Streams<MirrorRequest, MirrorResponse>,
    pipelines: Streams<PipelineRequest, PipelineResponse>,
) -> Result<hyper::Response<Body>, Infallible> {
    Ok(match request.uri().path() {
        "/localmap.sidecar.v1.Maps/Mirror" => {
            let codec = ProstCodec::<MirrorResponse, MirrorRequest>::default();
            Grpc::new(codec).streaming(Accept(mirrors), request).await
        }
        "/localmap.sidecar.v1.Maps/Pipeline" => {
            let codec = ProstCodec::<PipelineResponse, PipelineRequest>::default();
            Grpc::new(codec).streaming(Accept(pipelines), request).await
        }
        "/localmap.sidecar.v1.Maps/Get" => {
            let codec = ProstCodec::<GetResponse, GetRequest>::default();
            Grpc::new(codec).unary(Fails, request).await
        }
        path => Status::unimplemented(path.to_owned()).into_http(),
    })
}

type Responding<R> = Pin<Box<dyn Future<Output = Result<Response<R>, Status>> + Send>>;

/// Hands a stream to the test.
struct Accept<Q, R>(Streams<Q, R>);

impl<Q, R> StreamingService<Q> for Accept<Q, R>
where
    Q: Send + 'static,
    R: Send + 'static,
{
    type Response = R;
    type ResponseStream = ReceiverStream<Result<R, Status>>;
    type Future = Responding<Self::ResponseStream>;

    fn call(&mut self, request: tonic::Request<Streaming<Q>>) -> Self::Future {
        let streams = self.0.clone();
        Box::pin(async move {
            let (responses, outbound) = mpsc::channel(4);
            let peer = Peer {
                requests: request.into_inner(),
                responses,
            };
            let taken = streams.send(peer).await;
            taken.map_err(|_| Status::unavailable("the test has ended"))?;
            Ok(Response::new(ReceiverStream::new(outbound)))
        })
    }
}

/// Answers each read with the status that its key names.
struct Fails;

impl UnaryService<GetRequest> for Fails {
    type Response = GetResponse;
    type Future = Responding<GetResponse>;

    fn call(&mut self, request: tonic::Request<GetRequest>) -> Self::Future {
        let key = request.into_inner().key;
        Box::pin(async move {
            match &key[..] {
                b"rate" => {
                    let mut status = Status::resource_exhausted("the rate is used up");
                    let metadata = status.metadata_mut();
                    metadata.insert("grpc-retry-pushback-ms", "40".parse().expect("a number"));
                    Err(status)
                }
                b"never" => std::future::pending().await,
                _ => Ok(Response::new(GetResponse { entry: None })),
            }
        })
    }
}
