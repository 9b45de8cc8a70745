//! The call of a handler of WASI 0.2, which responds through a handle and then runs to its end.

use crate::failure::Failure;
use crate::guest_body::GuestBody;
use crate::instance::Instance;
use crate::responder::Responder;
use crate::sandbox::Sandbox;
use bytes::Bytes;
use hyper::Request;
use hyper::body::Body;
use hyper::http::uri;
use localmap::wasmtime::component::Resource;
use localmap::wasmtime::{self, Store};
use std::future::poll_fn;
use std::task::Poll;
use wasmtime_wasi_http::p2::bindings::Proxy;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::body::{HostOutgoingBody, StreamContext};
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};
use wasmtime_wasi_http::{Error, WasiHttpView};

/// The arguments of a call, which belong to its store.
pub(crate) struct Arguments {
    request: Resource<HostIncomingRequest>,
    response: Resource<HostResponseOutparam>,
}

impl Arguments {
    /// Adds a request to a store.
    pub(super) fn new<B>(
        store: &mut Store<Sandbox<()>>,
        scheme: Option<&uri::Scheme>,
        request: Request<B>,
        responder: Responder,
    ) -> wasmtime::Result<Self>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Error>,
    {
        let mut http = store.data_mut().http();
        let scheme = match scheme == Some(&uri::Scheme::HTTPS) {
            true => Scheme::Https,
            false => Scheme::Http,
        };
        let request = http.new_incoming_request(scheme, request)?;
        let response = http.new_response_outparam_from_callback(move |response| {
            let response = response
                .map(|response| response.map(|body| GuestBody::new(body, None)))
                .map_err(|code| Failure::of_error_code(&code));
            responder.send(response);
        })?;
        Ok(Self { request, response })
    }
}

/// Runs the handler to its end.
pub(super) async fn handle(
    store: &mut Store<Sandbox<()>>,
    proxy: &Proxy,
    arguments: &Arguments,
) -> wasmtime::Result<()> {
    let (request, response) = (
        Resource::new_own(arguments.request.rep()),
        Resource::new_own(arguments.response.rep()),
    );
    let handler = proxy.wasi_http_incoming_handler();
    handler.call_handle(store, request, response).await
}

/// Answers the requests of an instance, one after the other. Returns only if it fails.
pub(super) async fn answer(
    store: &mut Store<Sandbox<()>>,
    proxy: &Proxy,
    instance: &Instance,
) -> wasmtime::Result<()> {
    loop {
        // The task is woken when the instance is given a request.
        let next = poll_fn(|_| instance.begin_next().map_or(Poll::Pending, Poll::Ready));
        let (id, responder, call) = next.await;
        store.data_mut().run_for(call.of);
        let arguments = Arguments::new(store, call.scheme.as_ref(), call.request, responder)?;
        handle(store, proxy, &arguments).await?;
        instance.end(id);
        abort_bodies(store);
    }
}

/// Marks the bodies that the guest has left open as incomplete. When their store is dropped, they
/// would otherwise end as if the guest had finished them.
pub(super) fn abort_bodies(store: &mut Store<Sandbox<()>>) {
    for entry in store.data_mut().table().iter_mut() {
        if let Some(body) = entry.downcast_mut::<HostOutgoingBody>() {
            let (ended, _) = HostOutgoingBody::new(StreamContext::Response, None, 1, 1);
            std::mem::replace(body, ended).abort();
        }
    }
}
