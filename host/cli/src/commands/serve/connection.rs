//! One connection: its requests, one after the other.

use super::maps::Kept;
use super::request::answer;
use super::server::{Running, Server};
use super::stream::Unstalled;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a client may take to send the headers of a request, and how long it may keep
/// the connection open without one.
const HEADERS: Duration = Duration::from_secs(30);
/// How long a client may read nothing of what is sent to it.
const STALLED: Duration = Duration::from_secs(30);
/// Bytes that the headers of a request may have; up to twice as many may come in one piece.
const MAX_HEADERS: usize = 64 << 10;

/// What the requests of a connection share.
pub(super) struct Connection {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    /// Its map, if that is what a map belongs to.
    pub(super) map: Kept,
}

/// Answers requests until the client has no more, or the server stops.
pub(super) async fn serve(
    server: Arc<Server>,
    stream: TcpStream,
    peer: SocketAddr,
    mut running: Running,
) {
    // It has gone already.
    let Ok(local) = stream.local_addr() else {
        return;
    };
    // Small responses are not kept waiting.
    let _ = stream.set_nodelay(true);
    let connection = Arc::new(Connection {
        peer,
        local,
        map: Kept::default(),
    });
    let log = server.log().cloned();
    let service = service_fn(move |request| {
        let (server, connection) = (Arc::clone(&server), Arc::clone(&connection));
        async move { Ok::<_, Infallible>(answer(server, connection, request).await) }
    });
    let mut serving = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS)
            .max_buf_size(MAX_HEADERS)
            // Who has asked for all that he wants may close his side.
            .half_close(true)
            .serve_connection(TokioIo::new(Unstalled::new(stream, STALLED)), service)
    );
    let stopped = async {
        let _ = running.wait_for(|stopping| *stopping).await;
    };
    let done = tokio::select! {
        done = serving.as_mut() => done,
        () = stopped => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    // What happens within a request has the line of the request.
    if let (Err(error), Some(log)) = (done, log)
        && error.is_parse()
    {
        let at = humantime::format_rfc3339_millis(std::time::SystemTime::now());
        log.line(format!("{at} {peer} \"-\" - - map=- cause=\"{error}\""));
    }
}
