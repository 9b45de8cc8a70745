//! The admin address, through real sockets.

mod connections;
mod hosts;
mod json;
mod routes;
#[cfg(unix)]
mod sockets;

use super::*;
use crate::{Telemetry, TelemetryOptions};
use localmap::{Host, TenantClass, Tenants, TenantsOptions, Ttl};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

/// Names that must not break a response, with those that are sent as text.
const HOSTILE: [(&[u8], &str); 4] = [
    (b"<script>alert(1)</script>", "<script>alert(1)</script>"),
    (b"line\nbreak\x1b[31m\0", "line\nbreak\x1b[31m\0"),
    ("\u{202e}txt\"\\".as_bytes(), "\u{202e}txt\"\\"),
    (b"\xff", "\u{fffd}"),
];

/// What is watched, and its server.
struct Fixture {
    telemetry: Telemetry,
    tenants: Tenants,
    server: AdminServer,
}

/// The status line, the headers in lower case, and the body.
struct Response {
    head: String,
    body: Vec<u8>,
}

impl Fixture {
    /// Watches tenants `a` to `e` of the class `few`, of which each has one more entry than the last,
    /// and those of hostile names in the class `others`.
    fn new() -> Self {
        Self::with_options(TelemetryOptions::new().metrics(true))
    }

    fn with_options(options: TelemetryOptions) -> Self {
        let telemetry = Telemetry::new(options);
        // Each host compiles the map.
        static HOST: LazyLock<Host> = LazyLock::new(|| Host::new().expect("a host"));
        let host = &*HOST;
        let few = TenantClass::new("few").matching(|name| name.len() == 1 && name[0].is_ascii());
        let options = TenantsOptions::new()
            .class(few)
            .class(TenantClass::new("others"))
            .observer(telemetry.tenants_observer());
        let tenants = Tenants::new(host, options).expect("tenants");
        for entries in 0..5_u8 {
            let tenant = tenants.checkout(&[b'a' + entries]).expect("a tenant");
            for key in 0..=entries {
                tenant.set(&[key], b"value", Ttl::Never).expect("room");
                tenant.get(&[key]).expect("a value");
            }
            tenant.get(b"absent").expect("no value");
        }
        for (name, _) in HOSTILE {
            tenants.checkout(name).expect("a tenant");
        }
        telemetry.watch_host(host);
        telemetry.watch_tenants(&tenants);
        let address = "127.0.0.1:0".parse().expect("an address");
        let server = AdminServer::bind(&address, &telemetry).expect("a server");
        Self {
            telemetry,
            tenants,
            server,
        }
    }

    fn address(&self) -> SocketAddr {
        self.server.local_addr().tcp().expect("an address of TCP")
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).expect("a connection");
        let limit = Some(Duration::from_secs(60));
        stream.set_read_timeout(limit).expect("a limit");
        stream
    }

    /// Sends bytes, and reads until the server closes the connection.
    fn send(&self, request: &[u8]) -> Response {
        let mut stream = self.connect();
        // The server may refuse to read all of it.
        let _ = stream.write_all(request);
        read(&mut stream)
    }

    fn request(&self, method: &str, path: &str, headers: &str) -> Response {
        let head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n");
        self.send(head.as_bytes())
    }

    fn get(&self, path: &str) -> Response {
        self.request("GET", path, "host: localhost\r\n")
    }

    fn json(&self, path: &str) -> serde_json::Value {
        let response = self.get(path);
        assert!(response.is(200), "{path}: {}", response.head);
        assert!(response.has("content-type: application/json"));
        serde_json::from_slice(&response.body).expect("JSON")
    }
}

impl Response {
    fn is(&self, status: u16) -> bool {
        self.head.starts_with(&format!("http/1.1 {status} "))
    }

    fn has(&self, header: &str) -> bool {
        self.head.lines().any(|line| line == header)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }
}

fn read(stream: &mut impl Read) -> Response {
    let mut all = Vec::new();
    // A reset after the response is no error here.
    let _ = stream.read_to_end(&mut all);
    let end = all.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let end = end.map_or(all.len(), |end| end + 4);
    let body = all.split_off(end);
    let head = String::from_utf8(all).expect("ASCII");
    Response {
        head: head.to_ascii_lowercase(),
        body,
    }
}
