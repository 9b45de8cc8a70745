//! A client of HTTP/2, and what it gets from a server.

use super::client::{PATIENCE, Server};
use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use localmap_serve::hyper::{HeaderMap, Request};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A connection to a server, of which clones share the streams.
#[derive(Clone)]
pub(super) struct Client {
    streams: SendRequest<Bytes>,
    origin: String,
}

/// A request that has been sent, but for the rest of its body.
pub(super) struct Exchange {
    pub(super) response: ResponseFuture,
    pub(super) upload: SendStream<Bytes>,
}

/// A response, as far as it has arrived.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) trailers: Option<HeaderMap>,
    /// The reason why the rest is missing.
    pub(super) reset: Option<Reason>,
}

impl Client {
    /// Connects without TLS.
    pub(super) async fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.addr).await.expect("it listens");
        Self::on(stream, &format!("http://{}", server.addr)).await
    }

    /// Connects a client that has room for this number of bytes of each response.
    pub(super) async fn with_window(server: &Server, window: u32) -> Self {
        let stream = TcpStream::connect(server.addr).await.expect("it listens");
        Self::begin_on(stream, &format!("http://{}", server.addr), window).await
    }

    /// Begins HTTP/2 on a stream.
    pub(super) async fn on<S>(stream: S, origin: &str) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Self::begin_on(stream, origin, 1 << 20).await
    }

    async fn begin_on<S>(stream: S, origin: &str, window: u32) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let begun = Builder::new()
            .initial_window_size(window)
            .initial_connection_window_size(8 << 20)
            .handshake(stream)
            .await;
        let (streams, connection) = begun.expect("it speaks HTTP/2");
        tokio::spawn(async move {
            // An error reaches each stream.
            let _ = connection.await;
        });
        Self {
            streams,
            origin: origin.to_owned(),
        }
    }

    /// Sends the headers of a request.
    pub(super) async fn begin(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Exchange {
        self.try_begin(method, path, headers, false)
            .await
            .expect("the connection is open")
    }

    /// Sends the headers of a request, or all of it. Fails if the connection is closing.
    pub(super) async fn try_begin(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        ends: bool,
    ) -> Result<Exchange, h2::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.origin));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a request");
        let mut streams = self.streams.clone().ready().await?;
        let (response, upload) = streams.send_request(request, ends)?;
        Ok(Exchange { response, upload })
    }

    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let mut exchange = self.begin(method, path, headers).await;
        exchange
            .upload
            .send_data(Bytes::copy_from_slice(body), true)
            .expect("it is open");
        exchange.response().await
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        self.ask("GET", path, &[], b"").await
    }
}

impl Exchange {
    /// Waits for the response.
    pub(super) async fn response(self) -> Response {
        let response = timeout(PATIENCE, self.response).await.expect("in time");
        let response = match response {
            Ok(response) => response,
            Err(error) => return Response::reset(&error),
        };
        let (head, mut stream) = response.into_parts();
        let mut got = Response {
            status: head.status.as_u16(),
            headers: head.headers,
            body: Vec::new(),
            trailers: None,
            reset: None,
        };
        if let Err(error) = timeout(PATIENCE, got.read(&mut stream))
            .await
            .expect("in time")
        {
            got.reset = error.reason();
        }
        got
    }
}

impl Response {
    fn reset(error: &h2::Error) -> Self {
        Self {
            status: 0,
            headers: HeaderMap::new(),
            body: Vec::new(),
            trailers: None,
            reset: error.reason(),
        }
    }

    async fn read(&mut self, stream: &mut RecvStream) -> Result<(), h2::Error> {
        while let Some(data) = stream.data().await {
            let data = data?;
            stream.flow_control().release_capacity(data.len())?;
            self.body.extend_from_slice(&data);
        }
        self.trailers = stream.trailers().await?;
        Ok(())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the text of a response that must be complete and have status 200.
    pub(super) fn ok(&self) -> String {
        assert_eq!((self.status, self.reset), (200, None), "{self:?}");
        self.text()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
