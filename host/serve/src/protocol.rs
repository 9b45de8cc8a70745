//! Finds out which protocol a client speaks, and serves its connection: with or without TLS,
//! HTTP/1 or HTTP/2.

use crate::connection::Ends;
use crate::handler::Handler;
use crate::limits::HEADERS;
use crate::linger::{linger, read, send};
use crate::stream::Stream;
use crate::tls::{Handshake, TlsConfig};
use crate::{http1, http2};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The bytes with which a client begins HTTP/2. No request of HTTP/1 begins with them.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The response to a client that sends HTTP to a port of TLS.
const NO_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
    content-length: 42\r\nconnection: close\r\n\r\nthis port speaks TLS: use an https:// URL\n";

/// A connection that has been accepted.
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) tls: Option<TlsConfig>,
}

/// The versions of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Http {
    /// HTTP/1.0 and HTTP/1.1.
    One,
    Two,
}

/// Serves a connection until the client sends no more or `draining` is ready.
pub(crate) async fn serve_connection(
    handler: Handler,
    accepted: Accepted,
    draining: impl Future<Output = ()>,
) {
    let Accepted { stream, peer, tls } = accepted;
    // Fails if the client has already disconnected.
    let Ok(local) = stream.local_addr() else {
        return;
    };
    // Sends small responses without delay.
    let _ = stream.set_nodelay(true);
    let ends = Ends {
        peer,
        local,
        tls: tls.is_some(),
    };
    let mut draining = pin!(draining);
    let found = tokio::select! {
        biased;
        found = begin(&handler, stream, peer, tls) => found,
        // It has no request yet.
        () = &mut draining => return,
    };
    match found {
        Some((Http::One, stream)) => http1::serve(handler, stream, ends, draining).await,
        Some((Http::Two, stream)) => http2::serve(handler, stream, ends, draining).await,
        None => {}
    }
}

/// Returns the version of HTTP, and the stream on which it begins. Returns `None` if the client
/// begins neither in time.
async fn begin(
    handler: &Handler,
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsConfig>,
) -> Option<(Http, Stream)> {
    let Some(tls) = tls else {
        let found = timeout(HEADERS, by_preface(Stream::tcp(stream))).await;
        return found.ok()?.ok();
    };
    match tls.accept(stream).await {
        Handshake::Done(stream) => {
            let http = match stream.get_ref().1.alpn_protocol() {
                Some(b"h2") => Http::Two,
                _ => Http::One,
            };
            Some((http, Stream::tls(stream)))
        }
        Handshake::Left => None,
        Handshake::Plain(stream) => {
            handler.report(peer, "the client sent HTTP without TLS");
            let mut stream = Stream::tcp(stream);
            send(&mut stream, NO_TLS).await;
            linger(stream).await;
            None
        }
        Handshake::Failed(cause) => {
            handler.report(peer, &cause);
            None
        }
    }
}

/// Reads until it is clear which version of HTTP a client without TLS speaks: it begins HTTP/2
/// with prior knowledge, or HTTP/1.
async fn by_preface(mut stream: Stream) -> io::Result<(Http, Stream)> {
    let mut first = [0; PREFACE.len()];
    let mut len = 0;
    while len < first.len() && first[..len] == PREFACE[..len] {
        match read(&mut stream, &mut first[len..]).await? {
            0 => break,
            more => len += more,
        }
    }
    stream.put_back(&first[..len]);
    let http = match first == PREFACE {
        true => Http::Two,
        false => Http::One,
    };
    Ok((http, stream))
}
