//! A guest of the sidecar: decides whether a client may go on.
//!
//! It takes one call of the sidecar. Without the guest, a process would read the bucket, write it
//! under the condition that it has not changed, and begin again if another process was faster.

mod bucket;
mod options;

use bucket::{Bucket, Decision};
use options::Options;
use std::env;

localmap_client::export_handler!(handle);

/// Answers a request of the form `CLIENT` or `CLIENT COST`, with `allowed LEFT` or `wait MILLIS`.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a request belongs to its handler"
)]
fn handle(request: Vec<u8>) -> Result<Vec<u8>, String> {
    let (client, cost) = parse(&request)?;
    let Options { limit, window } = Options::read(|name| env::var(name).ok())?;
    let bucket = Bucket::new(limit, window);
    if cost > limit {
        return Err(format!(
            "a request for {cost} would never be allowed: the limit is {limit}"
        ));
    }
    let decision = bucket
        .take(client, cost)
        .map_err(|error| error.to_string())?;
    let text = match decision {
        Decision::Allowed { left } => format!("allowed {left}"),
        Decision::Wait { time } => format!("wait {}", time.as_nanos().div_ceil(1_000_000)),
    };
    Ok(text.into_bytes())
}

/// Returns the client and the cost of a request, which is 1 if it is left out.
fn parse(request: &[u8]) -> Result<(&str, u32), String> {
    let text = str::from_utf8(request).map_err(|_| "the request is not UTF-8")?;
    match text.split_once(' ') {
        None => Ok((text, 1)),
        Some((client, cost)) => {
            let cost = cost.parse();
            let cost = cost.map_err(|_| format!("expected CLIENT or CLIENT COST, got {text:?}"))?;
            Ok((client, cost))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_a_client_and_may_have_a_cost() {
        assert_eq!(parse(b"alice"), Ok(("alice", 1)));
        assert_eq!(parse(b"alice 5"), Ok(("alice", 5)));
        for bad in [&b"alice -1"[..], b"alice 1 2", b"alice ", b"\xff"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
