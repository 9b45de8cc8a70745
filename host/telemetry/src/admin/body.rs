//! The body of a response: bytes, or what another thread writes meanwhile.

use super::connections::Running;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::io::{self, ErrorKind, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc::{self, Receiver, Sender};

/// The maximum number of parts that wait to be sent.
const MAX_PARTS: usize = 4;

/// A body, which tells when it has been taken for sending.
pub(super) struct AnswerBody {
    content: Content,
    running: Option<Running>,
}

enum Content {
    Whole(Full<Bytes>),
    Parts(Receiver<Bytes>),
}

/// The other end of a body. Its writes wait until the client reads, and fail when it is gone.
pub(super) struct Parts(Sender<Bytes>);

impl AnswerBody {
    /// Returns an empty body, and what writes it on another thread.
    pub(super) fn of_parts() -> (Self, Parts) {
        let (sender, receiver) = mpsc::channel(MAX_PARTS);
        (Content::Parts(receiver).into(), Parts(sender))
    }

    /// Drops `running` with the body.
    pub(super) fn until_sent(mut self, running: Running) -> Self {
        self.running = Some(running);
        self
    }
}

impl From<Content> for AnswerBody {
    fn from(content: Content) -> Self {
        let running = None;
        Self { content, running }
    }
}

impl From<Bytes> for AnswerBody {
    fn from(bytes: Bytes) -> Self {
        Content::Whole(Full::new(bytes)).into()
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.content {
            Content::Whole(bytes) => Pin::new(bytes).poll_frame(context),
            Content::Parts(parts) => {
                let part = parts.poll_recv(context);
                part.map(|part| part.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_end_stream(),
            Content::Parts(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => bytes.size_hint(),
            Content::Parts(_) => SizeHint::default(),
        }
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = Bytes::copy_from_slice(bytes);
        let sent = self.0.blocking_send(part);
        sent.map_err(|_| io::Error::from(ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
