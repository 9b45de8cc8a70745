#!/usr/bin/env bash
# wasmtime for Python: a `result` arrives wrapped or bare, depending on the types of its two payloads.
#
# Tool: wasmtime 50.0.1 from PyPI.
#
# One expects one mapping for every `result`. In fact the package omits the wrapper if the Python
# class of the value is enough to tell success from failure: with `result<u32, string>`, success is a
# plain `int` and failure a plain `str`, which is returned, not raised. If both payloads have the same
# class, as in `result<u32, s32>`, each arrives as a `Variant` with the tag `ok` or `err`. So
# changing the error's type from `string` to a number changes what callers receive on success.
# Options follow the same rule: in `option<option<u32>>`, both levels of `some` and `none` could be
# `None`, so the outer one is a `Variant`.
#
# Seen: the lines below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check wasmtime==50.0.1

cat > expected <<'TXT'
result<u32, string>: success 7, failure 'no'
result<u32, s32>: success Variant ok 7, failure Variant err 2
option<u32>: some 7, none None
option<option<u32>>: some Variant some 7, none Variant none None
TXT

cat > try.py <<'PY'
from wasmtime import Engine, Store
from wasmtime.component import Component, Linker, Variant

# Each function takes 1 or 0. For 1 it returns the first case, for 0 the second.
WAT = """
(component
  (core module $code
    (memory (export "memory") 1)
    (data (i32.const 16) "\\00\\00\\00\\00\\07\\00\\00\\00")             ;; ok(7)
    (data (i32.const 32) "\\01\\00\\00\\00\\40\\00\\00\\00\\02\\00\\00\\00") ;; err("no")
    (data (i32.const 48) "\\01\\00\\00\\00\\02\\00\\00\\00")             ;; err(2)
    (data (i32.const 64) "no")
    (data (i32.const 80) "\\01\\00\\00\\00\\07\\00\\00\\00")             ;; some(7)
    (data (i32.const 96) "\\01\\00\\00\\00\\01\\00\\00\\00\\07\\00\\00\\00") ;; some(some(7))
    (func (export "text") (param i32) (result i32)
      (select (i32.const 16) (i32.const 32) (local.get 0)))
    (func (export "number") (param i32) (result i32)
      (select (i32.const 16) (i32.const 48) (local.get 0)))
    (func (export "option") (param i32) (result i32)
      (select (i32.const 80) (i32.const 128) (local.get 0)))
    (func (export "nested") (param i32) (result i32)
      (select (i32.const 96) (i32.const 128) (local.get 0))))
  (core instance $core (instantiate $code))
  (alias core export $core "memory" (core memory $memory))
  (alias core export $core "text" (core func $text))
  (alias core export $core "number" (core func $number))
  (alias core export $core "option" (core func $option))
  (alias core export $core "nested" (core func $nested))
  (func (export "text") (param "first" bool) (result (result u32 (error string)))
    (canon lift (core func $text) (memory $memory)))
  (func (export "number") (param "first" bool) (result (result u32 (error s32)))
    (canon lift (core func $number) (memory $memory)))
  (func (export "option") (param "first" bool) (result (option u32))
    (canon lift (core func $option) (memory $memory)))
  (func (export "nested") (param "first" bool) (result (option (option u32)))
    (canon lift (core func $nested) (memory $memory))))
"""
engine = Engine()
store = Store(engine)
instance = Linker(engine).instantiate(store, Component(engine, WAT))


def shape(value):
    if isinstance(value, Variant):
        return f"Variant {value.tag} {shape(value.payload)}"
    return repr(value)


def show(title, name, first, second):
    call = instance.get_func(store, name)
    print(f"{title}: {first} {shape(call(store, True))}, {second} {shape(call(store, False))}")


show("result<u32, string>", "text", "success", "failure")
show("result<u32, s32>", "number", "success", "failure")
show("option<u32>", "option", "some", "none")
show("option<option<u32>>", "nested", "some", "none")
PY
venv/bin/python try.py > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
