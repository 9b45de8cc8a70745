"""Answers with the value of a feature flag, which a mirror has from etcd.

The mirror never returns a value that is too old. This guest prefers an old value to none for a
while: it stores each value that it reads in its map, with a TTL.
"""

import os
from datetime import timedelta

import wit_world
from componentize_py_async_support import spawn
from componentize_py_async_support.streams import ByteStreamWriter
from componentize_py_types import Ok
from localmap import Error, LocalMap
from localmap_mirror import Mirror, MirrorError, Omitted, UnknownMirror
from wit_world import exports
from wit_world.imports.types import Fields, Request, Response

MAX_NAME = 100

# What the memory has of a flag that was absent, and what the values of others begin with.
ABSENT = b""
PRESENT = b"="


class Handler(exports.Handler):
    """The handler of requests: what the world exports as `wasi:http/handler`."""

    async def handle(self, request: Request) -> Response:
        path = request.get_path_with_query() or "/"
        name = path.partition("?")[0].lstrip("/")
        if not 0 < len(name) <= MAX_NAME:
            text = f"use the name of a flag, of 1 to {MAX_NAME} bytes, as in /dark-mode\n"
            return respond(404, {}, text.encode())
        value, headers = decide(name)
        return respond(200, {"cache-control": "no-store", **headers}, value + b"\n")


def decide(name: str) -> tuple[bytes, dict[str, str]]:
    """Returns the value of a flag, and headers that say where it comes from."""
    default = os.environ.get("DEFAULT", "off").encode()
    memory, key = LocalMap(), f"flag {name}"
    try:
        read = Mirror(os.environ.get("MIRROR", "flags")).get(name)
    except UnknownMirror:
        # No default may hide it.
        raise
    except Omitted:
        # It has got a value since, which is not the remembered one.
        memory.delete(key)
        return default, {"flag-source": "default"}
    except MirrorError:
        stored = memory.get(key)
        if stored is None:
            return default, {"flag-source": "default"}
        value = default if stored == ABSENT else stored.removeprefix(PRESENT)
        return value, {"flag-source": "memory"}
    remember = timedelta(seconds=int(os.environ.get("REMEMBER", "3600")))
    try:
        memory.set(key, PRESENT + read.found.value if read.found else ABSENT, remember)
    except Error:
        # There is no room, so the value is not remembered. It is right nevertheless.
        pass
    return read.found.value if read.found else default, {
        "flag-source": "fresh" if read.is_fresh else "stale",
        "flag-age-ms": str(read.age // timedelta(milliseconds=1)),
        "flag-revision": str(read.as_of),
    }


def respond(status: int, headers: dict[str, str], body: bytes) -> Response:
    """Returns a response whose body is written in the background, when it is read."""
    fields = Fields.from_list([(name, value.encode()) for name, value in headers.items()])
    writer, stream = wit_world.byte_stream()
    _, trailers = wit_world.result_option_types_fields_types_error_code_future(lambda: Ok(None))
    response, _ = Response.new(fields, stream, trailers)
    response.set_status_code(status)
    spawn(write(writer, body))
    return response


async def write(writer: ByteStreamWriter, body: bytes) -> None:
    with writer:
        await writer.write_all(body)
