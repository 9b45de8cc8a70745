//! Closes a connection whose client may still be writing, so that it gets the response.

use crate::request_body::{DISCARDED_FOR, NEXT_DISCARDED};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

/// The size of one read in bytes.
const READ: usize = 16 << 10;

/// Sends all of `bytes`, if the client reads them in time.
pub(crate) async fn send<S: AsyncWrite + Unpin>(stream: &mut S, mut bytes: &[u8]) {
    let all = async {
        while !bytes.is_empty() {
            let sent = poll_fn(|context| Pin::new(&mut *stream).poll_write(context, bytes)).await?;
            bytes = bytes.get(sent..).unwrap_or_default();
        }
        poll_fn(|context| Pin::new(&mut *stream).poll_flush(context)).await
    };
    // The connection is closed whatever happens.
    let _: Result<io::Result<()>, _> = timeout(NEXT_DISCARDED, all).await;
}

/// Closes the sending side, and then reads and discards what the client sends, until it closes its
/// side too or its time is up. If the connection were closed while data is unread, the operating
/// system would reset it, and the client might lose a response that it has not read yet.
pub(crate) async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let closed = poll_fn(|context| Pin::new(&mut stream).poll_shutdown(context));
    if !matches!(timeout(NEXT_DISCARDED, closed).await, Ok(Ok(()))) {
        return;
    }
    let mut discarded = vec![0; READ];
    let all = async {
        while let Ok(Ok(1..)) = timeout(NEXT_DISCARDED, read(&mut stream, &mut discarded)).await {}
    };
    let _ = timeout(DISCARDED_FOR, all).await;
}

/// Reads some bytes. Returns their number, which is 0 at the end.
pub(crate) async fn read<S: AsyncRead + Unpin>(stream: &mut S, to: &mut [u8]) -> io::Result<usize> {
    let mut to = ReadBuf::new(to);
    poll_fn(|context| Pin::new(&mut *stream).poll_read(context, &mut to)).await?;
    Ok(to.filled().len())
}
