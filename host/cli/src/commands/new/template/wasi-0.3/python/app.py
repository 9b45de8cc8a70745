"""Answers each request with the number of times its path has been requested within the last
minute: an HTTP handler for WASI 0.3."""

from datetime import timedelta

import wit_world
from componentize_py_async_support import spawn
from componentize_py_async_support.streams import ByteStreamWriter
from componentize_py_types import Ok
from localmap import Error, LocalMap
from wit_world import exports
from wit_world.imports.types import Fields, Request, Response

WINDOW = timedelta(minutes=1)


class Handler(exports.Handler):
    # The map outlives the instance of a request, for as long as `localmap serve --map-scope` says.
    async def handle(self, request: Request) -> Response:
        path = (request.get_path_with_query() or "").partition("?")[0]
        return respond(*answer(LocalMap(), path))


def answer(seen: LocalMap, path: str) -> tuple[int, str]:
    if path == "/":
        latest = (seen.get("latest") or b"").decode()
        different = sum(1 for _ in seen.scan("count:"))
        return 200, f"{different} different paths, the last one: {latest}\n"
    try:
        # A new counter gets the window as its time to live, and one that exists keeps its
        # deadline. It expires at the end of its window, so there is nothing to clean up.
        times = seen.increment(f"count:{path}", 1, WINDOW)
        seen.set("latest", path, WINDOW)
    except Error as error:
        # The path is too long for a key, or the map is full. The message says what to do.
        # Nothing has changed.
        return 503, f"{error}\n"
    return 200, f"{path}: {times}\n"


def respond(status: int, text: str) -> Response:
    """Returns a response. A task in the background writes its body, while the host sends it."""
    writer, body = wit_world.byte_stream()
    _, trailers = wit_world.result_option_types_fields_types_error_code_future(lambda: Ok(None))
    response, _ = Response.new(Fields(), body, trailers)
    response.set_status_code(status)
    spawn(write(writer, text.encode()))
    return response


async def write(writer: ByteStreamWriter, body: bytes) -> None:
    with writer:
        await writer.write_all(body)
