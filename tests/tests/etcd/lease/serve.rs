//! Servers with guards in etcd: each has a lease of its own, and guests that have lost it are stopped.

use super::{Session, none_is_left};
use crate::cluster::{Cluster, Proxy, Setup, soon, until};
use http_body_util::BodyExt;
use localmap_lease::{Guard, Rules};
use localmap_serve::hyper::{Request, Response};
use localmap_serve::{
    Connection, Handler, HandlerOptions, LogSink, MapScope, RequestRecord, ResponseBody, Reuse,
};
use localmap_tests::guest;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const RULES: &str = r#"
    otherwise = "pass"
    [[rule]]
    path = "/{*command}"
    key = "{header:x-key}"
    wait = "0s"
"#;

#[derive(Default)]
struct Records(Mutex<Vec<RequestRecord>>);

impl LogSink for Records {
    fn request(&self, record: &RequestRecord) {
        self.0.lock().expect("no panic").push(record.clone());
    }
}

struct Server {
    handler: Handler,
    session: Session,
    records: Arc<Records>,
}

impl Server {
    async fn start(endpoints: Vec<String>, reuse: Option<Reuse>) -> Self {
        let session = Session::at(endpoints).await;
        let records = Arc::new(Records::default());
        let rules = Rules::from_toml(RULES).expect("valid rules");
        let options = HandlerOptions::new()
            .map_scope(MapScope::Server)
            .guard(Guard::new(session.locks.clone(), rules))
            .log(records.clone());
        let options = match reuse {
            Some(reuse) => options.reuse(reuse),
            None => options,
        };
        let component = fs::read(guest("served")).expect("it is built");
        Self {
            handler: Handler::new(&component, &options).expect("it is a handler"),
            session,
            records,
        }
    }

    async fn begin(&self, path: &str) -> Response<ResponseBody> {
        let connection = Connection::new(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        let request = Request::put(path).header("host", "localhost");
        let request = request.header("x-key", "k").body(String::new());
        let request = request.expect("a request");
        self.handler.handle(&connection, request).await
    }

    async fn ask(&self, path: &str) -> (u16, String) {
        let response = self.begin(path).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body");
        (
            status,
            String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        )
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_share_locks_and_the_tokens_of_guests_increase() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let a = Server::start(cluster.endpoints(), None).await;
    let b = Server::start(cluster.endpoints(), None).await;
    let mut last = 0;
    for server in [&a, &b, &a] {
        let (status, token) = server.ask("/header/localmap-fence").await;
        let token: u64 = token.parse().expect("a number");
        assert!(status == 200 && token > last, "{token}");
        last = token;
        none_is_left(&cluster).await;
    }
    let body = a.begin("/stream/1/2000").await;
    assert_eq!(b.ask("/len").await.0, 423);
    body.into_body().collect().await.expect("a body");
    a.handler.guests_ended().await;
    none_is_left(&cluster).await;
    assert_eq!(b.ask("/len").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_whose_lease_has_ended_is_stopped_with_its_response() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    for reuse in [None, Some(Reuse::new(10))] {
        let proxy = Proxy::to(cluster.endpoint(0)).await;
        let server = Arc::new(Server::start(vec![proxy.endpoint()], reuse).await);
        // etcd keeps the lock of the round before until its lease has ended there.
        until_free(&server).await;
        // One that waits, and one that has begun its response.
        let asked = {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.ask("/sleep/600000").await })
        };
        until("the guest runs", || server.handler.running_guests() == 1).await;
        proxy.freeze();
        let answer = asked.await.expect("no panic");
        assert_eq!(
            answer,
            (503, "the lock of the resource was lost\n".to_owned())
        );
        until("the guest is stopped", || {
            server.handler.running_guests() == 0
        })
        .await;
        proxy.open();
        until("another lease", || server.session.grants() == 2).await;
        until_free(&server).await;
        let response = server.begin("/stream/2/600000").await;
        assert_eq!(response.status(), 200);
        proxy.freeze();
        let cut = response.into_body().collect().await;
        assert!(cut.is_err(), "the response is not complete");
        until("the guest is stopped", || {
            server.handler.running_guests() == 0
        })
        .await;
        let records = server.records.0.lock().expect("no panic").clone();
        let causes = records.iter().filter_map(|record| record.cause.clone());
        let lost = causes.filter(|cause| cause.contains("the lease in etcd has ended"));
        assert_eq!(lost.count(), 2, "{records:?}");
    }
}

/// Waits until the lock is free.
async fn until_free(server: &Server) {
    let free = async {
        while server.ask("/len").await.0 == 423 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon("the lock is free", free).await;
    server.handler.guests_ended().await;
}
