#!/usr/bin/env bash
# Component text: no inline spelling of a memory in `canon lift` works in both old and new parsers.
#
# Tools: wasmtime 44.0.0, 49.0.0 and 50.0.1 from PyPI, whose `wat2wasm` is the parser of the Rust crate `wat`.
#
# Component text usually names the memory of a core instance inline: `(memory $core "memory")`. One
# expects such text to stay valid, or at least a warning first. 50.0.1 rejects it and asks for a
# reference that includes the sort, `(memory (core memory $core "memory"))`. But 44.0.0 rejects that
# one as a syntax error. 49.0.0 accepts both and warns about neither. All three accept an alias with
# a name of its own, and `(core func $core "text")`, which includes its sort already. With the
# environment variable WAST_STRICT_COMPONENT_INDICES=0, 50.0.1 accepts the old spelling too.
#
# Seen: the lines below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv

cat > expected <<'TXT'
44.0.0: inline yes, with sort no, alias yes
49.0.0: inline yes, with sort yes, alias yes
50.0.1: inline no, with sort yes, alias yes
50.0.1, not strict: inline yes, with sort yes, alias yes
TXT

cat > try.py <<'PY'
import sys

from wasmtime import WasmtimeError, wat2wasm

WAT = """
(component
  (core module $code
    (memory (export "memory") 1)
    (func (export "text") (result i32) i32.const 0))
  (core instance $core (instantiate $code))
  (alias core export $core "memory" (core memory $memory))
  (func (export "text") (result string)
    (canon lift (core func $core "text") MEMORY)))
"""
SPELLINGS = {
    "inline": '(memory $core "memory")',
    "with sort": '(memory (core memory $core "memory"))',
    "alias": "(memory $memory)",
}


def accepts(spelling):
    try:
        wat2wasm(WAT.replace("MEMORY", spelling))
    except WasmtimeError:
        return "no"
    return "yes"


print(f"{sys.argv[1]}: " + ", ".join(f"{name} {accepts(text)}" for name, text in SPELLINGS.items()))
PY
unset WAST_STRICT_COMPONENT_INDICES
for version in 44.0.0 49.0.0 50.0.1; do
    venv/bin/pip install --quiet --disable-pip-version-check --target "$version" "wasmtime==$version"
    PYTHONPATH=$version venv/bin/python try.py "$version"
done > found
WAST_STRICT_COMPONENT_INDICES=0 PYTHONPATH=50.0.1 venv/bin/python try.py "50.0.1, not strict" >> found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
