"""Asks HTTP handlers for WASI 0.3 under `localmap serve`, and compares their answers.

check.py LOCALMAP KIND COMPONENT...: KIND is what the handlers are: `feed`, `limiter`, `counter` or
`flags`.
"""

import re
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager


@contextmanager
def serve(localmap, component, kind):
    """Runs a server with one map. Yields its address."""
    options = ["--map-scope", "server", "--addr", "127.0.0.1:0", "--env", "LIMIT=2"]
    if kind == "flags":
        # Nothing listens there.
        options += ["--mirror", "flags=etcd://127.0.0.1:9/flags/", "--env", "DEFAULT=unknown"]
    command = [localmap, "serve", *options, component]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            for line in server.stderr:
                if listening := re.fullmatch(r"Listening on (http://\S+)\n", line):
                    break
            else:
                sys.exit(f"{component}: the server has ended")
            yield listening[1]
        finally:
            server.kill()


def ask(url, body=None, client="alice"):
    """Returns the status, the headers and the stream of a response."""
    request = urllib.request.Request(url, data=body, headers={"x-client": client})
    try:
        response = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        response = error
    return response.status, response.headers, response


def expect(what, expected, found):
    if expected != found:
        sys.exit(f"{what}: expected {expected!r}, found {found!r}")
    print(f"{what}: {found!r}, as expected")


def feed(url):
    """A client gets the message from before, and the one that comes while it waits."""
    expect("a first message", 202, ask(f"{url}/news", b"one")[0])
    _, headers, events = ask(f"{url}/news")
    expect("the type of events", "text/event-stream", headers["content-type"])
    expect("its event", b"data: one\n", [events.readline() for _ in range(3)][1])
    expect("a second message", 202, ask(f"{url}/news", b"two")[0])
    expect("its event", b"data: two\n", [events.readline() for _ in range(3)][1])


def limiter(url):
    """Two requests of a client are allowed, the third is not, and another client is."""
    answers = [ask(url) for _ in range(3)]
    expect("three requests", [200, 200, 429], [status for status, _, _ in answers])
    expect("the requests left", ["1", "0", "0"], [h["ratelimit-remaining"] for _, h, _ in answers])
    expect("the text", b"too many requests\n", answers[2][2].read())
    expect("another client", 200, ask(url, client="bob")[0])
    expect("a long name", 400, ask(url, client="x" * 121)[0])


def counter(url):
    """The requests of each client are counted."""
    expect("three requests", [b"1\n", b"2\n", b"3\n"], [ask(url)[2].read() for _ in range(3)])
    expect("another client", b"1\n", ask(url, client="bob")[2].read())


def flags(url):
    """Without a copy of etcd, a flag has the default. `tests/tests/etcd` has a copy."""
    status, headers, body = ask(f"{url}/dark-mode")
    expect("a flag", (200, "default", b"unknown\n"), (status, headers["flag-source"], body.read()))
    expect("no flag", 404, ask(f"{url}/")[0])
    expect("a long name", 404, ask(f"{url}/{'x' * 101}")[0])


if __name__ == "__main__":
    localmap, kind, *components = sys.argv[1:]
    for component in components:
        with serve(localmap, component, kind) as url:
            {"feed": feed, "limiter": limiter, "counter": counter, "flags": flags}[kind](url)
