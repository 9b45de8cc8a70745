//! A server that answers as an admin address, or wrongly.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// A server that answers each request with the bytes that `answer` returns for its path and query. It
/// ends with the test.
pub(super) fn server(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            answer_one(stream, &answer);
        }
    });
    address
}

/// Reads the head of a request, and answers it.
pub(super) fn answer_one<S>(stream: S, answer: &impl Fn(&str) -> Vec<u8>)
where
    S: Write,
    for<'a> &'a S: std::io::Read,
{
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    let host = lines.find(|line| line.to_ascii_lowercase().starts_with("host:"));
    let _ = lines.find(String::is_empty);
    drop(lines);
    assert_eq!(host.as_deref(), Some("host: localhost"));
    let path = first.split(' ').nth(1).unwrap_or_default();
    let mut stream = stream;
    // The client may have gone.
    let _ = stream.write_all(&answer(path));
}

/// Returns a response with JSON.
pub(super) fn response(body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

/// Returns the answers of a program that has done the same in each second since it began: 100
/// requests, 1,000 reads, 7 evictions. A second goes by with each answer of `/stats`.
pub(super) fn program() -> impl Fn(&str) -> Vec<u8> + Send + Sync + Clone + 'static {
    let seconds = Arc::new(AtomicU64::new(3_600));
    move |path| match path.split('?').next() {
        Some("/stats") => response(&stats(seconds.fetch_add(1, Ordering::Relaxed))),
        Some("/maps") => response(&maps(seconds.load(Ordering::Relaxed), path)),
        _ => b"HTTP/1.1 404 Not Found\r\n\r\nno such page\n".to_vec(),
    }
}

fn stats(up: u64) -> Value {
    json!({
        "version": "0.1.0", "started_ms": 1, "uptime_us": up * 1_000_000, "survey_age_ms": 0,
        "ready": true, "metrics": true, "tracing": false, "bounds_ns": [1_000, 2_000, 4_000],
        "classes": [{
            "name": "gold",
            "operations": [
                {"kind": "get", "count": up * 1_000, "sum_ns": up, "buckets": [[1, up * 1_000]]},
            ],
            "hits": up * 900, "misses": up * 100, "writes": 0, "expired": 0, "evicted": up * 7,
            "refused": 0, "rate_limited": 0, "entries": 12, "bytes": 3 << 20, "payload": 1 << 20,
            "overhead": 1 << 19, "free": 3 << 19, "granted": 4 << 20,
        }],
        "requests": [{
            "protocol": "http", "count": up * 100, "failed": up, "sum_ns": up,
            "buckets": [[2, up * 100]],
        }],
        "host": {"live": 3, "max_maps": 1_000, "waiting": 0, "refused": 0, "memory_denied": 0},
    })
}

fn maps(up: u64, path: &str) -> Value {
    let row = |name: &[u8], kind: &str, bytes: u64, evicted: u64| {
        let hex: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        json!({
            "name": String::from_utf8_lossy(name), "name_hex": hex, "class": "gold", "kind": kind,
            "idle_ms": null, "entries": 4, "bytes": bytes, "hits": up * 9, "misses": up,
            "writes": 0, "evicted": evicted, "refused": 0, "rate_limited": 0, "created": 1,
        })
    };
    let mut rows = vec![
        row(b"alice", "tenant", 1 << 20, up * 2),
        row(b"\x1b]0;evil\x07\xff", "tenant", 1 << 16, 0),
        row("日本".as_bytes(), "tenant", 1 << 17, up * 5),
        row(b"server", "map", 0, 0),
    ];
    if path.contains("&filter=ali") {
        rows.truncate(1);
    }
    json!({"total": 4, "matched": rows.len(), "offset": 0, "next_offset": null, "tenants": rows})
}
