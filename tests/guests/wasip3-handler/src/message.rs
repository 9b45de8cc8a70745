//! Requests and responses: their bodies as streams, and their trailers.

use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Request, Response, Scheme};
use wasip3::wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamResult, StreamWriter};
use wasip3::{wit_future, wit_stream};

use crate::Answer;

const CHUNK: usize = 64 << 10;

type Trailers = Result<Option<Fields>, ErrorCode>;

/// Runs a future in the background, after the response too.
pub(crate) fn spawn<T: 'static>(task: impl Future<Output = T> + 'static) {
    // Dropping the handle does not end the task.
    drop(wasip3::spawn_local(task));
}

pub(crate) fn fields(headers: &[(&str, &str)]) -> Fields {
    let fields = Fields::new();
    for (name, value) in headers {
        fields.append(name, value.as_bytes()).expect("a header");
    }
    fields
}

/// Returns `NAME: VALUE` for each field, sorted.
pub(crate) fn text_of(fields: Option<Fields>) -> String {
    let all = fields.map(|fields| fields.copy_all()).unwrap_or_default();
    let line = |(name, value): &(String, Vec<u8>)| format!("{name}: {}\n", value.escape_ascii());
    let mut lines: Vec<String> = all.iter().map(line).collect();
    lines.sort();
    lines.concat()
}

/// The body of a response that is being written.
pub(crate) struct Writing {
    to: StreamWriter<u8>,
    trailers: FutureWriter<Trailers>,
}

impl Writing {
    /// Returns `false` if nobody reads the body any more.
    pub(crate) async fn write(&mut self, bytes: impl Into<Vec<u8>>) -> bool {
        self.to.write_all(bytes.into()).await.is_empty()
    }

    /// Ends the body, with trailers or without.
    pub(crate) fn finish(self, trailers: Option<Fields>) {
        self.end(Ok(trailers));
    }

    /// Ends the body with an error.
    pub(crate) fn fail(self, code: ErrorCode) {
        self.end(Err(code));
    }

    fn end(self, trailers: Trailers) {
        drop(self.to);
        // The host may have dropped the other end.
        let end = self.trailers.write(trailers);
        spawn(async move {
            let _ = end.await;
        });
    }
}

/// Starts a response whose body is yet to be written.
pub(crate) fn begin(headers: &[(&str, &str)]) -> (Answer, Writing) {
    let (response, body, _sent) = follow(headers);
    (response, body)
}

/// Starts a response, and returns the result of its transmission too.
pub(crate) fn follow(
    headers: &[(&str, &str)],
) -> (Answer, Writing, FutureReader<Result<(), ErrorCode>>) {
    let (to, from) = wit_stream::new();
    let (trailers, read) = wit_future::new(|| Ok(None));
    let (response, sent) = Response::new(fields(headers), Some(from), read);
    (Ok(response), Writing { to, trailers }, sent)
}

/// Returns a response without a body.
pub(crate) fn empty(headers: &[(&str, &str)]) -> Answer {
    let (trailers, read) = wit_future::new(|| Ok(None));
    drop(trailers);
    let (response, _sent) = Response::new(fields(headers), None, read);
    Ok(response)
}

/// Returns a response with a text and its length.
pub(crate) fn say(text: impl Into<Vec<u8>>) -> Answer {
    let text = text.into();
    let length = text.len().to_string();
    let (response, mut body) = begin(&[("content-length", &length)]);
    spawn(async move {
        body.write(text).await;
        body.finish(None);
    });
    response
}

/// Returns a response with this status and a body.
pub(crate) fn with_status(status: u16) -> Answer {
    let response = say("a body")?;
    let set = response.set_status_code(status);
    set.map_err(|()| ErrorCode::InternalError(Some(format!("{status} is no status"))))?;
    Ok(response)
}

/// Sends a request, and answers with the stream and the trailers of its response.
pub(crate) async fn relay_from(authority: &str, path: &str) -> Answer {
    let (trailers, read) = wit_future::new(|| Ok(None));
    drop(trailers);
    let (request, _sent) = Request::new(Fields::new(), None, read, None);
    let set = request
        .set_scheme(Some(&Scheme::Http))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some(path)));
    set.map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
    let answered = client::send(request).await?;
    let (_done, read) = wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(answered, read);
    let (response, _sent) = Response::new(Fields::new(), Some(body), trailers);
    Ok(response)
}

/// The body of a request.
pub(crate) struct Body {
    from: StreamReader<u8>,
    trailers: FutureReader<Trailers>,
    done: FutureWriter<Result<(), ErrorCode>>,
}

impl Body {
    pub(crate) fn of(request: Request) -> Self {
        let (done, read) = wit_future::new(|| Ok(()));
        let (from, trailers) = Request::consume_body(request, read);
        Self {
            from,
            trailers,
            done,
        }
    }

    /// Reads a chunk. Returns none at the end.
    pub(crate) async fn read(&mut self) -> Option<Vec<u8>> {
        loop {
            let (status, bytes) = self.from.read(Vec::with_capacity(CHUNK)).await;
            match status {
                _ if !bytes.is_empty() => return Some(bytes),
                StreamResult::Complete(_) => {}
                StreamResult::Dropped | StreamResult::Cancelled => return None,
            }
        }
    }

    /// Returns the trailers, or the reason why the body has ended early.
    pub(crate) async fn finish(self) -> Trailers {
        drop(self.from);
        let trailers = self.trailers.await;
        drop(self.done);
        trailers
    }

    /// Answers with the stream and the trailers of a request.
    pub(crate) fn relay(request: Request) -> Answer {
        let body = Self::of(request);
        let (response, _sent) = Response::new(Fields::new(), Some(body.from), body.trailers);
        Ok(response)
    }
}
