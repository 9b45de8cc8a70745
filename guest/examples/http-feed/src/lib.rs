//! Passes messages between clients, by topic, as server-sent events: an HTTP handler for WASI 0.3,
//! whose responses are streams.

mod feed;
mod http;

use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::http::types::{ErrorCode, Method, Request, Response};
use wasip3::wit_bindgen::StreamWriter;

use crate::feed::{Feed, MAX_MESSAGE, MAX_TOPIC};

/// Between two looks at the map, in nanoseconds.
const TICK: u64 = 100_000_000;
/// The ticks after which a stream without messages sends a comment, so that the end of a
/// connection is noticed.
const IDLE_TICKS: u32 = 100;

struct Handler;

wasip3::http::service::export!(Handler);

impl wasip3::exports::http::handler::Guest for Handler {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let topic = path.trim_start_matches('/');
        if topic.is_empty() || topic.len() > MAX_TOPIC {
            let text = format!("use a topic of 1 to {MAX_TOPIC} bytes, as in /news\n");
            return http::respond(404, &[], text);
        }
        match request.get_method() {
            Method::Get => follow(&request, Feed::new(topic)),
            Method::Post => publish(request, Feed::new(topic)).await,
            _ => http::respond(405, &[("allow", "GET, POST")], "use GET or POST\n".into()),
        }
    }
}

async fn publish(request: Request, feed: Feed) -> Result<Response, ErrorCode> {
    let Some(message) = http::body(request, MAX_MESSAGE).await? else {
        let text = format!("the message has more than {MAX_MESSAGE} bytes: send less\n");
        return http::respond(413, &[], text);
    };
    let Ok(message) = String::from_utf8(message) else {
        return http::respond(400, &[], "the message is not UTF-8\n".into());
    };
    match feed.publish(&message) {
        Ok(()) => http::respond(202, &[], String::new()),
        Err(error) => http::respond(503, &[("retry-after", "60")], format!("{error}\n")),
    }
}

/// Answers with a stream that ends when the client leaves.
fn follow(request: &Request, feed: Feed) -> Result<Response, ErrorCode> {
    let last = request.get_headers().get("last-event-id");
    let last = last
        .first()
        .and_then(|id| str::from_utf8(id).ok()?.parse().ok());
    let headers = [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
    ];
    http::stream(200, &headers, async move |body| {
        send(feed, last.unwrap_or(0), body).await;
    })
}

/// Sends the messages after `last`, until nobody reads them any more.
async fn send(feed: Feed, mut last: u64, mut body: StreamWriter<u8>) {
    let mut idle = 0;
    loop {
        let mut text = String::new();
        for message in feed.after(last) {
            last = message.version;
            text += &message.event();
        }
        idle += 1;
        if text.is_empty() && idle == IDLE_TICKS {
            text += ":\n\n";
        }
        if !text.is_empty() {
            idle = 0;
            // What the client did not take comes back.
            if !body.write_all(text.into_bytes()).await.is_empty() {
                return;
            }
        }
        wait_for(TICK).await;
    }
}
