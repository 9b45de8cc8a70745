//! The end of the sidecar: streams end at once, calls finish, and a second signal waits for nothing.

use super::client::{Pipeline, Sidecar, set};
use super::raw;
use crate::serve::client::wait_for;
use localmap_sidecar_proto::PipelineRequest;
use std::io::{Read, Write};
use std::time::{Duration, Instant};
use tonic::Code;

/// Far more than it takes, and far less than the default grace of ten seconds.
const SOON: Duration = Duration::from_secs(4);

fn open(tenant: &str) -> PipelineRequest {
    PipelineRequest {
        tenant: tenant.to_owned(),
        operations: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn open_streams_do_not_delay_the_end() {
    for signal in ["TERM", "INT"] {
        let mut sidecar = Sidecar::start(&[]);
        let client = &mut sidecar.client().await;
        set(client, "t", b"k").await;
        let mut pipelines = Vec::new();
        for _ in 0..10 {
            let mut pipeline = Pipeline::open(client).await;
            pipeline.ask(open("t")).await.expect("a response");
            pipelines.push(pipeline);
        }
        let began = Instant::now();
        sidecar.signal(signal);
        for pipeline in &mut pipelines {
            let status = pipeline.responses.message().await.expect_err("it ends");
            assert_eq!(status.code(), Code::Unavailable);
            assert!(status.message().contains("ending"), "{status}");
        }
        assert_eq!(sidecar.wait().code(), Some(0));
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        assert!(!sidecar.socket().exists());
    }
}

/// Such as a client that was stopped.
#[test]
fn peers_that_do_not_read_do_not_delay_the_end() {
    let mut sidecar = Sidecar::start(&[]);
    let mut idle = sidecar.connect();
    idle.write_all(&raw::beginning()).expect("it is read");
    let mut pipeline = sidecar.connect();
    let call = [raw::beginning(), raw::call(1, "localhost", "Pipeline")].concat();
    pipeline.write_all(&call).expect("it is read");
    let silent = sidecar.connect();
    wait_for("the settings", || {
        pipeline.read(&mut [0; 64]).is_ok_and(|read| read > 0)
    });
    let began = Instant::now();
    sidecar.signal("TERM");
    assert_eq!(sidecar.wait().code(), Some(0));
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    drop((idle, silent));
}

#[test]
fn a_call_that_does_not_finish_is_cut_off_after_the_grace() {
    let mut sidecar = Sidecar::start(&["--shutdown-grace", "300ms"]);
    let mut half = half_a_call(&sidecar);
    sidecar.signal("TERM");
    assert_eq!(sidecar.wait().code(), Some(0));
    sidecar.line("1 call or connection was cut off");
    let mut rest = Vec::new();
    half.read_to_end(&mut rest).expect("it is closed");
}

#[test]
fn a_second_signal_ends_the_sidecar_at_once() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut sidecar = Sidecar::start(&["--shutdown-grace", "1h"]);
        let _half = half_a_call(&sidecar);
        sidecar.signal("TERM");
        wait_for("the end of the socket", || !sidecar.socket().exists());
        sidecar.signal(signal);
        assert_eq!(sidecar.wait().code(), Some(code));
    }
}

/// Begins a call whose request is not complete, and waits until the sidecar has begun it.
fn half_a_call(sidecar: &Sidecar) -> std::os::unix::net::UnixStream {
    let mut stream = sidecar.connect();
    let call = [
        raw::beginning(),
        raw::call(1, "localhost", "Get"),
        raw::data(1, &raw::message(100)),
        raw::ping(),
    ]
    .concat();
    stream.write_all(&call).expect("it is read");
    raw::read_until_pong(&mut stream);
    stream
}
