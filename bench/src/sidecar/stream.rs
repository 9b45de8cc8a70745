//! Streams and calls of gRPC on a connection of the crate `h2`. Messages are bytes here.

use super::work::{PREFIX, framed, unframed};
use anyhow::{Context, Result, ensure};
use bytes::{Buf, Bytes, BytesMut};
use h2::client::{Builder, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Method, Request, header};
use prost::Message;
use std::future::poll_fn;
use std::path::Path;
use tokio::net::UnixStream;

/// The windows of HTTP/2 in bytes, as the sidecar has them.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// A stream of requests and responses.
pub(super) struct Stream {
    requests: SendStream<Bytes>,
    responses: RecvStream,
    /// What has been received and not returned.
    received: BytesMut,
}

impl Stream {
    /// Opens a connection with one stream, and sends its first request.
    pub(super) async fn open(socket: &Path, path: &str, first: &impl Message) -> Result<Self> {
        let mut connection = connect(socket).await?.ready().await?;
        let (response, mut requests) = connection.send_request(head(path)?, false)?;
        send(&mut requests, framed(first), false).await?;
        Ok(Self {
            requests,
            responses: response.await?.into_body(),
            received: BytesMut::new(),
        })
    }

    /// Sends a request, which has its prefix.
    pub(super) async fn send(&mut self, request: Bytes) -> Result<()> {
        send(&mut self.requests, request, false).await
    }

    /// Returns the next response, without its prefix.
    pub(super) async fn next(&mut self) -> Result<Bytes> {
        loop {
            if let Some(len) = unframed(&self.received).map(<[u8]>::len) {
                self.received.advance(PREFIX);
                return Ok(self.received.split_to(len).freeze());
            }
            let data = self.responses.data().await.transpose()?;
            let data = data.context("the sidecar ended the stream")?;
            self.responses.flow_control().release_capacity(data.len())?;
            self.received.extend_from_slice(&data);
        }
    }
}

/// Opens a connection, which a task of the runtime serves.
pub(super) async fn connect(socket: &Path) -> Result<SendRequest<Bytes>> {
    let stream = UnixStream::connect(socket).await?;
    let (send, connection) = Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .handshake(stream)
        .await?;
    tokio::spawn(connection);
    Ok(send)
}

/// Returns the head of the requests for a path.
pub(super) fn head(path: &str) -> Result<Request<()>> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://localhost{path}"))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers");
    Ok(request.body(())?)
}

/// Makes a call with one request, which has its prefix. Appends the response with its prefix.
pub(super) async fn call(
    connection: &mut SendRequest<Bytes>,
    head: &Request<()>,
    request: Bytes,
    response: &mut Vec<u8>,
) -> Result<()> {
    poll_fn(|context| connection.poll_ready(context)).await?;
    let (answer, mut body) = connection.send_request(head.clone(), false)?;
    send(&mut body, request, true).await?;
    let mut answer = answer.await?.into_body();
    while let Some(data) = answer.data().await.transpose()? {
        answer.flow_control().release_capacity(data.len())?;
        response.extend_from_slice(&data);
    }
    check_status(answer.trailers().await?.as_ref())
}

async fn send(to: &mut SendStream<Bytes>, message: Bytes, is_last: bool) -> Result<()> {
    to.reserve_capacity(message.len());
    while to.capacity() < message.len() {
        let capacity = poll_fn(|context| to.poll_capacity(context)).await;
        capacity.context("the sidecar ended the stream")??;
    }
    Ok(to.send_data(message, is_last)?)
}

fn check_status(trailers: Option<&HeaderMap>) -> Result<()> {
    let status = trailers.and_then(|trailers| trailers.get("grpc-status"));
    ensure!(
        status.is_some_and(|status| status == "0"),
        "the call failed: {trailers:?}"
    );
    Ok(())
}
