"""Does what a row of "What surprises in Python" in docs/guests.md names, and prints what comes of it.

The argument is the name of the row, and with `module` before it, what `localmap.py` makes of it.
"""

import contextlib
import random
import sys
import time
from datetime import timedelta

import localmap
from componentize_py_types import Err
from localmap import NEVER, LocalMap
from wit_world import exports
from wit_world.imports import local_map
from wit_world.imports.local_map import Ttl_After, Ttl_Never

IMPORTED = time.time()
RANDOM = random.random()
client = LocalMap()


@contextlib.contextmanager
def around():
    yield


def attempt(function, *arguments):
    """Prints the answer or the exception."""
    try:
        print(repr(function(*arguments)))
    except BaseException as error:
        print(f"caught {type(error).__name__}: {error}")


def pins(pin, key):
    """Prints how many pins there is room for, if each is kept only until the next, and if all are."""
    for held in [1, 3000]:
        kept = []
        count = 0
        try:
            while count < 3000:
                kept = kept[: held - 1] + [pin(key)]
                count += 1
        except (Err, localmap.Full) as error:
            print(f"{type(error).__name__} after {count} pins")
        else:
            print(f"{count} pins")


def pinned_after(pin, value):
    with pin:
        pass
    attempt(value)


def mark():
    """Prints whether the import was after now, which under a clock of 2001 the build was."""
    print(f"imported {'after' if IMPORTED > time.time() else 'before'} now")


def in_manager(function):
    with around():
        function()


ROWS = {
    "text": lambda: attempt(local_map.set, "k", b"v", Ttl_Never()),
    "text-value": lambda: attempt(local_map.set, b"k", "v", Ttl_Never()),
    "bytearray": lambda: attempt(local_map.set, b"k", bytearray(b"v"), Ttl_Never()),
    "none": lambda: attempt(local_map.get, None),
    "float": lambda: attempt(local_map.increment, b"k", 1.0, Ttl_Never()),
    "negative-ttl": lambda: attempt(local_map.set, b"k", b"v", Ttl_After(-1)),
    "delta": lambda: attempt(local_map.increment, b"k", 2**63, Ttl_Never()),
    "seconds": lambda: attempt(local_map.set, b"k", b"v", 60),
    "large": lambda: attempt(local_map.set, b"k", bytes(2**23), Ttl_Never()),
    "pins": lambda: pins(local_map.pin, b"k"),
    "pin-after": lambda: pinned_after(p := local_map.pin(b"k"), lambda: p.value()),
    "manager": lambda: attempt(in_manager, lambda: local_map.set(b"", b"v", Ttl_Never())),
    "refusal": lambda: attempt(local_map.set, b"", b"v", Ttl_Never()),
    "uncaught": lambda: local_map.set(b"", b"v", Ttl_Never()),
    "uncaught-other": lambda: 1 // 0,
    "exit": lambda: sys.exit("Error: of the guest"),
    "exit-code": lambda: sys.exit(3),
    "late-import": lambda: attempt(__import__, "argparse"),
    "random": lambda: print(RANDOM),
    "mark": mark,
}
MODULE = {
    "text": lambda: attempt(client.set, "k", "v"),
    "none": lambda: attempt(client.get, None),
    "float": lambda: attempt(client.increment, "k", 1.0),
    "negative-ttl": lambda: attempt(client.set, "k", "v", timedelta(seconds=-1)),
    "delta": lambda: attempt(client.increment, "k", 2**63),
    "seconds": lambda: attempt(client.set, "k", "v", 60),
    "large": lambda: attempt(client.set, "k", bytes(2**23)),
    "pins": lambda: pins(client.pin, "k"),
    "pin-after": lambda: pinned_after(p := client.pin("k"), lambda: p.value),
    "manager": lambda: attempt(in_manager, lambda: client.set("", "v")),
    "uncaught": lambda: client.set("", "v"),
}


class Run(exports.Run):
    def run(self) -> None:
        client.set("k", "v", NEVER)
        rows = MODULE if sys.argv[1] == "module" else ROWS
        rows[sys.argv[-1]]()
        print("the guest goes on")
