//! Counts visits in the map of a tenant, and reads the count from a mirror.

use localmap_sidecar_client::{Batch, Client, Error, Mirror, MirrorOptions, Pipeline, Ttl};
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let path = std::env::args().nth(1);
    let path = path.unwrap_or_else(|| "/run/localmap/maps.sock".to_owned());
    let tenant = Client::connect(path)?.tenant("shop");
    let mirror = Mirror::open(&tenant, MirrorOptions::new()).await?;
    let mut changes = mirror.changes();

    // One call.
    let hour = Ttl::After(Duration::from_secs(3600));
    let visits = tenant.increment("visits", 1, hour).await?;
    println!("visits: {visits}");

    // Many operations in one message.
    let pipeline = Pipeline::open(&tenant).await?;
    let batch = Batch::new()
        .set("cart:7", "tea", hour)
        .set("cart:8", "milk", hour)
        .get("cart:7");
    println!("{:?}", pipeline.run(batch).await?);

    // The copy in this process has them a moment later.
    while mirror.get("cart:8").is_none() {
        changes.changed().await.map_err(|_| Error::MirrorEnded)?;
    }
    println!("in the mirror: {:?}", mirror.get("cart:8"));
    Ok(())
}
