//! Closes a connection whose client may still be writing, so that it gets the response.

use crate::request_body::{DISCARDED_FOR, NEXT_DISCARDED};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The size of one read in bytes.
const READ: usize = 16 << 10;

/// Sends all of `bytes`, if the client reads them in time.
pub(crate) async fn send(stream: &TcpStream, mut bytes: &[u8]) {
    let all = async {
        while !bytes.is_empty() {
            stream.writable().await?;
            match stream.try_write(bytes) {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    };
    // The connection is closed whatever happens.
    let _ = timeout(NEXT_DISCARDED, all).await;
}

/// Closes the sending side, and then reads and discards what the client sends, until it closes its
/// side too or its time is up. If the connection were closed while data is unread, the operating
/// system would reset it, and the client might lose a response that it has not read yet.
pub(crate) async fn linger(mut stream: TcpStream) {
    let closed = poll_fn(|context| Pin::new(&mut stream).poll_shutdown(context)).await;
    if closed.is_err() {
        return;
    }
    let mut discarded = vec![0; READ];
    let all = async {
        while let Ok(Ok(1..)) = timeout(NEXT_DISCARDED, read(&stream, &mut discarded)).await {}
    };
    let _ = timeout(DISCARDED_FOR, all).await;
}

/// Reads some bytes. Returns their number, which is 0 at the end.
async fn read(stream: &TcpStream, to: &mut [u8]) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        match stream.try_read(to) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}
