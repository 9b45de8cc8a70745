//! The texts of errors.

use super::Folder;
use localmap_tests::snapshots;
use std::net::TcpListener;

/// Files that cannot be run, plugged, served or opened.
const GUESTS: &[&str] = &[
    "run no-such-file.wasm",
    "run text.wasm",
    "run module.wasm",
    "run invalid.wasm",
    "run empty.wasm",
    "run map.wasm",
    "run served.wasm",
    "run --linked inside.wasm",
    "run --stats inside.wasm",
    "run --entry k=v kv-draft.wasm",
    "run --bucket-ttl b=1s probe.wasm",
    "run folder",
    "plug empty.wasm -o out.wasm",
    "plug probe.wasm -o no/such/folder.wasm",
    "plug --bucket-ttl b=1s probe.wasm -o out.wasm",
    "plug other-version.wasm -o out.wasm",
    "plug other-types.wasm -o out.wasm",
    "plug other-function.wasm -o out.wasm",
    "plug control.wasm -o out.wasm",
    "plug other-keyvalue.wasm -o out.wasm",
    "plug shape.wasm -o out.wasm",
    "plug async.wasm -o out.wasm",
    "plug label.wasm -o out.wasm",
    "run wheel.wasm",
    "run missing.wasm",
    "inspect text.wasm",
    "inspect folder",
    "serve --addr 127.0.0.1:0 probe.wasm",
    "serve --addr 127.0.0.1:0 map.wasm",
    "serve --addr 127.0.0.1:0 no-such-file.wasm",
    "shell sessions.wasm",
    "shell text.wasm",
    "shell folder",
];

/// Options that clap refuses.
const OPTIONS: &[&str] = &[
    "walk",
    "run",
    "plug probe.wasm",
    "run --max-speed=1 probe.wasm",
    "run --clock=sundial probe.wasm",
    "run --max-bytes=lots probe.wasm",
    "run --max-entries=0 probe.wasm",
    "run --max-value=-1 probe.wasm",
    "run --default-ttl=0s probe.wasm",
    "run --default-ttl=soon probe.wasm",
    "run --policy=fifo probe.wasm",
    "run --max-pins=65537 probe.wasm",
    "run --entry=novalue probe.wasm",
    "run --entry==v probe.wasm",
    "run --entry=k=v;ttl=0s probe.wasm",
    "run --bucket-entry=k=v kv-draft.wasm",
    "run --config=a probe.wasm",
    "run --allow-http=https://example.com probe.wasm",
    "serve --allow-http=a.*.com served.wasm",
    "run -W fuel=1 probe.wasm",
    "run -W timeout=0s probe.wasm",
    "run -W max-memory-size=0 probe.wasm",
    "serve --map-scope tenant served.wasm",
    "serve --map-scope header: served.wasm",
    "serve --tls-cert cert.pem served.wasm",
];

/// Options that are impossible to satisfy.
const LIMITS: &[&str] = &[
    "run --max-value 2GiB probe.wasm len",
    "run --max-bytes 64KiB probe.wasm len",
    "run --max-entries 1 --entry a=1 --entry b=2 probe.wasm len",
    "run --max-value 1 --entry a=12 probe.wasm len",
    "run --dir no/such/folder probe.wasm len",
    "run --env NO_SUCH_VARIABLE_HERE probe.wasm len",
    "run -W max-memory-size=64KiB probe.wasm len",
    "run --max-entries 1 --bucket-entry b/k=v --bucket-entry b/l=v kv-draft.wasm keys b",
    "serve --addr 127.0.0.1 served.wasm",
    "serve --addr 192.0.2.1:8080 served.wasm",
    "serve --tls-cert no-such.pem --tls-key no-such.key served.wasm",
    "serve --tls-cert folder --tls-key folder served.wasm",
    "serve --tls-cert text.wasm --tls-key text.wasm served.wasm",
    "serve --addr 127.0.0.1:0 --idle 1m served.wasm",
    "serve --addr 127.0.0.1:0 --stats served.wasm",
    "serve --addr 127.0.0.1:0 --max-bytes 1 served.wasm",
    "serve --addr 127.0.0.1:0 --bucket-ttl a=1s served.wasm",
];

