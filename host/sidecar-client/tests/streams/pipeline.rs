//! Pipelines: which results belong to which batch, and what happens at the end of a stream.

use crate::fake::{Fake, PipelinePeer, soon};
use localmap_sidecar_client::{Batch, Client, Error, OperationResult, Pipeline, Ttl};
use localmap_sidecar_proto::operation_result::Kind;
use localmap_sidecar_proto::{self as proto, PipelineResponse};
use tonic::Status;

/// Opens a pipeline, and accepts it.
async fn open(fake: &mut Fake, client: &Client) -> (Pipeline, PipelinePeer) {
    let tenant = client.tenant("t");
    let opening = Pipeline::open(&tenant);
    let accepting = async {
        let mut peer = fake.pipeline().await;
        let first = peer.request().await;
        assert_eq!((first.tenant.as_str(), first.operations.len()), ("t", 0));
        peer.send(PipelineResponse::default()).await;
        peer
    };
    let (pipeline, peer) = tokio::join!(opening, accepting);
    (pipeline.expect("a pipeline"), peer)
}

fn response(kinds: &[Kind]) -> PipelineResponse {
    let result = |kind: &Kind| proto::OperationResult {
        kind: Some(kind.clone()),
    };
    PipelineResponse {
        results: kinds.iter().map(result).collect(),
    }
}

#[tokio::test]
async fn results_come_in_the_order_of_the_batches() {
    let mut fake = Fake::start();
    let client = fake.client();
    let (pipeline, mut peer) = open(&mut fake, &client).await;
    let first = pipeline.send(Batch::new().get("a").contains("b")).await;
    let second = pipeline
        .send(Batch::new().increment("c", 1, Ttl::Never))
        .await;
    assert_eq!(peer.request().await.operations.len(), 2);
    let request = peer.request().await;
    assert_eq!((request.tenant.as_str(), request.operations.len()), ("", 1));
    peer.send(response(&[Kind::Absent(true), Kind::Present(true)]))
        .await;
    peer.send(response(&[Kind::Sum(-1)])).await;
    // Taken in the other order.
    let second = soon(second.expect("sent").results()).await;
    assert_eq!(second.expect("results"), [OperationResult::Counter(-1)]);
    let first = soon(first.expect("sent").results()).await.expect("results");
    assert_eq!(
        first,
        [OperationResult::Absent, OperationResult::Present(true)]
    );
}

#[tokio::test]
async fn results_that_nobody_wants_do_not_shift_the_others() {
    let mut fake = Fake::start();
    let client = fake.client();
    let (pipeline, peer) = open(&mut fake, &client).await;
    drop(pipeline.send(Batch::new().get("a")).await);
    let second = pipeline.send(Batch::new().get("b")).await.expect("sent");
    peer.send(response(&[Kind::Value("1".into())])).await;
    peer.send(response(&[Kind::Value("2".into())])).await;
    let results = soon(second.results()).await.expect("results");
    assert_eq!(results, [OperationResult::Value("2".into())]);
}

#[tokio::test]
async fn a_response_with_too_few_results_is_an_error() {
    let mut fake = Fake::start();
    let client = fake.client();
    let (pipeline, peer) = open(&mut fake, &client).await;
    let batch = pipeline
        .send(Batch::new().get("a").get("b"))
        .await
        .expect("sent");
    peer.send(response(&[Kind::Absent(true)])).await;
    let error = soon(batch.results()).await;
    assert!(matches!(error, Err(Error::Unexpected { .. })), "{error:?}");
}

#[tokio::test]
async fn the_end_of_a_stream_ends_all_batches_under_way() {
    let mut fake = Fake::start();
    let client = fake.client();
    let (pipeline, peer) = open(&mut fake, &client).await;
    let first = pipeline.send(Batch::new().get("a")).await.expect("sent");
    let second = pipeline.send(Batch::new().get("b")).await.expect("sent");
    peer.fail(Status::unavailable("the sidecar is ending"))
        .await;
    let error = soon(first.results()).await.expect_err("ended");
    assert!(
        error.to_string().contains("the sidecar is ending"),
        "{error}"
    );
    let error = soon(second.results()).await;
    assert!(matches!(error, Err(Error::Unavailable { .. })), "{error:?}");
    let error = soon(pipeline.run(Batch::new().get("c"))).await;
    assert!(matches!(error, Err(Error::Unavailable { .. })), "{error:?}");
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_not_sent() {
    let mut fake = Fake::start();
    let client = fake.client();
    let (pipeline, mut peer) = open(&mut fake, &client).await;
    let large = Batch::new().set("k", vec![0; 4 << 20], Ttl::Default);
    let error = pipeline.send(large).await.expect_err("too large");
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
    let sent = pipeline.send(Batch::new().get("a")).await;
    assert!(sent.is_ok());
    assert_eq!(peer.request().await.operations.len(), 1);
}

#[tokio::test]
async fn a_tenant_that_is_not_accepted_has_no_pipeline() {
    let mut fake = Fake::start();
    let tenant = fake.client().tenant("no one");
    let opening = Pipeline::open(&tenant);
    let refusing = async {
        let mut peer = fake.pipeline().await;
        peer.request().await;
        peer.fail(Status::invalid_argument("the name of the tenant"))
            .await;
    };
    let (pipeline, ()) = tokio::join!(opening, refusing);
    let error = pipeline.expect_err("refused");
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
}
