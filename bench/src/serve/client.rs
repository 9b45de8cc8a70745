//! The client that loads servers: a fixed number of HTTP/1.1 connections, each of which sends its
//! next request when it has read the response to the one before.

use super::response::Response;
use crate::measure::quantile;
use anyhow::{Context, Result, ensure};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

/// The number of connections.
pub(super) const CLIENTS: usize = 8;
/// How long requests are sent before they are counted.
const WARM_UP: Duration = Duration::from_millis(100);
/// How long a server may take for the requests of a turn, beyond the turn itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a client sends, and the body that it must get, with status 200.
#[derive(Clone, Copy)]
pub(super) struct Exchange {
    /// The request, with its headers and the empty line after them.
    pub(super) request: &'static str,
    pub(super) body: &'static str,
}

/// The figures of one turn.
#[derive(Clone, Copy)]
pub(super) struct Load {
    /// Requests a second.
    pub(super) rate: f64,
    /// The median of the times from sending a request to the last byte of its response, in
    /// nanoseconds.
    pub(super) median: f64,
    /// The 99th percentile of these times.
    pub(super) p99: f64,
}

/// Loads the server at `address` for `time`. All connections share a thread, so that the client
/// takes as little of the machine from the server as it can.
pub(super) fn load(address: SocketAddr, exchange: Exchange, time: Duration) -> Result<Load> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let all = async {
        let begin = Instant::now() + WARM_UP;
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(send_requests(address, exchange, begin, begin + time));
        }
        let mut times = Vec::new();
        while let Some(client) = clients.join_next().await {
            times.extend(client??);
        }
        anyhow::Ok(times)
    };
    let bounded = runtime.block_on(async { tokio::time::timeout(time + PATIENCE, all).await });
    let times: Vec<f64> = bounded.context("the server stopped answering")??;
    ensure!(!times.is_empty(), "the server answered nothing in {time:?}");
    Ok(Load {
        rate: times.len() as f64 / time.as_secs_f64(),
        median: quantile(&times, 0.5),
        p99: quantile(&times, 0.99),
    })
}

/// Sends one request and reads its response.
pub(super) fn send_one(address: SocketAddr, exchange: Exchange) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut client = Client::connect(address, exchange).await?;
        client.exchange().await
    })
}

/// Sends requests until `end`. Returns the nanoseconds of those between `begin` and `end`.
async fn send_requests(
    address: SocketAddr,
    exchange: Exchange,
    begin: Instant,
    end: Instant,
) -> Result<Vec<f64>> {
    let mut client = Client::connect(address, exchange).await?;
    let mut times = Vec::new();
    loop {
        let sent = Instant::now();
        if sent >= end {
            return Ok(times);
        }
        client.exchange().await?;
        if sent >= begin && Instant::now() <= end {
            times.push(sent.elapsed().as_nanos() as f64);
        }
    }
}

/// A connection.
struct Client {
    stream: TcpStream,
    exchange: Exchange,
    response: Response,
}

impl Client {
    async fn connect(address: SocketAddr, exchange: Exchange) -> Result<Self> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.context("the server accepts no connection")?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            exchange,
            response: Response::default(),
        })
    }

    async fn exchange(&mut self) -> Result<()> {
        let Exchange { request, body } = self.exchange;
        self.stream.write_all(request.as_bytes()).await?;
        self.response.read(&mut self.stream).await?;
        let (status, got) = (self.response.status(), self.response.body());
        ensure!(
            status == 200 && got == body.as_bytes(),
            "the server answered with status {status}: {:?}",
            String::from_utf8_lossy(got)
        );
        Ok(())
    }
}
