//! The clients: one connection each, on one thread, with one request under way. They send requests that
//! have been encoded before, and read responses up to their end; the last of each turn is checked.

use super::stream::{Stream, call, connect, head};
use super::work::{PIPELINE, Work, opening, unframed};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::{self, Runtime};

/// The most bytes that a response takes.
const RESPONSE: usize = 64 << 10;

/// A client.
pub(super) struct Client {
    runtime: Runtime,
    connection: Connection,
    requests: Vec<Bytes>,
    next: usize,
    work: Work,
    batch: usize,
}

enum Connection {
    Redis {
        stream: UnixStream,
        expected: Vec<u8>,
        response: Vec<u8>,
    },
    Pipeline {
        stream: Stream,
        response: Bytes,
    },
    Unary {
        send: SendRequest<Bytes>,
        head: Request<()>,
        response: Vec<u8>,
    },
}

impl Client {
    /// Connects to Redis.
    pub(super) fn redis(socket: &Path, work: Work, batch: usize) -> Result<Self> {
        let connect = async {
            Ok(Connection::Redis {
                stream: UnixStream::connect(socket).await?,
                expected: work.response_to_commands(batch),
                response: Vec::with_capacity(RESPONSE),
            })
        };
        Self::new(work, batch, work.commands(batch), connect)
    }

    /// Connects to a sidecar and opens a pipeline.
    pub(super) fn pipeline(socket: &Path, work: Work, batch: usize) -> Result<Self> {
        let connect = async {
            let mut stream = Stream::open(socket, PIPELINE, &opening()).await?;
            let response = stream.next().await?;
            Ok(Connection::Pipeline { stream, response })
        };
        Self::new(work, batch, work.messages(batch), connect)
    }

    /// Connects to a sidecar, to send these calls.
    pub(super) fn unary(socket: &Path, work: Work, calls: Vec<Bytes>) -> Result<Self> {
        let connect = async {
            Ok(Connection::Unary {
                send: connect(socket).await?,
                head: head(work.path())?,
                response: Vec::with_capacity(RESPONSE),
            })
        };
        Self::new(work, 1, calls, connect)
    }

    fn new(
        work: Work,
        batch: usize,
        requests: Vec<Bytes>,
        connect: impl Future<Output = Result<Connection>>,
    ) -> Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
        let connection = runtime.block_on(connect)?;
        Ok(Self {
            runtime,
            connection,
            requests,
            next: 0,
            work,
            batch,
        })
    }

    /// Sends all requests once.
    pub(super) fn send_all(&mut self) -> Result<()> {
        self.exchange(self.requests.len())
    }

    /// Sends `count` requests, each after the response to the one before.
    pub(super) fn exchange(&mut self, count: usize) -> Result<()> {
        let all = async {
            for _ in 0..count {
                let request = self.requests[self.next].clone();
                self.next = (self.next + 1) % self.requests.len();
                self.connection.exchange(request).await?;
            }
            anyhow::Ok(())
        };
        self.runtime.block_on(all)?;
        self.check()
    }

    /// Checks the last response.
    fn check(&self) -> Result<()> {
        match &self.connection {
            Connection::Redis {
                response, expected, ..
            } => {
                ensure!(response == expected, "Redis gave another answer");
                Ok(())
            }
            Connection::Pipeline { response, .. } => self.work.check_results(response, self.batch),
            Connection::Unary { response, .. } => {
                let response = unframed(response).context("no response")?;
                self.work.check_response(response)
            }
        }
    }
}

impl Connection {
    /// Sends a request and reads the whole response.
    async fn exchange(&mut self, request: Bytes) -> Result<()> {
        match self {
            Self::Redis {
                stream,
                expected,
                response,
            } => {
                stream.write_all(&request).await?;
                response.clear();
                while response.len() < expected.len() {
                    let read = stream.read_buf(response).await?;
                    ensure!(read > 0, "Redis closed the connection");
                }
            }
            Self::Pipeline { stream, response } => {
                stream.send(request).await?;
                *response = stream.next().await?;
            }
            Self::Unary {
                send,
                head,
                response,
            } => {
                response.clear();
                call(send, head, request, response).await?;
            }
        }
        Ok(())
    }
}
