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
        (false, "(core func (canon waitable-set.new))"),
        (false, "(core func (canon task.return))"),
        (false, "(core func (canon error-context.drop))"),
        (false, "(type (stream u8))"),
        (false, "(type (list u8 4))"),
    ] {
        let bytes = component(parts);
        let found = inspect(&bytes).expect("valid with all proposals");
        let refused = found.app.iter().any(|reason| {
            matches!(
                reason,
                Incompatibility::Async | Incompatibility::Proposal { .. }
            )
        });
        assert_eq!(!refused, accepted, "{parts}: {:?}", found.app);
        for engine in [host.as_ref(), &SandboxConfig::new().engine().expect("one")] {
            let compiled = Component::new(engine, &bytes);
            assert_eq!(compiled.is_ok(), accepted, "{parts}: {:?}", compiled.err());
        }
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
