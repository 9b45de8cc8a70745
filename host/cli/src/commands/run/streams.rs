//! Standard input and output of WASI 0.3, as `run` has them for 0.2: a closed standard output ends
//! the guest, and during a replay a line of input is read only when the guest can do nothing else.

use super::guest_data::GuestData;
use crate::replay::{LineReader, ReplayInput};
use crate::terminal::stdio::Output;
use localmap::wasmtime::component::{
    Access, Destination, FutureReader, HasData, Linker, Source, StreamConsumer, StreamProducer,
    StreamReader, StreamResult, VecBuffer,
};
use localmap::wasmtime::{self, AsContextMut, StoreContextMut};
use localmap_serve::Sandbox;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot::{Receiver, Sender, channel};
use wasmtime_wasi::p2::StreamError;
use wasmtime_wasi::p3::bindings::cli::types::ErrorCode;
use wasmtime_wasi::p3::bindings::cli::{stderr, stdin, stdout};

/// The maximum number of bytes that a stream of the host reads at once.
const CHUNK: usize = 64 << 10;

/// The end of a stream.
type End = FutureReader<Result<(), ErrorCode>>;

/// Links standard output and error instead of Wasmtime's.
pub(super) fn link_output(linker: &mut Linker<Sandbox<GuestData>>) -> wasmtime::Result<()> {
    stdout::add_to_linker::<_, HasStreams>(linker, |guest| Streams(&guest.data))?;
    stderr::add_to_linker::<_, HasStreams>(linker, |guest| Streams(&guest.data))
}

/// Links the standard input of a replay instead of Wasmtime's.
pub(super) fn link_replayed_input(linker: &mut Linker<Sandbox<GuestData>>) -> wasmtime::Result<()> {
    stdin::add_to_linker::<_, HasStreams>(linker, |guest| Streams(&guest.data))
}

struct HasStreams;

impl HasData for HasStreams {
    type Data<'a> = Streams<'a>;
}

struct Streams<'a>(&'a GuestData);

impl stdin::Host for Streams<'_> {}
impl stdout::Host for Streams<'_> {}
impl stderr::Host for Streams<'_> {}

impl<T> stdout::HostWithStore<T> for HasStreams {
    fn write_via_stream(
        store: Access<'_, T, Self>,
        data: StreamReader<u8>,
    ) -> wasmtime::Result<End> {
        pipe(store, data, Output::Stdout)
    }
}

impl<T> stderr::HostWithStore<T> for HasStreams {
    fn write_via_stream(
        store: Access<'_, T, Self>,
        data: StreamReader<u8>,
    ) -> wasmtime::Result<End> {
        pipe(store, data, Output::Stderr)
    }
}

impl<T> stdin::HostWithStore<T> for HasStreams {
    fn read_via_stream(
        mut store: Access<'_, T, Self>,
    ) -> wasmtime::Result<(StreamReader<u8>, End)> {
        let (failed, failure) = channel();
        let lines = store.get().0.input.as_ref().map(ReplayInput::reader);
        let producer = Lines {
            lines,
            failed: Some(failed),
        };
        let stream = StreamReader::new(&mut store, producer)?;
        Ok((stream, end(&mut store, failure)?))
    }
}

fn pipe<T>(
    mut store: Access<'_, T, HasStreams>,
    data: StreamReader<u8>,
    output: Output,
) -> wasmtime::Result<End> {
    let (failed, failure) = channel();
    let consumer = Writes {
        output,
        failed: Some(failed),
    };
    data.pipe(&mut store, consumer)?;
    end(&mut store, failure)
}

/// Returns what a guest reads when a stream has ended.
fn end(store: impl AsContextMut, failure: Receiver<ErrorCode>) -> wasmtime::Result<End> {
    FutureReader::new(store, async {
        // Without a failure, its sender is dropped.
        wasmtime::error::Ok(failure.await.map_or(Ok(()), Err))
    })
}

/// Writes what arrives in a stream.
struct Writes {
    output: Output,
    failed: Option<Sender<ErrorCode>>,
}

impl<D: 'static> StreamConsumer<D> for Writes {
    type Item = u8;

    /// Writes at once, and waits until that is done: nobody but the guest waits for it.
    fn poll_consume(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        store: StoreContextMut<'_, D>,
        source: Source<'_, u8>,
        _finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let mut source = source.as_direct(store);
        let bytes = source.remaining();
        let len = bytes.len();
        let written = match len {
            // The guest asks whether it can write.
            0 => Ok(()),
            _ => self
                .output
                .write_all(bytes)
                .and_then(|()| self.output.flush_all()),
        };
        match written {
            Ok(()) => {
                source.mark_read(len);
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Err(StreamError::Trap(closed)) => Poll::Ready(Err(closed)),
            Err(StreamError::Closed | StreamError::LastOperationFailed(_)) => {
                fail(&mut self.failed);
                Poll::Ready(Ok(StreamResult::Dropped))
            }
        }
    }
}

/// Delivers the lines of a replay.
struct Lines {
    /// The input, or `None` for one that is empty.
    lines: Option<LineReader>,
    failed: Option<Sender<ErrorCode>>,
}

impl Lines {
    fn poll_read(&mut self, context: &mut Context<'_>, to: &mut [u8]) -> Poll<io::Result<usize>> {
        match &mut self.lines {
            Some(lines) => lines.poll_read(context, to),
            None => Poll::Ready(Ok(0)),
        }
    }
}

impl<D: 'static> StreamProducer<D> for Lines {
    type Item = u8;
    type Buffer = VecBuffer<u8>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        to: Destination<'a, u8, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        // The guest asks whether it can read. It can, since a read may wait: the question must not
        // move the clock.
        if to.remaining(store.as_context_mut()) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let mut to = to.as_direct(store, CHUNK);
        let read = self.poll_read(context, to.remaining());
        Poll::Ready(Ok(match read {
            Poll::Ready(Ok(0)) => StreamResult::Dropped,
            Poll::Ready(Ok(len)) => {
                to.mark_written(len);
                StreamResult::Completed
            }
            Poll::Ready(Err(_)) => {
                fail(&mut self.failed);
                StreamResult::Dropped
            }
            Poll::Pending if finish => {
                if let Some(lines) = &mut self.lines {
                    lines.cancel();
                }
                StreamResult::Cancelled
            }
            Poll::Pending => return Poll::Pending,
        }))
    }
}

/// Reports that a stream has failed.
fn fail(failed: &mut Option<Sender<ErrorCode>>) {
    if let Some(failed) = failed.take() {
        // The guest may not want to know.
        let _ = failed.send(ErrorCode::Io);
    }
}
