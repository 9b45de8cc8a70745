//! Serves HTTP/1 on one connection.

use crate::connection::{Connection, Ends};
use crate::delivery::{Delivery, DeliveryStream};
use crate::handler::Handler;
use crate::limits::{HEADERS, MAX_HEADERS, STALLED};
use crate::linger::{linger, send};
use crate::request_body::{RequestBody, Upload};
use crate::response_body::ResponseBody;
use crate::stall_guard::StallGuard;
use crate::stream::Stream;
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use localmap::lock;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::task::yield_now;

/// The response to a client that begins with HTTP/2 after it has agreed to HTTP/1 by TLS, to which
/// hyper sends none.
const NO_HTTP_2: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// What the end of a connection depends on.
#[derive(Default)]
struct Last {
    /// The body of the last request.
    upload: Upload,
    /// Whether the end of the connection is the end of the last response.
    ends_response: bool,
}

/// Answers the requests of a connection, one after the other, until the client sends no more or
/// `draining` is ready.
pub(crate) async fn serve(
    handler: Handler,
    stream: Stream,
    ends: Ends,
    draining: impl Future<Output = ()>,
) {
    let delivery = Arc::new(Delivery::default());
    let connection = Arc::new(Connection::of(ends));
    let last = Arc::new(Mutex::new(Last::default()));
    let service = {
        let (handler, delivery, last) = (handler.clone(), Arc::clone(&delivery), Arc::clone(&last));
        service_fn(move |request| {
            let (handler, connection) = (handler.clone(), Arc::clone(&connection));
            let (delivery, last) = (Arc::clone(&delivery), Arc::clone(&last));
            async move {
                let answer = answer(&handler, &connection, request, &delivery, &last);
                Ok::<_, Infallible>(answer.await)
            }
        })
    };
    let stream = DeliveryStream::new(StallGuard::new(stream, STALLED), Arc::clone(&delivery));
    let mut serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(MAX_HEADERS as usize)
        // A client may close its side after its last request.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let done = tokio::select! {
        done = &mut serving => done,
        () = draining => {
            Pin::new(&mut serving).graceful_shutdown();
            (&mut serving).await
        }
    };
    let stream = serving.into_parts().io.into_inner();
    let mut stream = stream.into_inner().into_inner();
    delivery.close();
    let refused = done.as_ref().is_err_and(hyper::Error::is_parse);
    // Errors within a request are reported in its record.
    if let (Err(error), true) = (&done, refused) {
        handler.report(ends.peer, &error.to_string());
    }
    let last = std::mem::take(&mut *lock(&last));
    match done {
        Err(error) if error.is_parse_version_h2() => send(&mut stream, NO_HTTP_2).await,
        // The client must not mistake a part of the response for the whole.
        Err(_) if last.ends_response => {
            stream.end_with_reset();
            return;
        }
        _ => {}
    }
    if refused || !last.upload.is_read() {
        linger(stream).await;
    }
}

async fn answer(
    handler: &Handler,
    connection: &Connection,
    request: Request<Incoming>,
    delivery: &Arc<Delivery>,
    last: &Mutex<Last>,
) -> Response<ResponseBody> {
    let old = request.version() < Version::HTTP_11;
    let request = RequestBody::wrap(request);
    let upload = request.body().upload();
    *lock(last) = Last {
        upload: upload.clone(),
        ends_response: false,
    };
    let mut response = handler.answer(connection, request, Some(delivery)).await;
    if upload.continues() {
        // hyper sends `100 Continue` when it is polled after the body has been read, but no longer
        // once it has the response. The guest may have begun both at once.
        yield_now().await;
    }
    // With an older client, the connection must be closed after a body of unknown length, but
    // hyper would otherwise promise to keep it open.
    let known = response.headers().contains_key(CONTENT_LENGTH)
        || response.body().size_hint().exact().is_some();
    let ends_response = old && !known;
    lock(last).ends_response = ends_response;
    if ends_response || upload.is_too_much() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}
