//! What the library says of a component is what Wasmtime says after compiling it.

use localmap::wasmtime::component::{Component, Linker};
use localmap::{Host, Incompatibility, inspect, missing_imports};
use localmap_serve::{Handler, HandlerError, HandlerOptions, Sandbox, SandboxConfig, misfits};
use localmap_tests::guest;

fn component(parts: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {parts})")).expect("valid text")
}

/// The engine and the validator have one set of proposals.
#[test]
fn an_engine_compiles_what_inspect_accepts() {
    let host = Host::new().expect("a host");
    let sandbox = SandboxConfig::new().engine().expect("an engine");
    for (accepted, parts) in [
        (true, "(core module (func (return_call 0)))"),
        (true, "(core module (memory 1) (memory 1))"),
        (true, "(core module (memory i64 1))"),
        (true, "(core module (func (param v128)))"),
        (
            true,
            "(core module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
        ),
        (true, "(core module (table 1 funcref))"),
        (true, "(core module (func (param (ref null func))))"),
        (false, "(core module (table 1 externref))"),
        (false, "(core module (func (param anyref)))"),
        (false, "(core module (type (struct)))"),
        (false, "(core module (tag))"),
        (false, "(core module (memory 1 1 shared))"),
        (false, "(core module (memory 1 (pagesize 1)))"),
        (true, "(core func (canon waitable-set.new))"),
        (true, "(core func (canon task.return))"),
        (true, "(core func (canon backpressure.inc))"),
        (true, "(type (stream u8))"),
        (true, "(type (future))"),
        (true, "(type (func async))"),
        (false, "(core func (canon error-context.drop))"),
        (false, "(type (list u8 4))"),
    ] {
        let bytes = component(parts);
        let found = inspect(&bytes).expect("valid with all proposals");
        let refused = found
            .app
            .iter()
            .any(|reason| matches!(reason, Incompatibility::Proposal { .. }));
        assert_eq!(!refused, accepted, "{parts}: {:?}", found.app);
        for (concurrent, engine) in [(false, host.as_ref()), (true, &sandbox)] {
            let compiled = Component::new(engine, &bytes);
            let accepted = accepted && (concurrent || found.concurrency.is_none());
            assert_eq!(compiled.is_ok(), accepted, "{parts}: {:?}", compiled.err());
        }
        let compiled = SandboxConfig::new().compile(&bytes);
        assert_eq!(compiled.is_ok(), accepted, "{parts}: {:?}", compiled.err());
    }
}

#[test]
fn a_component_needs_concurrency_for_its_async_parts_and_for_wasi_0_3() {
    for (reason, parts) in [
        (None, ""),
        (None, "(core module (func (return_call 0)))"),
        // As many toolchains name it: only the version decides.
        (
            None,
            r#"(import "wasi:cli/environment@0.2.0" (instance (export "f" (func))))"#,
        ),
        // It is not an import of the component itself.
        (
            None,
            r#"(component (import "wasi:cli/environment@0.3.0" (instance)))"#,
        ),
        (
            Some("it imports wasi:cli/environment@0.3.1"),
            r#"(import "wasi:cli/environment@0.3.1" (instance (export "f" (func))))"#,
        ),
        (
            Some("it uses `stream`"),
            r#"(import "wasi:cli/stdout@0.3.0" (instance (export "f" (func (param "s" (stream u8))))))"#,
        ),
        (Some("it uses `future`"), "(component (type (future)))"),
        (
            Some("it uses `waitable-set.new`"),
            "(core func (canon waitable-set.new))",
        ),
        // What else it uses is not supported, which is another question.
        (
            Some("it uses `stream`"),
            "(type (stream u8)) (type (list u8 4))",
        ),
        (None, "(type (list u8 4))"),
        // It is not valid, so that it needs nothing.
        (None, "(type (stream u8)) (export \"f\" (func 9))"),
    ] {
        let found = localmap::needs_concurrency(&component(parts));
        assert_eq!(found.as_deref(), reason, "{parts}");
    }
    assert_eq!(localmap::needs_concurrency(b""), None);
    assert_eq!(localmap::needs_concurrency(b"\0asm\x01\0\0\0"), None);
}

