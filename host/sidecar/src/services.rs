//! The services of a sidecar: which call each path names.

use crate::call::{Call, Observed};
use crate::grpc::{unary, unary_async};
use crate::options::SidecarOptions;
use crate::request_body::RequestBody;
use crate::state::State;
use crate::{call_guest, calls, mirror, pipeline};
use hyper::{Request, Response};
use localmap_sidecar_proto::FILE_DESCRIPTOR_SET;
use localmap_sidecar_proto::maps_server::SERVICE_NAME;
use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service};
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};
use tonic_reflection::server::Builder as Reflection;

/// The response to a call, in a while.
pub(crate) type Answer = BoxFuture<Response<Body>, Infallible>;

/// A service whose server is generated.
type Generated = Box<dyn Fn(Request<RequestBody>) -> Answer + Send + Sync>;

/// The services.
pub(crate) struct Services {
    state: Arc<State>,
    health: HealthReporter,
    health_server: Generated,
    reflection: Generated,
    reflection_alpha: Generated,
}

impl Services {
    pub(crate) fn new(state: Arc<State>) -> Self {
        let (health, server) = health_reporter();
        Self {
            state,
            health,
            health_server: generated(server),
            reflection: generated(
                reflection()
                    .build_v1()
                    .expect("the descriptors are generated"),
            ),
            reflection_alpha: generated(
                reflection()
                    .build_v1alpha()
                    .expect("the descriptors are generated"),
            ),
        }
    }

    /// Tells the clients of the health service whether the maps are served.
    pub(crate) async fn set_serving(&self, serving: bool) {
        let status = match serving {
            true => ServingStatus::Serving,
            false => ServingStatus::NotServing,
        };
        for name in ["", SERVICE_NAME] {
            self.health.set_service_status(name, status).await;
        }
    }

    /// Completes when streams are to end.
    pub(crate) fn ending(&self) -> impl Future<Output = ()> + Send + use<> {
        self.state.ending.begun()
    }

    /// Answers a call with a status that depends on the options.
    pub(crate) fn refuse(&self, status: impl FnOnce(&SidecarOptions) -> Status) -> Answer {
        Box::pin(ready(Ok(status(&self.state.options).into_http())))
    }

    /// Begins a call for telemetry, if there is any.
    pub(crate) fn observe(&self, request: &mut Request<RequestBody>) -> Option<Arc<Observed>> {
        let telemetry = self.state.options.telemetry.as_ref()?;
        let path = request.uri().path().to_owned();
        Some(Observed::begin(telemetry, method(&path), request))
    }

    /// Answers a call, which may be observed.
    pub(crate) fn answer(
        &self,
        request: Request<RequestBody>,
        observed: Option<&Arc<Observed>>,
    ) -> Answer {
        let path = request.uri().path();
        match path.rsplit_once('/') {
            Some(("/localmap.sidecar.v1.Maps", _)) => {
                Box::pin(maps(Call::new(&self.state, observed), request))
            }
            Some(("/grpc.health.v1.Health", _)) => (self.health_server)(request),
            Some(("/grpc.reflection.v1.ServerReflection", _)) => (self.reflection)(request),
            Some(("/grpc.reflection.v1alpha.ServerReflection", _)) => {
                (self.reflection_alpha)(request)
            }
            _ => Box::pin(ready(Ok(
                Status::unimplemented("no such service").into_http()
            ))),
        }
    }
}

/// Answers a call of the service `Maps`.
async fn maps(call: Call, request: Request<RequestBody>) -> Result<Response<Body>, Infallible> {
    let (_, method) = request.uri().path().rsplit_once('/').unwrap_or_default();
    Ok(match method {
        "Get" => unary(call, request, calls::get).await,
        "GetMany" => unary(call, request, calls::get_many).await,
        "Contains" => unary(call, request, calls::contains).await,
        "Set" => unary(call, request, calls::set).await,
        "SetIf" => unary(call, request, calls::set_if).await,
        "Increment" => unary(call, request, calls::increment).await,
        "Touch" => unary(call, request, calls::touch).await,
        "Take" => unary(call, request, calls::take).await,
        "Delete" => unary(call, request, calls::delete).await,
        "Apply" => unary(call, request, calls::apply).await,
        "Scan" => unary(call, request, calls::scan).await,
        "Stats" => unary(call, request, calls::stats).await,
        "Pipeline" => pipeline::serve(call, request).await,
        "Mirror" => mirror::serve(call, request).await,
        "CallGuest" => unary_async(call, request, call_guest::answer).await,
        _ => Status::unimplemented("no such method").into_http(),
    })
}

/// Returns the name of a call for telemetry: its method, or `other` if there is no such service.
fn method(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some((
            "/localmap.sidecar.v1.Maps"
            | "/grpc.health.v1.Health"
            | "/grpc.reflection.v1.ServerReflection"
            | "/grpc.reflection.v1alpha.ServerReflection",
            method,
        )) => method,
        _ => "other",
    }
}

/// Returns `true` for the call that probes make.
pub(crate) fn is_check(path: &str) -> bool {
    path == "/grpc.health.v1.Health/Check"
}

/// Returns `true` if a response to this call is a stream that has no end of its own.
pub(crate) fn is_stream(path: &str) -> bool {
    matches!(
        path.rsplit_once('/'),
        Some(("/localmap.sidecar.v1.Maps", "Pipeline" | "Mirror"))
            | Some(("/grpc.health.v1.Health", "Watch"))
            | Some((_, "ServerReflectionInfo"))
    )
}

fn reflection() -> Reflection<'static> {
    Reflection::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

fn generated<S>(server: S) -> Generated
where
    S: Service<
            Request<RequestBody>,
            Response = Response<Body>,
            Error = Infallible,
            Future = Answer,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    Box::new(move |request| server.clone().call(request))
}
