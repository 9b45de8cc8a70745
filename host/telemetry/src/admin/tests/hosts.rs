use super::*;

#[test]
fn a_page_of_another_name_or_site_reads_nothing() {
    let fixture = Fixture::new();
    let port = fixture.address().port();
    for host in ["localhost", "127.0.0.1", "[::1]", "LocalHost"] {
        for host in [
            host.to_owned(),
            format!("{host}:{port}"),
            format!("{host}:8080"),
        ] {
            let response = fixture.request("GET", "/stats", &format!("host: {host}\r\n"));
            assert!(response.is(200), "{host}: {}", response.head);
        }
    }
    for headers in [
        "host: example.org\r\n",
        "host: localhost.example.org:9090\r\n",
        "host: 127.0.0.1.nip.example\r\n",
        "host: \r\n",
        "",
        "host: localhost\r\nhost: example.org\r\n",
    ] {
        for path in ["/", "/stats", "/metrics", "/healthz"] {
            let response = fixture.request("GET", path, headers);
            let refused = response.is(421) || response.is(400);
            assert!(refused, "{headers:?}: {}", response.head);
        }
    }
    let absolute = fixture.request("GET", "http://example.org/stats", "host: localhost\r\n");
    assert!(absolute.is(421), "{}", absolute.head);
    let old = fixture.send(b"GET /healthz HTTP/1.0\r\n\r\n");
    assert!(old.head.starts_with("http/1.0 200"), "{}", old.head);

    let from = |site, mode, destination| {
        fixture.request(
            "GET",
            "/stats",
            &format!(
                "host: localhost\r\nsec-fetch-site: {site}\r\nsec-fetch-mode: {mode}\r\n\
                 sec-fetch-dest: {destination}\r\n"
            ),
        )
    };
    assert!(from("same-origin", "cors", "empty").is(200));
    assert!(from("none", "navigate", "document").is(200));
    assert!(from("cross-site", "navigate", "document").is(200), "a link");
    assert!(from("cross-site", "no-cors", "image").is(403));
    assert!(from("same-site", "cors", "empty").is(403), "another port");
    assert!(from("cross-site", "navigate", "iframe").is(403));
}
