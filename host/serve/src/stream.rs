//! The byte stream of a connection: TCP, or TLS on top of it. What has been read to find out which
//! protocol the client speaks is read again.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// The byte stream of a connection.
pub(crate) struct Stream {
    transport: Transport,
    /// What has been read and put back.
    first: Vec<u8>,
}

/// One type for both, so that hyper and h2 are compiled once.
enum Transport {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        Self::of(Transport::Tcp(stream))
    }

    pub(crate) fn tls(stream: Box<TlsStream<TcpStream>>) -> Self {
        Self::of(Transport::Tls(stream))
    }

    fn of(transport: Transport) -> Self {
        Self {
            transport,
            first: Vec::new(),
        }
    }

    /// Puts back bytes, which the next reads return.
    pub(crate) fn put_back(&mut self, bytes: &[u8]) {
        self.first.splice(..0, bytes.iter().copied());
    }

    /// Makes the end of the connection a reset, which the client cannot mistake for the end of a
    /// response.
    pub(crate) fn end_with_reset(&self) {
        let tcp = match &self.transport {
            Transport::Tcp(stream) => stream,
            Transport::Tls(stream) => stream.get_ref().0,
        };
        // Fails if the connection has already ended.
        let _ = tcp.set_zero_linger();
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.first.is_empty() {
            let len = this.first.len().min(to.remaining());
            to.put_slice(&this.first[..len]);
            this.first.drain(..len);
            return Poll::Ready(Ok(()));
        }
        match &mut this.transport {
            Transport::Tcp(stream) => Pin::new(stream).poll_read(context, to),
            Transport::Tls(stream) => Pin::new(stream).poll_read(context, to),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write_vectored(context, bytes),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Tcp(stream) => stream.is_write_vectored(),
            Transport::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
