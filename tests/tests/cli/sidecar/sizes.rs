//! Messages of the largest size, and of one byte more.

use super::client::Sidecar;
use localmap_sidecar_proto::maps_client::MapsClient;
use localmap_sidecar_proto::{GetRequest, GetResponse, SetRequest, set_response};
use tonic::transport::Channel;
use tonic::{Code, Status};

/// The maximum length of a message in bytes.
const MAX: usize = 4_194_304;

/// The largest value that maps of a sidecar accept.
const MAX_VALUE: usize = 4_193_536;

/// The bytes of a request around its value: the tenant `t`, the key `k`, and the tag and length of the
/// value.
const AROUND: usize = 3 + 3 + 1 + 4;

async fn set(client: &mut MapsClient<Channel>, len: usize) -> Result<bool, Status> {
    let request = SetRequest {
        tenant: "t".to_owned(),
        key: "k".into(),
        value: vec![7; len].into(),
        ttl: None,
    };
    let response = client.set(request).await?.into_inner();
    Ok(matches!(
        response.result,
        Some(set_response::Result::Version(_))
    ))
}

async fn get(client: &mut MapsClient<Channel>) -> Result<GetResponse, Status> {
    let request = GetRequest {
        tenant: "t".to_owned(),
        key: "k".into(),
    };
    Ok(client.get(request).await?.into_inner())
}

#[tokio::test]
async fn a_request_may_have_4_mib_and_not_a_byte_more() {
    let sidecar = Sidecar::start(&["--max-value", "4193536"]);
    let client = &mut sidecar.client().await;
    // The map rejects the value, since there must be room for the entry in a response, too.
    assert!(!set(client, MAX - AROUND).await.expect("a response"));
    let status = set(client, MAX - AROUND + 1).await.expect_err("too large");
    assert_eq!(status.code(), Code::OutOfRange);
    let message = status.message();
    assert!(
        message.contains("found 4194305 bytes, the limit is: 4194304"),
        "{message}"
    );
    assert!(
        set(client, MAX_VALUE)
            .await
            .expect("the connection goes on")
    );
    let entry = get(client)
        .await
        .expect("it fits")
        .entry
        .expect("it is there");
    assert_eq!(entry.value.len(), MAX_VALUE);
    assert!(!set(client, MAX_VALUE + 1).await.expect("a response"));
}
