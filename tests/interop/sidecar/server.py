"""Runs the sidecar of a test."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager


class Server:
    """A sidecar that listens at `path` and writes its log to `log`."""

    def __init__(self, localmap, folder, options):
        self.path = os.path.join(folder, "maps.sock")
        self.log_path = os.path.join(folder, "log.txt")
        self.command = [localmap, "sidecar", "--socket", self.path, *options]
        self.start()

    def start(self):
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen(self.command, stderr=log)

    def stop(self):
        self.process.terminate()
        status = self.process.wait(timeout=60)
        if status != 0:
            sys.exit(f"the sidecar has ended with {status}: {self.log()}")

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=60)

    def log(self):
        with open(self.log_path) as log:
            return log.read()


@contextmanager
def sidecar(localmap, folder, *options):
    server = Server(localmap, folder, options)
    try:
        yield server
        server.stop()
    finally:
        server.process.kill()


def expect(what, expected, found):
    """Ends the test if the two differ."""
    if expected != found:
        sys.exit(f"{what}: expected {expected!r}, found {found!r}")
    print(f"{what}: as expected")


def until(what, condition, patience=10):
    """Waits until a condition holds, and ends the test if it does not in time."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {patience} s")
        time.sleep(0.002)
    print(f"{what}: as expected")
