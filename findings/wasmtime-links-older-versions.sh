#!/usr/bin/env bash
# Wasmtime: a host with an older version of an interface satisfies an import of a newer one.
#
# Tool: wasmtime 50.0.1 from PyPI.
#
# One expects semantic versioning to work as in package managers: whoever imports 1.4.0 needs 1.4.0
# or later. In fact the linker treats versions with the same first nonzero part as compatible in both
# directions. A host that defines only 1.0.0 satisfies an import of 1.4.0 if it has the functions
# that the component imports. So a component cannot rely on a minor version to get later behaviour.
# Of several compatible versions without an exact match, the linker takes the latest. Looking up an
# export works the same way: `@1.4.0` finds `@1.0.0`.
#
# Seen: the lines below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check wasmtime==50.0.1

cat > expected <<'TXT'
host 1.0.0, import 1.4.0: linked to 1.0.0
host 1.4.0, import 1.0.0: linked to 1.4.0
host 0.2.0, import 0.2.6: linked to 0.2.0
host 0.2.0 and 0.2.6, import 0.2.0: linked to 0.2.0
host 0.2.0 and 0.2.6, import 0.2.3: linked to 0.2.6
host 0.2.0, import 0.3.0: not linked
host 0.0.1, import 0.0.2: not linked
export 1.0.0, looked up as 1.4.0: found
export 1.0.0, looked up as 2.0.0: not found
TXT

cat > try.py <<'PY'
from wasmtime import Engine, Store, WasmtimeError
from wasmtime.component import Component, Linker

engine = Engine()


def component(version):
    """A component that passes on the one function of an import of this version."""
    return Component(engine, f"""
    (component
      (import "demo:demo/source@{version}" (instance $source (export "number" (func (result u32)))))
      (core func $lowered (canon lower (func $source "number")))
      (core module $code
        (import "host" "number" (func $number (result i32)))
        (func (export "number") (result i32) call $number))
      (core instance $core (instantiate $code
        (with "host" (instance (export "number" (func $lowered))))))
      (alias core export $core "number" (core func $number))
      (func $lifted (result u32) (canon lift (core func $number)))
      (instance $sink (export "number" (func $lifted)))
      (export "demo:demo/sink@{version}" (instance $sink)))
    """)


def instantiate(store, hosts, version):
    linker = Linker(engine)
    with linker.root() as root:
        for position, host in enumerate(hosts):
            with root.add_instance(f"demo:demo/source@{host}") as source:
                source.add_func("number", lambda _store, position=position: position)
    return linker.instantiate(store, component(version))


def link(hosts, version):
    store = Store(engine)
    try:
        instance = instantiate(store, hosts, version)
    except WasmtimeError:
        outcome = "not linked"
    else:
        sink = instance.get_export_index(store, f"demo:demo/sink@{version}")
        number = instance.get_func(store, instance.get_export_index(store, "number", sink))
        outcome = f"linked to {hosts[number(store)]}"
    print(f"host {' and '.join(hosts)}, import {version}: {outcome}")


def look_up(version):
    store = Store(engine)
    instance = instantiate(store, ["1.0.0"], "1.0.0")
    index = instance.get_export_index(store, f"demo:demo/sink@{version}")
    print(f"export 1.0.0, looked up as {version}: {'not found' if index is None else 'found'}")


link(["1.0.0"], "1.4.0")
link(["1.4.0"], "1.0.0")
link(["0.2.0"], "0.2.6")
link(["0.2.0", "0.2.6"], "0.2.0")
link(["0.2.0", "0.2.6"], "0.2.3")
link(["0.2.0"], "0.3.0")
link(["0.0.1"], "0.0.2")
look_up("1.4.0")
look_up("2.0.0")
PY
venv/bin/python try.py > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
