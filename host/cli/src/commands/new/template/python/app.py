"""Prints each line of standard input with the number of times it has occurred within the last
minute."""

import sys
from datetime import timedelta

from localmap import Error, LocalMap
from wit_world import exports

WINDOW = timedelta(minutes=1)


class Run(exports.Run):
    def run(self) -> None:
        seen = LocalMap()
        for read in sys.stdin.buffer:
            line = read.decode(errors="replace").rstrip("\n")
            try:
                # A new counter gets the window as its time to live, and one that exists keeps its
                # deadline. It expires at the end of its window, so there is nothing to clean up.
                times = seen.increment(f"count:{line}", 1, WINDOW)
                seen.set("latest", line, WINDOW)
            except Error as error:
                # The line is too long for a key, or the map is full. The message says what to do.
                # Nothing has changed.
                print(f"{line}: {error}", file=sys.stderr)
            else:
                print(f"{line}: {times}")
        latest = seen.get("latest")
        if latest is not None:
            different = sum(1 for _ in seen.scan("count:"))
            print(f"{different} different lines, the last one: {latest.decode()}")
