//! The connection to a sidecar: made at the first call, and again when it was lost.

use crate::error::{Error, connect_error};
use localmap_sidecar_proto::maps_client::MapsClient;
use prost::Message;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

/// The largest message of the protocol, in bytes.
const MAX_MESSAGE_LEN: usize = 4 << 20;

/// The time between two attempts to connect: it doubles from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_millis(200);

/// The windows of HTTP/2, so that a large response does not wait for each of its parts.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// The time after which a sidecar that sends nothing on an open stream is asked whether it lives,
/// and the time that it has to answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// The connection of a client and of all of its tenants.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    path: Arc<PathBuf>,
    maps: MapsClient<Channel>,
    timeout: Duration,
}

impl Connection {
    /// Creates a connection to the sidecar at `path`, for calls with this timeout. Does no I/O.
    pub(crate) fn new(path: &Path, timeout: Duration) -> Result<Self, Error> {
        if Handle::try_current().is_err() {
            return Err(Error::NoRuntime);
        }
        let text = path.to_str().ok_or_else(|| Error::Invalid {
            message: format!(
                "the path `{}` is not UTF-8: use another one",
                path.display()
            ),
        })?;
        let endpoint =
            Endpoint::from_shared(format!("unix://{text}")).map_err(|error| Error::Invalid {
                message: error.to_string(),
            })?;
        let channel = endpoint
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .connect_lazy();
        Ok(Self {
            path: Arc::new(path.to_owned()),
            maps: MapsClient::new(channel).max_decoding_message_size(MAX_MESSAGE_LEN),
            timeout,
        })
    }

    /// Returns the timeout of calls.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Performs a call that returns one message.
    pub(crate) async fn call<R: Message + Clone, T, F>(
        &self,
        request: R,
        attempt: impl Fn(MapsClient<Channel>, R) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        check_len(request.encoded_len())?;
        let response = self.connected(|maps| attempt(maps, request.clone()));
        Ok(response.await?.into_inner())
    }

    /// Performs a call, and again for as long as it could not be sent, until the timeout.
    pub(crate) async fn connected<T, F>(
        &self,
        attempt: impl Fn(MapsClient<Channel>) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let end = end_after(self.timeout);
        let mut pause = FIRST_PAUSE;
        loop {
            let Ok(result) = timeout_at(end, attempt(self.maps.clone())).await else {
                return Err(Error::TimedOut {
                    timeout: self.timeout,
                });
            };
            let status = match result {
                Ok(response) => return Ok(response),
                Err(status) => status,
            };
            let Some(source) = connect_error(&status) else {
                return Err(status.into());
            };
            // Another attempt must have some time, or its end would hide the reason of this one.
            if !worth_waiting(&source) || Instant::now() + 2 * pause >= end {
                return Err(Error::Unreachable {
                    path: (*self.path).clone(),
                    source,
                });
            }
            sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }
}

/// Checks the length of a message that is to be sent. (tonic has an option for it, but then reports
/// that the connection has failed.)
pub(crate) fn check_len(len: usize) -> Result<(), Error> {
    if len <= MAX_MESSAGE_LEN {
        return Ok(());
    }
    let message = format!("it has {len} bytes, the limit is {MAX_MESSAGE_LEN}");
    Err(Error::TooLarge { message })
}

/// Returns the end of a timeout that begins now.
fn end_after(timeout: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(timeout)
        .unwrap_or_else(|| now + Duration::from_secs(u64::from(u32::MAX)))
}

/// Returns `true` unless only a change of configuration helps.
fn worth_waiting(error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::PermissionDenied
}
