//! axum behind a guard, with HTTP/1.

use super::{PATIENCE, Place, guard};
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use localmap_lease::{Fence, Guard, GuardLayer};
use localmap_serve::hyper;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower_service::Service;

const RULES: &str = r#"
    otherwise = "refuse"
    [[rule]]
    path = "/open"
    mode = "pass"
    [[rule]]
    path = "/wait/{name}"
    key = "{name}"
    wait = "60s"
    [[rule]]
    path = "/try/{name}"
    key = "{name}"
    wait = "0s"
"#;

/// What the handlers share.
#[derive(Clone, Default)]
struct Shared {
    place: Place,
    tokens: Arc<Mutex<Vec<u64>>>,
    /// The senders of bodies that have not ended.
    senders: Arc<Mutex<Vec<Sender<Bytes>>>>,
}

/// Answers with the key of the lock. With the query `stream`, the body ends when the test says so.
async fn handle(
    State(shared): State<Shared>,
    fence: Option<Extension<Fence>>,
    request: Request,
) -> Response<Body> {
    let Some(Extension(fence)) = fence else {
        return Response::new(Body::from("no lock"));
    };
    if request.uri().query() == Some("stream") {
        let (sender, body) = Channel::<Bytes>::new(1);
        shared.senders.lock().expect("no panic").push(sender);
        return Response::new(Body::new(body));
    }
    if request.method() == "PUT" {
        shared.tokens.lock().expect("no panic").push(fence.token());
        shared.place.visit().await;
    }
    Response::new(Body::from(fence.key().to_owned()))
}

async fn serve(guard: Guard, shared: Shared) -> SocketAddr {
    let app: Router = Router::new()
        .route("/open", any(handle))
        .route("/{kind}/{name}", any(handle))
        .with_state(shared)
        .layer(GuardLayer::new(guard));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let app = app.clone();
            let service = hyper::service::service_fn(move |request| app.clone().call(request));
            tokio::spawn(async move {
                let connection = hyper::server::conn::http1::Builder::new();
                let _ = connection
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    addr
}

struct Client(hyper::client::conn::http1::SendRequest<Empty<Bytes>>);

impl Client {
    async fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.expect("it listens");
        let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = connected.expect("it speaks HTTP");
        tokio::spawn(connection);
        Self(sender)
    }

    async fn begin(&mut self, method: &str, target: &str) -> Response<hyper::body::Incoming> {
        let request = hyper::Request::builder().method(method).uri(target);
        let request = request.header("host", "localhost").body(Empty::new());
        let sent = self.0.send_request(request.expect("a request"));
        let response = timeout(PATIENCE, sent).await.expect("an answer");
        response.expect("an answer")
    }

    async fn ask(&mut self, method: &str, target: &str) -> (u16, String) {
        let response = self.begin(method, target).await;
        let status = response.status().as_u16();
        let body = timeout(PATIENCE, response.into_body().collect()).await;
        let body = body.expect("an end").expect("a body").to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_of_a_key_take_turns_and_their_tokens_increase() {
    let shared = Shared::default();
    let addr = serve(guard(RULES), shared.clone()).await;
    let mut clients = JoinSet::new();
    for client in 0..32 {
        clients.spawn(async move {
            let mut connection = Client::connect(addr).await;
            for request in 0..10 {
                // The same key in several spellings, and some readers.
                let (method, target) = match (client + request) % 4 {
                    0 => ("GET", "/wait/a"),
                    1 => ("PUT", "/wait/%61"),
                    2 => ("PUT", "/wait/a/"),
                    _ => ("PUT", "/wait/a"),
                };
                let answer = connection.ask(method, target).await;
                // The router of axum does not know the one with the slash.
                let expected = match target.ends_with('/') {
                    true => (404, String::new()),
                    false => (200, "a".to_owned()),
                };
                assert_eq!(answer, expected);
            }
        });
    }
    clients.join_all().await;
    assert_eq!(shared.place.violations(), 0);
    let tokens = shared.tokens.lock().expect("no panic").clone();
    assert!(tokens.len() > 100, "{}", tokens.len());
    assert!(tokens.is_sorted() && tokens.windows(2).all(|pair| pair[0] < pair[1]));
}

#[tokio::test]
async fn the_lock_is_held_until_the_body_ends_or_is_dropped() {
    let shared = Shared::default();
    let addr = serve(guard(RULES), shared.clone()).await;
    let mut first = Client::connect(addr).await;
    let mut second = Client::connect(addr).await;
    for dropped in [false, true] {
        let response = first.begin("PUT", "/try/a?stream").await;
        assert_eq!(response.status(), 200);
        let (status, text) = second.ask("GET", "/try/a").await;
        assert_eq!((status, text.as_str()), (423, "the resource is locked\n"));
        assert_eq!(second.ask("GET", "/try/b").await.0, 200);
        let sender = shared.senders.lock().expect("no panic").pop();
        if dropped {
            // The client leaves, and its connection with it.
            drop(response);
            first = Client::connect(addr).await;
        } else {
            drop(sender);
            let body = response.into_body().collect().await.expect("a body");
            assert_eq!(body.to_bytes(), "");
        }
        let answer = second.ask("PUT", "/wait/a").await;
        assert_eq!(answer, (200, "a".to_owned()));
    }
}

#[tokio::test]
async fn readers_share_and_a_writer_waits_for_all_of_them() {
    let shared = Shared::default();
    let addr = serve(guard(RULES), shared.clone()).await;
    let mut readers = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect(addr).await;
        let response = client.begin("GET", "/try/a?stream").await;
        assert_eq!(response.status(), 200);
        readers.push((client, response));
    }
    let mut writer = Client::connect(addr).await;
    let response = writer.begin("PUT", "/try/a").await;
    assert_eq!(response.status(), 423);
    assert_eq!(response.headers()["retry-after"], "1");
    drop(response.into_body().collect().await);
    let mut waiting = Box::pin(writer.ask("DELETE", "/wait/a"));
    // Readers that come later wait behind it.
    let mut late = Client::connect(addr).await;
    loop {
        tokio::select! {
            biased;
            answer = &mut waiting => panic!("it did not wait: {answer:?}"),
            answer = late.ask("GET", "/try/a") => match answer.0 {
                423 => break,
                status => assert_eq!(status, 200),
            },
        }
    }
    shared.senders.lock().expect("no panic").clear();
    drop(readers);
    assert_eq!(waiting.await, (200, "a".to_owned()));
}

#[tokio::test]
async fn what_needs_no_lock_passes_and_what_no_rule_names_does_not() {
    let addr = serve(guard(RULES), Shared::default()).await;
    let mut client = Client::connect(addr).await;
    assert_eq!(
        client.ask("PUT", "/open").await,
        (200, "no lock".to_owned())
    );
    for (target, status) in [
        ("/other/a", 403),
        ("/wait", 403),
        ("/wait/../open", 400),
        ("/wait/%2e%2e/open", 400),
        ("/wait/%", 400),
    ] {
        assert_eq!(client.ask("PUT", target).await.0, status, "{target}");
    }
}
