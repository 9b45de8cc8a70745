//! Serves a component on port 8080, with a map for each value of the header `x-tenant`.

use localmap_serve::{Handler, HandlerOptions, LogSink, RequestRecord, Server, listen};
use std::sync::Arc;
use std::time::Duration;

/// Prints a line for each request.
struct Lines;

impl LogSink for Lines {
    fn request(&self, record: &RequestRecord) {
        println!("{record}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let guest = std::env::args().nth(1).ok_or("usage: serve GUEST.wasm")?;
    let options = HandlerOptions::new()
        .map_scope("header:x-tenant".parse()?)
        .idle_timeout(Duration::from_secs(60))
        .log(Arc::new(Lines));
    // Compiles the guest: once for a program.
    let handler = Handler::new(&std::fs::read(guest)?, &options)?;
    // Says why if no request could be answered.
    handler.try_instance().await?;
    let server = Server::new(handler);

    tokio::select! {
        () = server.serve(listen(([127, 0, 0, 1], 8080).into())?) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    // Requests in flight have ten seconds to finish.
    let cut_off = server.shutdown(Duration::from_secs(10)).await;
    println!("{cut_off} requests or connections were cut off");
    Ok(())
}
