//! The call of a handler of WASI 0.3: an async function that returns its response while its task
//! may go on.

use crate::failure::Failure;
use crate::guest_body::{GuestBody, Tracker};
use crate::instance::{Instance, JobCall};
use crate::responder::Responder;
use crate::sandbox::Sandbox;
use bytes::Bytes;
use hyper::Request;
use hyper::body::Body;
use hyper::header::HOST;
use hyper::http::uri::{Authority, Scheme};
use localmap::wasmtime::component::{Accessor, AccessorTask};
use localmap::wasmtime::{self, Store};
use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::oneshot;
use wasmtime_wasi_http::p3::bindings::Service;
use wasmtime_wasi_http::{Error, FieldMap, WasiHttpView, p3};

/// A request, and where its response goes.
pub(crate) struct Arguments {
    request: p3::Request,
    responder: Responder,
}

impl Arguments {
    /// Prepares a request for a store. It becomes a handle of the store when it is passed to the
    /// guest.
    pub(super) fn new<B>(
        store: &mut Sandbox<()>,
        scheme: Option<&Scheme>,
        request: Request<B>,
        responder: Responder,
    ) -> wasmtime::Result<Self>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Error>,
    {
        let (parts, body) = request.into_parts();
        let authority = match parts.headers.get(HOST) {
            Some(host) => Some(Authority::try_from(host.as_bytes())?),
            None => None,
        };
        let headers = FieldMap::new_immutable(store.http().hooks, parts.headers);
        // What the guest says about the body that it has read concerns nobody.
        let (request, _) = p3::Request::new(
            parts.method,
            Some(scheme.cloned().unwrap_or(Scheme::HTTP)),
            authority,
            parts.uri.into_parts().path_and_query,
            headers,
            None,
            body,
        );
        Ok(Self { request, responder })
    }
}

/// Runs the handler until its response has ended and its tasks have.
pub(super) async fn run(
    store: &mut Store<Sandbox<()>>,
    service: &Service,
    arguments: Arguments,
) -> wasmtime::Result<()> {
    let ended = store.run_concurrent(async |accessor| {
        let (open, end) = oneshot::channel::<Infallible>();
        respond(accessor, service, arguments, || drop(open)).await?;
        // An error is the end. Until then, the store passes on what the guest writes.
        let _ = end.await;
        poll_fn(|context| accessor.poll_no_interesting_tasks(context)).await;
        Ok(())
    });
    ended.await?
}

/// Calls the handler, and passes on its response. `on_end` is called at the end of its body.
async fn respond(
    accessor: &Accessor<Sandbox<()>>,
    service: &Service,
    Arguments { request, responder }: Arguments,
    on_end: impl FnOnce() + Send + 'static,
) -> wasmtime::Result<()> {
    let response = service.handle(accessor, request).await?;
    let (tracker, transmitted) = Tracker::new(on_end);
    let response = match response {
        Ok(response) => {
            let response = accessor.with(|store| response.into_http(store, transmitted))?;
            Ok(response.map(|body| GuestBody::new(body, Some(tracker))))
        }
        Err(code) => Err(Failure::of_error_code(&code)),
    };
    responder.send(response);
    Ok(())
}

/// Answers the requests of an instance, several at a time. Returns only if it fails.
pub(super) async fn answer(
    store: &mut Store<Sandbox<()>>,
    service: &Arc<Service>,
    instance: &Arc<Instance>,
) -> wasmtime::Result<()> {
    let failed = store.run_concurrent(async |accessor| {
        poll_fn(|context| poll_requests(accessor, service, instance, context)).await
    });
    failed.await?
}

/// Begins the requests that the instance has been given, and ends those whose work has ended. Ready
/// only if that fails. The task is woken when the instance is given a request.
fn poll_requests(
    accessor: &Accessor<Sandbox<()>>,
    service: &Arc<Service>,
    instance: &Arc<Instance>,
    context: &mut Context<'_>,
) -> Poll<wasmtime::Result<()>> {
    while let Some((id, responder, call)) = instance.begin_next() {
        let begun = accessor.with(|mut store| begin(store.data_mut(), call, responder));
        let spawned = begun.and_then(|arguments| {
            accessor.spawn(Answer {
                id,
                arguments,
                service: Arc::clone(service),
                instance: Arc::clone(instance),
            })
        });
        if let Err(error) = spawned {
            return Poll::Ready(Err(error));
        }
    }
    let handle = *service.wasi_http_handler().func_handle().func();
    let ready = accessor.poll_ready_for_concurrent_call(handle, context);
    let quiet = accessor.poll_no_interesting_tasks(context).is_ready();
    instance.observe(ready.is_pending(), quiet);
    Poll::Pending
}

fn begin(
    store: &mut Sandbox<()>,
    call: JobCall,
    responder: Responder,
) -> wasmtime::Result<Arguments> {
    store.run_for(call.of);
    Arguments::new(store, call.scheme.as_ref(), call.request, responder)
}

/// The task of one request within the store of an instance.
struct Answer {
    id: u64,
    arguments: Arguments,
    service: Arc<Service>,
    instance: Arc<Instance>,
}

impl AccessorTask<Sandbox<()>> for Answer {
    async fn run(self, accessor: &Accessor<Sandbox<()>>) -> wasmtime::Result<()> {
        let (id, instance) = (self.id, self.instance);
        respond(accessor, &self.service, self.arguments, move || {
            instance.responded(id);
        })
        .await
    }
}