#[test]
fn previews_and_middleware_have_sentences_of_their_own() {
    let engine = SandboxConfig::new().engine().expect("an engine");
    let mut linker = Linker::<Sandbox<()>>::new(&engine);
    Sandbox::add_to_linker_async(&mut linker).expect("it is empty");
    for (import, hint) in [
        (
            "wasi:cli/environment@0.3.0-rc-2026-03-15",
            "release candidate",
        ),
        ("wasi:http/handler@0.3.0", "middleware"),
        (
            "wasi:cli/environment@0.2.0-rc-2023-11-10",
            "preview of WASI 0.2",
        ),
    ] {
        let bytes = component(&format!(
            r#"(import "{import}" (instance (export "f" (func))))"#
        ));
        let missing = missing_imports(&bytes, &linker).expect("a component");
        let [reason] = &missing[..] else {
            panic!("{import}: {missing:?}");
        };
        assert!(reason.to_string().contains(hint), "{reason}");
    }
}

#[test]
fn a_linker_links_what_misses_no_import() {
    let engine = SandboxConfig::new().engine().expect("an engine");
    let mut linker = Linker::<Sandbox<()>>::new(&engine);
    Sandbox::add_to_linker_sync(&mut linker).expect("it is empty");
    let mut own = linker.instance("acme:thing/own@1.2.0").expect("a new one");
    own.func_wrap("f", |_, (number,): (u32,)| Ok((number,)))
        .expect("a new one");
    let mut verdicts = [0, 0];
    for import in [
        "(import \"acme:thing/own@1.0.0\" (instance (export \"f\" (func (param \"n\" u32) (result u32)))))",
        "(import \"acme:thing/own@1.9.0\" (instance (export \"f\" (func (param \"n\" u32) (result u32)))))",
        "(import \"acme:thing/own@2.0.0\" (instance (export \"f\" (func (param \"n\" u32) (result u32)))))",
        "(import \"acme:thing/own@1.0.0\" (instance (export \"f\" (func (param \"n\" u64) (result u32)))))",
        "(import \"acme:thing/own@1.0.0\" (instance (export \"g\" (func))))",
        "(import \"acme:thing/own@1.0.0\" (instance (export \"r\" (type (sub resource)))))",
        "(import \"acme:thing/own@1.0.0\" (instance))",
        "(import \"acme:thing/types@1.0.0\" (instance (type $t u32) (export \"t\" (type (eq $t)))))",
        "(import \"wasi:io/poll@0.2.0\" (instance (export \"pollable\" (type (sub resource)))))",
        "(import \"wasi:io/poll@0.2.0\" (instance (export \"pollable\" (func))))",
        "(import \"f\" (func))",
        "(import \"r\" (type (sub resource)))",
        "(type $t u32) (import \"t\" (type (eq $t)))",
        "(import \"m\" (core module))",
        "(import \"c\" (component))",
    ] {
        let bytes = component(import);
        let missing = missing_imports(&bytes, &linker).expect("a component");
        let linked = Component::new(&engine, &bytes).and_then(|it| linker.instantiate_pre(&it));
        assert_eq!(missing.is_empty(), linked.is_ok(), "{import}: {missing:?}");
        verdicts[usize::from(linked.is_ok())] += 1;
    }
    assert!(verdicts[0] > 5 && verdicts[1] > 5, "{verdicts:?}");
}

#[test]
fn a_handler_takes_what_has_no_misfits() {
    for name in ["served", "kv-http", "sessions"] {
        let bytes = std::fs::read(guest(name)).expect("a guest");
        let reasons = misfits(&bytes, &inspect(&bytes).expect("a component"));
        let handler = Handler::new(&bytes, &HandlerOptions::new());
        assert_eq!(reasons.is_empty(), handler.is_ok(), "{name}: {reasons:?}");
    }
    let served = component(
        r#"(import "acme:thing/one@1.0.0" (instance (export "f" (func))))
        (import "acme:thing/two@1.0.0" (instance (export "f" (func))))"#,
    );
    let found = inspect(&served).expect("a component");
    let reasons = misfits(&served, &found);
    let [
        HandlerError::NotAHandler,
        HandlerError::Imports { missing, .. },
    ] = &reasons[..]
    else {
        panic!("{reasons:?}");
    };
    assert_eq!(missing.len(), 2, "{missing:?}");
}
