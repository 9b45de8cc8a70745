//! HTTPS: whose certificates are trusted, and what is told of the others.

use super::outside;
use super::site::Site;
use localmap_tests::{Finished, root};

fn fetch(site: &Site, host: &str, roots: &str) -> Finished {
    let allowed = format!("{host}:{}", site.port());
    let url = site.url("https", host, "/echo");
    let run = outside(&["--allow-http", &allowed], &["get", &url]);
    let roots = root().join("tests/data").join(roots);
    run.env("SSL_CERT_FILE", &roots.display().to_string())
        .env("SSL_CERT_DIR", "")
        .run()
}

#[test]
fn a_certificate_of_a_trusted_authority_is_accepted() {
    let site = Site::with_tls();
    let finished = fetch(&site, "localhost", "tls/ca.pem");
    assert!(
        finished.ok().starts_with("200 GET /echo HTTP/1.1\r\n"),
        "{finished:?}"
    );
    assert_eq!(finished.stderr, "");
}

#[test]
fn others_are_refused_and_told_with_the_reason() {
    let site = Site::with_tls();
    // Another host than that of the certificate; another authority, which signs it itself.
    for (host, roots, told) in [
        ("127.0.0.1", "tls/ca.pem", "not valid for name"),
        ("localhost", "tls/localhost.pem", "certificate"),
    ] {
        let finished = fetch(&site, host, roots);
        assert_eq!(finished.ok(), "error: ErrorCode::TlsCertificateError\n");
        let stderr = &finished.stderr;
        assert!(stderr.starts_with("Warning: GET https://"), "{stderr}");
        assert!(stderr.contains(told), "{stderr}");
    }
    assert_eq!(site.heads(), [""; 0]);
}

#[test]
fn a_machine_without_root_certificates_is_told_of() {
    let site = Site::with_tls();
    for none in ["README.md", "does-not-exist.pem"] {
        let finished = fetch(&site, "localhost", none);
        assert_eq!(finished.ok(), "error: ErrorCode::ConfigurationError\n");
        assert!(
            finished.stderr.contains("no root certificates"),
            "{finished:?}"
        );
        assert!(finished.stderr.contains("SSL_CERT_FILE"), "{finished:?}");
    }
    // Without TLS they are not needed.
    let site = Site::start();
    let allowed = site.addr.to_string();
    let run = outside(
        &["--allow-http", &allowed],
        &["get", &site.url("http", "127.0.0.1", "/")],
    );
    assert_eq!(
        run.env("SSL_CERT_FILE", "does-not-exist.pem").run().ok(),
        "200 hello\n"
    );
}

#[test]
fn a_site_without_tls_is_no_site_of_https() {
    let site = Site::start();
    let finished = fetch(&site, "localhost", "tls/ca.pem");
    assert!(
        finished.ok().starts_with("error: ErrorCode::"),
        "{finished:?}"
    );
    assert_eq!(site.heads(), [""; 0]);
}
