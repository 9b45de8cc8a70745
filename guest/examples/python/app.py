"""Reports which lines of a web server's log a rate limiter would have rejected.

A counter of the map keeps its deadline when it is incremented. Created with the window as
its TTL, the counter is the window: it expires when the window ends.
"""

import hashlib
import re
import sys
from datetime import timedelta

from localmap import Error, LocalMap
from wit_world import exports


class Run(exports.Run):
    """The command: what the world exports as `wasi:cli/run`."""

    def run(self) -> None:
        clients = LocalMap()
        limit, window = options(sys.argv[1:])
        lines = limited = 0
        for line in sys.stdin.buffer:
            lines += 1
            fields = line.split(maxsplit=1)
            if not fields:
                continue  # an empty line has no client
            try:
                requests = clients.increment(key(fields[0]), 1, window)
            except Error as error:
                sys.exit(f"Error: line {lines}: {error}")
            if requests > limit:
                limited += 1
                print(lines)
        print(f"lines={lines} allowed={lines - limited} limited={limited}")


def key(client: bytes) -> bytes:
    """Returns the name, or a hash of a name that is too long for a key. The line feed keeps
    hashes apart from names, which never contain one."""
    return client if len(client) <= 128 else b"\n" + hashlib.sha256(client).digest()


SPAN = re.compile(r"([1-9]\d{0,11})(ms|s|m|h)")
UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
}


def options(args: list[str]) -> tuple[int, timedelta]:
    """Returns the limit and the window."""
    given = {"--limit": "10", "--window": "60s"} | dict(zip(args[::2], args[1::2]))
    span = SPAN.fullmatch(given["--window"])
    if len(given) != 2 or len(args) % 2 or not given["--limit"].isdecimal() or not span:
        sys.exit("Error: usage: limiter [--limit N] [--window SPAN], such as 60s, 5m or 1h")
    try:
        return int(given["--limit"]), int(span[1]) * UNITS[span[2]]
    except OverflowError:
        sys.exit("Error: --window: it is longer than a million years")
