"""Runs a command component under wasmtime for Python, with the WASI of that package.

    python command.py COMPONENT [ARGUMENTS]
"""

import sys

from wasmtime import Engine, Store, WasiConfig
from wasmtime.component import Component, Linker


def main(path, arguments):
    engine = Engine()
    linker = Linker(engine)
    linker.add_wasip2()
    wasi = WasiConfig()
    wasi.argv = [path, *arguments]
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    store = Store(engine)
    store.set_wasi(wasi)
    component = Component.from_file(engine, path)
    instance = linker.instantiate(store, component)
    for name in component.type.exports(engine):
        if name.startswith("wasi:cli/run@0.2."):
            within = instance.get_export_index(store, name)
            run = instance.get_func(store, instance.get_export_index(store, "run", within))
            return run(store).tag == "ok"
    sys.exit(f"Error: {path} is not a command")


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1], sys.argv[2:]))