/// Guests that fail while they run.
const GUESTS_THAT_FAIL: &[&str] = &[
    "run probe.wasm exit 1",
    "run probe.wasm trap",
    "run --stats probe.wasm trap",
    "run --linked probe.wasm trap",
    "run -W timeout=100ms probe.wasm sleep 60000",
    "run -W timeout=100ms probe.wasm spin",
    "run -W max-memory-size=8MiB probe.wasm eat 16",
    "run --max-value 3 probe.wasm set k four",
    "run --max-entries 1 probe.wasm set a 1 then set b 2",
    "run --clock clf probe.wasm len",
    "run probe.wasm connect 127.0.0.1:9",
];

const NEW: &[&str] = &[
    "new full",
    "new text.wasm",
    "new text.wasm/below",
    "new ..",
    "new 9lives",
    "new fn",
    "new --name a.b fine",
    "new --client no/such/client fine",
];

#[test]
fn error_texts() {
    let map = r#"(import "localmap:core/local-map@0.1.0" (instance
        (export "len" (func (result u64)))))"#;
    let folder = Folder::new()
        .embedded()
        .guests(&["probe", "inside", "sessions", "served", "kv-draft"])
        .file("text.wasm", "#!/bin/sh\n")
        .file("invalid.wasm", b"\0asm\x0d\0\x01\0\x01\xff")
        .wat("module.wasm", "(module)")
        .wat("empty.wasm", "(component)")
        .wat(
            "other-version.wasm",
            r#"(component (import "localmap:core/local-map@0.2.0" (instance)))"#,
        )
        .wat(
            "other-types.wasm",
            r#"(component (import "localmap:core/local-map@0.1.0" (instance
                (export "get" (func (param "key" string) (result bool))))))"#,
        )
        .wat(
            "other-function.wasm",
            r#"(component (import "localmap:core/local-map@0.1.0" (instance
                (export "rename" (func)))))"#,
        )
        .wat(
            "control.wasm",
            &format!(
                r#"(component {map}
                    (import "localmap:core/control@0.1.0" (instance (export "clear" (func)))))"#
            ),
        )
        .wat(
            "other-keyvalue.wasm",
            r#"(component (import "wasi:keyvalue/store@0.3.0" (instance)))"#,
        )
        .wat(
            "shape.wasm",
            &format!(r#"(component {map} (import "m" (core module)))"#),
        )
        .wat(
            "wheel.wasm",
            r#"(component (import "acme:thing/wheel@1.0.0" (instance (export "turn" (func)))))"#,
        )
        .wat(
            "missing.wasm",
            r#"(component
                (import "wasi:cli/stdin@0.3.0" (instance (export "read" (func))))
                (import "wasi:random/random@0.2.0" (instance
                    (export "get-random-u64" (func (result u64)))
                    (export "get-dice" (func (result u8)))))
                (import "wasi:clocks/wall-clock@0.2.0" (instance
                    (export "now" (func (result string))))))"#,
        )
        .wat(
            "async.wasm",
            &format!("(component {map} (core func (canon waitable-set.new)))"),
        )
        .wat(
            "label.wasm",
            r#"(component
                (import "one" (implements "wasi:keyvalue/store@0.2.0-draft2") (instance))
                (import "two" (implements "wasi:keyvalue/store@0.2.0-draft2") (instance)))"#,
        );
    for name in ["folder", "full"] {
        std::fs::create_dir(folder.path().join(name)).expect("a folder");
    }
    std::fs::write(folder.path().join("full/note"), "mine").expect("a file");
    snapshots("errors", |snapshots| {
        for (name, lines) in [
            ("guests.txt", GUESTS),
            ("options.txt", OPTIONS),
            ("limits.txt", LIMITS),
            ("failures.txt", GUESTS_THAT_FAIL),
            ("new.txt", NEW),
        ] {
            snapshots.check(name, &folder.all_shown(lines));
        }
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = taken.local_addr().expect("an address");
        let shown = folder.shown(&format!("serve --addr {addr} served.wasm"));
        snapshots.check("port.txt", &shown);
    });
}
