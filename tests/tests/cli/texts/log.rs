//! The lines that `serve` writes.

use crate::serve::client::{Server, wait_for};
use localmap_tests::{snapshots, stable};

/// Requests each path and waits for its line. Returns all lines of the server.
fn lines(options: &[&str], asked: &[(&str, &str)]) -> String {
    let server = Server::start(options);
    for (tenant, path) in asked {
        let headers = [("x-tenant", *tenant)];
        let headers = if tenant.is_empty() { &[][..] } else { &headers };
        let before = requests(&server);
        server.connect().ask("GET", path, headers, b"");
        wait_for(path, || requests(&server) > before);
    }
    let mut shown = format!("$ localmap serve {}\n", options.join(" "));
    // Lines that guests print arrive separately, in no particular order.
    let begins = |line: &str| line.starts_with("Listening");
    let ours = |line: &&String| {
        begins(line) || [" map=", " sent="].iter().any(|field| line.contains(field))
    };
    for line in server.lines().iter().filter(ours) {
        shown += &format!("{line}\n");
    }
    stable(&shown)
}

/// Returns the number of requests that have been logged.
fn requests(server: &Server) -> usize {
    let lines = server.lines();
    lines.iter().filter(|line| line.contains(" map=")).count()
}

#[test]
fn log_texts() {
    snapshots("log", |snapshots| {
        let plain = lines(
            &["-W", "timeout=300ms,max-memory-size=16MiB"],
            &[
                ("", "/count"),
                ("", "/a\"b\\c?d=\u{e4}"),
                ("", "/status/404"),
                ("", "/print/hello"),
                ("", "/trap"),
                ("", "/trap-late"),
                ("", "/spin"),
                ("", "/sleep/60000"),
                ("", "/nothing"),
                ("", "/error"),
                ("", "/exit/1"),
                ("", "/no-body/10"),
                ("", "/short/10"),
                ("", "/fetch"),
            ],
        );
        snapshots.check("requests.txt", &plain);
        let server = lines(
            &["--map-scope", "server"],
            &[("", "/count"), ("", "/count")],
        );
        snapshots.check("server.txt", &server);
        let tenants = lines(
            &["--map-scope", "header:x-tenant", "--max-maps", "2"],
            &[
                ("a", "/count"),
                ("b\tmap=\"x", "/count"),
                ("c", "/count"),
                ("", "/count"),
            ],
        );
        snapshots.check("tenants.txt", &tenants);
    });
}
