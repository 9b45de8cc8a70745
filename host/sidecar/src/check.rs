//! Asks a sidecar whether it is serving, for probes.

use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::io;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::UnixStream;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// The error returned by [`check`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// Nobody can be reached at the socket.
    #[error("cannot connect to `{}`", path.display())]
    #[non_exhaustive]
    Connect {
        /// The path of the socket.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// What listens there does not speak gRPC, or has closed the connection.
    #[error("`{}` does not speak gRPC, or has refused this user", path.display())]
    #[non_exhaustive]
    Connection {
        /// The path of the socket.
        path: PathBuf,
        /// The error of the connection.
        source: hyper::Error,
    },
    /// The answer is an error.
    #[error("the health check has failed: {}", status.message())]
    #[non_exhaustive]
    Status {
        /// The status.
        status: Box<Status>,
    },
    /// The sidecar is ending.
    #[error("it is not serving")]
    NotServing,
    /// There was no answer in time.
    #[error("no answer within {timeout:?}")]
    #[non_exhaustive]
    TimedOut {
        /// The time limit.
        timeout: Duration,
    },
}

/// Asks the health service at a socket whether it is serving. Must be called within a tokio runtime with
/// a timer.
///
/// ```no_run
/// use std::time::Duration;
///
/// # async fn probe() -> Result<(), localmap_sidecar::CheckError> {
/// localmap_sidecar::check("/run/localmap/map.sock", Duration::from_secs(1)).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// - Returns [`CheckError::Connect`] if nobody listens there, or this user may not connect.
/// - Returns [`CheckError::Connection`] or [`CheckError::Status`] if there is no health service, or the
///   sidecar refuses this user.
/// - Returns [`CheckError::NotServing`] if the sidecar is ending.
/// - Returns [`CheckError::TimedOut`] if this takes longer than `timeout`.
pub async fn check(socket: impl AsRef<Path>, timeout: Duration) -> Result<(), CheckError> {
    let checked = tokio::time::timeout(timeout, ask(socket.as_ref())).await;
    checked.unwrap_or(Err(CheckError::TimedOut { timeout }))
}

async fn ask(path: &Path) -> Result<(), CheckError> {
    let stream = UnixStream::connect(path).await;
    let stream = stream.map_err(|source| CheckError::Connect {
        path: path.to_owned(),
        source,
    })?;
    let failed = |source| CheckError::Connection {
        path: path.to_owned(),
        source,
    };
    let connected = handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (requests, mut connection) = connected.map_err(failed)?;
    let origin = hyper::Uri::from_static("http://localhost");
    let mut client = HealthClient::with_origin(Requests(requests), origin);
    let asked = client.check(HealthCheckRequest::default());
    tokio::select! {
        biased;
        answer = asked => {
            let answer = answer.map_err(|status| CheckError::Status { status: Box::new(status) })?;
            match answer.get_ref().status() {
                ServingStatus::Serving => Ok(()),
                _ => Err(CheckError::NotServing),
            }
        }
        ended = &mut connection => Err(match ended {
            Err(source) => failed(source),
            Ok(()) => CheckError::NotServing,
        })
    }
}

/// A connection as tonic wants it.
#[derive(Clone)]
struct Requests(SendRequest<Body>);

impl Service<Request<Body>> for Requests {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
