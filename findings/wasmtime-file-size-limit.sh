#!/usr/bin/env bash
# Wasmtime: the limit on the size of files (`ulimit -f`) decides whether a module can be instantiated.
#
# Tool: wasmtime 50.0.1 for Python from PyPI, on Linux.
#
# On Linux, Wasmtime keeps the initial content of a memory in a file that has no name (memfd), from which
# instances map it. One expects the limit RLIMIT_FSIZE, with which services keep programs from filling a
# disk, not to concern a program that writes no files. But the kernel applies it to such files too: with
# a limit below the size of the data, instantiating fails with "File too large", although there is memory
# enough, and Wasmtime does not fall back to copying the data. Where SIGXFSZ is not ignored, as Python
# does, the signal ends the process. A module without data is not affected.
#
# Seen: the three lines below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check wasmtime==50.0.1

cat > expected <<'TXT'
data, no limit: instantiated
data, ulimit -f 0: File too large
no data, ulimit -f 0: instantiated
TXT

cat > try.py <<'PY'
import resource
from wasmtime import Engine, Instance, Module, Store, WasmtimeError

lines = []


def attempt(label, data):
    engine = Engine()
    module = Module(engine, f"(module (memory 1) {data})")
    try:
        Instance(Store(engine), module, [])
        found = "instantiated"
    except WasmtimeError as error:
        found = "File too large" if "File too large" in str(error) else str(error)
    lines.append(f"{label}: {found}")


DATA = '(data (i32.const 0) "text")'
unlimited = resource.RLIM_INFINITY
attempt("data, no limit", DATA)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, unlimited))
attempt("data, ulimit -f 0", DATA)
attempt("no data, ulimit -f 0", "")
# The output is a file, too.
resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
print("\n".join(lines))
PY
venv/bin/python try.py > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
