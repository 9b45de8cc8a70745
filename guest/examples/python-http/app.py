"""Answers 200 to a client that may make a request, and 429 to a client that has made too many.

A counter of the map keeps its deadline when it is incremented. Created with the window as
its TTL, the counter is the window: it expires when the window ends.
"""

import os
from datetime import timedelta

import wit_world
from componentize_py_async_support import spawn
from componentize_py_async_support.streams import ByteStreamWriter
from componentize_py_types import Ok
from localmap import Error, LocalMap
from wit_world import exports
from wit_world.imports.types import Fields, Request, Response

MAX_NAME = 120


class Handler(exports.Handler):
    """The handler of requests: what the world exports as `wasi:http/handler`."""

    async def handle(self, request: Request) -> Response:
        names = request.get_headers().get("x-client")
        client = names[0] if names else None
        if client is not None and len(client) > MAX_NAME:
            text = f"x-client has more than {MAX_NAME} bytes: use a shorter name\n"
            return respond(400, {}, text)
        limit = int(os.environ.get("LIMIT", "10"))
        window = timedelta(seconds=int(os.environ.get("WINDOW", "60")))
        try:
            allowed, headers = count(client, limit, window)
        except Error as error:
            # A client must not pass uncounted.
            return respond(503, {"retry-after": max(window.seconds, 1)}, f"{error}\n")
        if allowed:
            return respond(200, headers, "go on\n")
        headers["retry-after"] = headers["ratelimit-reset"]
        return respond(429, headers, "too many requests\n")


def count(client: bytes | None, limit: int, window: timedelta) -> tuple[bool, dict[str, int]]:
    """Counts a request. Returns whether it is allowed, and headers that say so."""
    hits = LocalMap()
    key = b"nobody" if client is None else b"client " + client
    requests = hits.increment(key, 1, window)
    # If the window has ended meanwhile, no time is left.
    entry = hits.get_entry(key)
    left = entry.expires_in if entry and entry.expires_in else timedelta()
    seconds = max(-(-left // timedelta(seconds=1)), 1)
    return requests <= limit, {
        "ratelimit-limit": limit,
        "ratelimit-remaining": max(limit - requests, 0),
        "ratelimit-reset": seconds,
    }


def respond(status: int, headers: dict[str, int], text: str) -> Response:
    """Returns a response whose body is written in the background, when it is read."""
    fields = Fields.from_list([(name, str(value).encode()) for name, value in headers.items()])
    writer, body = wit_world.byte_stream()
    _, trailers = wit_world.result_option_types_fields_types_error_code_future(lambda: Ok(None))
    response, _ = Response.new(fields, body, trailers)
    response.set_status_code(status)
    spawn(write(writer, text.encode()))
    return response


async def write(writer: ByteStreamWriter, body: bytes) -> None:
    with writer:
        await writer.write_all(body)
