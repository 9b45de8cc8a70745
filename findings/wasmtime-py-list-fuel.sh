#!/usr/bin/env bash
# wasmtime for Python: a call may copy 128 MiB, but a list uses that up at 48 bytes for each element.
#
# Tool: wasmtime 50.0.1 from PyPI.
#
# Wasmtime limits how much one call copies out of a component, by default to 128 MiB. One expects
# this limit to count bytes. For text it does: an answer of 100,000,000 bytes is returned. In a list,
# each element counts as 48 bytes, whatever its size, so `list<u8>` and `list<u64>` both end at
# 2,796,202 elements, and one more is an error about too much data. The limit does not apply to
# arguments: 50 MB as a `list<u8>` are accepted. The Rust API and the command line can raise the
# limit; the Python classes have no function for it.
#
# Seen: the four answers below, and an error for each of the two longer lists.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check wasmtime==50.0.1

cat > expected <<'TXT'
text of 100000000 bytes: returned
list<u8> of 2796202: returned
list<u8> of 2796203: error about fuel for host calls
list<u64> of 2796202: returned
list<u64> of 2796203: error about fuel for host calls
argument list<u8> of 50000000: accepted
functions to change the limit: 0
TXT

cat > try.py <<'PY'
from wasmtime import Config, Engine, Store, WasmtimeError
from wasmtime.component import Component, Linker

WAT = """
(component
  (core module $code
    (memory (export "memory") 1600)
    (func (export "give") (param $length i32) (result i32)
      (i32.store (i32.const 0) (i32.const 64))
      (i32.store (i32.const 4) (local.get $length))
      i32.const 0)
    (func (export "take") (param i32 i32) (result i32) local.get 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 64))
  (core instance $core (instantiate $code))
  (alias core export $core "memory" (core memory $memory))
  (alias core export $core "give" (core func $give))
  (alias core export $core "take" (core func $take))
  (alias core export $core "realloc" (core func $realloc))
  (func (export "text") (param "length" u32) (result string)
    (canon lift (core func $give) (memory $memory)))
  (func (export "list-u8") (param "length" u32) (result (list u8))
    (canon lift (core func $give) (memory $memory)))
  (func (export "list-u64") (param "length" u32) (result (list u64))
    (canon lift (core func $give) (memory $memory)))
  (func (export "take") (param "bytes" (list u8)) (result u32)
    (canon lift (core func $take) (memory $memory) (realloc $realloc))))
"""
engine = Engine()
component = Component(engine, WAT)


def call(name, argument):
    store = Store(engine)
    instance = Linker(engine).instantiate(store, component)
    return instance.get_func(store, name)(store, argument)


def attempt(label, name, length):
    try:
        found = "returned" if len(call(name, length)) == length else "another length"
    except WasmtimeError as error:
        message = str(error)
        found = "error about fuel for host calls" if "fuel" in message and "hostcall" in message else message
    print(f"{label} of {length}{' bytes' if label == 'text' else ''}: {found}")


attempt("text", "text", 100_000_000)
for name in ("u8", "u64"):
    for length in (2_796_202, 2_796_203):
        attempt(f"list<{name}>", f"list-{name}", length)
taken = call("take", bytes(50_000_000))
print(f"argument list<u8> of {taken}: accepted")
names = [name for kind in (Store, Engine, Config) for name in dir(kind) if "hostcall" in name.lower()]
print(f"functions to change the limit: {len(names)}")
PY
venv/bin/python try.py > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
