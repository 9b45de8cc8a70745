//! Lists of large entries over a slow way to etcd.

use super::verify::verify;
use super::{PREFIX, fill, options};
use crate::cluster::{Cluster, Proxy, Setup};
use localmap::{Host, HostOptions, Limits};
use localmap_mirror::{EtcdOptions, Mirror};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes long: just chaos"]
async fn a_page_that_is_late_is_asked_for_in_parts() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mut client = cluster.client().await;
    for number in 0..20 {
        fill(
            &mut client,
            "large",
            number..number + 1,
            &vec![b'v'; 500_000],
        )
        .await;
    }
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    // All keys take 7 s, and a page has 5.
    proxy.limit(1_500_000);
    let limits = Limits::default().max_value(1 << 20).max_bytes(128 << 20);
    let host = HostOptions::new().max_memory_for(&limits);
    let host = Host::with_options(&host).expect("a host");
    let etcd = EtcdOptions::new([proxy.endpoint()], PREFIX);
    let mirror = Mirror::open(&host, etcd, options().limits(limits)).expect("a mirror");
    tokio::task::block_in_place(|| mirror.ready(Duration::from_secs(40))).expect("a copy");
    proxy.limit(0);
    assert_eq!(mirror.status().entries, 20);
    verify(&cluster, &mirror).await;
}
