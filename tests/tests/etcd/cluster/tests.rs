//! What the other tests rely on: a cluster survives what it should, and a proxy loses what it should.

use super::{Cluster, Proxy, Setup, namespace, soon, until};
use etcd_client::{Client, ConnectOptions};
use std::time::Duration;

async fn put(client: &mut Client, key: &str) -> bool {
    let put = client.put(key, "v", None);
    let put = tokio::time::timeout(Duration::from_millis(500), put).await;
    matches!(put, Ok(Ok(_)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_survives_signals_and_is_wiped() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    eprintln!("etcd {}", cluster.version());
    let mut client = cluster.client().await;
    assert!(put(&mut client, "p/k").await);
    cluster.stop(0);
    assert!(!put(&mut client, "p/k").await);
    cluster.resume(0);
    cluster.kill(0);
    assert!(!put(&mut client, "p/k").await);
    cluster.restart(0).await;
    let entries = cluster.entries("p/", None);
    assert_eq!(entries[&b"k"[..]].value, b"v");
    cluster.kill(0);
    cluster.wipe(0);
    cluster.restart(0).await;
    assert!(cluster.entries("p/", None).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_go_on_without_their_leader() {
    let Some(mut cluster) = Cluster::start(Setup::three()).await else {
        return;
    };
    let leader = cluster.leader().await;
    cluster.kill(leader);
    let mut client = cluster.client_of((leader + 1) % 3).await;
    soon("another leader", async {
        while !put(&mut client, "p/k").await {}
    })
    .await;
    cluster.restart(leader).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_holds_cuts_and_leads_elsewhere() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    let options = ConnectOptions::new().with_timeout(Duration::from_secs(5));
    let client = Client::connect([proxy.endpoint()], Some(options)).await;
    let mut client = client.expect("a client");
    assert!(put(&mut client, "p/k").await);
    for round in 0..2 {
        match round {
            0 => proxy.freeze(),
            _ => proxy.freeze_after(5),
        }
        assert!(!put(&mut client, "p/k").await);
        soon("frozen", proxy.frozen()).await;
        proxy.open();
        soon("open", async { while !put(&mut client, "p/k").await {} }).await;
    }
    proxy.cut();
    assert!(!put(&mut client, "p/k").await);
    let Some(other) = Cluster::start(Setup::one()).await else {
        return;
    };
    proxy.lead_to(other.endpoint(0));
    soon("another cluster", async {
        while !put(&mut client, "p/other").await {}
    })
    .await;
    assert_eq!(other.entries("p/", None).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs network namespaces: just chaos"]
async fn nodes_in_namespaces_lose_each_other() {
    if !namespace::inside("cluster::tests::nodes_in_namespaces_lose_each_other") {
        return;
    }
    let network = namespace::Network::create(3);
    let Some(cluster) = Cluster::start(Setup::three().namespaces()).await else {
        return;
    };
    let leader = cluster.leader().await;
    let mut client = cluster.client_of(leader).await;
    assert!(put(&mut client, "p/k").await);
    network.hide(leader);
    assert!(!put(&mut client, "p/k").await);
    network.show(leader);
    network.isolate(leader);
    assert!(!put(&mut client, "p/k").await);
    let mut other = cluster.client_of((leader + 1) % 3).await;
    soon("another leader", async {
        while !put(&mut other, "p/other").await {}
    })
    .await;
    network.join(leader);
    soon("the old leader", async {
        while !put(&mut client, "p/k").await {}
    })
    .await;
    until("the same entries", || {
        cluster.entries("p/", None).len() == 2
    })
    .await;
}
