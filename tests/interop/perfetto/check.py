"""Checks the trace of `localmap serve` with a reader of JSON, and by SQL with Perfetto's trace processor.

check.py LOCALMAP FOLDER GUEST

GUEST is the component `http-limiter`, which makes two operations for each request.
"""

import collections
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import viztracer

# Names as a client may send them in a header, and those of their processes.
TENANTS = {
    b"alice": "alice",
    b'"},{"ph":"X"': "%22},{%22ph%22:%22X%22",
    b"\\n\\": "%5Cn%5C",
    b"\xff\xfe": "%FF%FE",
    "\u202e<script>".encode(): "%E2%80%AE<script>",
}
REQUESTS = 500
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def expect(what, expected, found):
    if expected != found:
        sys.exit(f"trace: {what}: expected {expected!r}, found {found!r}")
    print(f"{what}: as expected")


def until(what, find, patience=30):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if found := find():
            return found
        time.sleep(0.05)
    sys.exit(f"trace: {what}: not within {patience} s")


def get(address, path, headers=()):
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request("GET", path, headers=dict(headers))
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body


def trace_of(localmap, folder, guest):
    """Serves, and returns the trace and the number of operations by the metrics."""
    trace, log = folder / "trace.json", folder / "serve.txt"
    trace.unlink(missing_ok=True)
    command = [localmap, "serve", guest, "--addr", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    command += ["--map-scope", "header:x-tenant", "--trace", trace]
    with open(log, "w") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)

    def address(line):
        found = re.search(rf"^{line} on http://([0-9.:]+)", log.read_text(errors="replace"), re.M)
        return found and found[1]

    try:
        main = until("a server", lambda: address("Listening"))
        admin = until("an admin address", lambda: address("Admin"))
        names = list(TENANTS)

        def request(number):
            tenant = names[number % len(names)]
            return get(main, "/", {"x-tenant": tenant, "traceparent": PARENT})[0]

        with ThreadPoolExecutor(8) as threads:
            statuses = collections.Counter(threads.map(request, range(REQUESTS)))
        expect("statuses", {200, 429}, set(statuses))

        def counted(metric):
            counts = re.findall(rf"^{metric}\{{.*\}} (\d+)$", get(admin, "/metrics")[1], re.M)
            return sum(map(int, counts))

        # A request ends when its response has been sent, which may be after it was read.
        until("the ends of all requests", lambda: counted("localmap_requests_total") == REQUESTS)
        operations = counted("localmap_operations_total")
        server.send_signal(signal.SIGUSR1)
        until("a trace by SIGUSR1", trace.exists)
        by_signal = json.loads(trace.read_text("ascii"))
        by_admin = json.loads(get(admin, "/trace")[1])
        expect("spans of /trace", by_signal["otherData"]["spans"], by_admin["otherData"]["spans"])
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=60)
    return trace, operations


def query(trace, queries):
    """Returns the rows of each query, from the trace processor of the page that viztracer brings."""
    [bundle] = (Path(viztracer.__file__).parent / "web_dist").glob("*/engine_bundle.js")
    script = Path(__file__).with_name("processor.mjs")
    command = ["node", script, bundle.parent, trace, *queries]
    answer = subprocess.run(command, check=True, timeout=300, stdout=subprocess.PIPE).stdout
    return [[tuple(row) for row in rows] for rows in json.loads(answer)]


def main():
    localmap, folder, guest = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    os.makedirs(folder, exist_ok=True)
    trace, operations = trace_of(localmap, folder, guest)
    expect("operations", 2 * REQUESTS, operations)

    whole = json.loads(trace.read_text("ascii"), parse_float=Decimal)
    slices = [event for event in whole["traceEvents"] if event["ph"] == "X"]
    expect("lost spans", 0, whole["otherData"]["lost_spans"])
    kinds = collections.Counter(event["cat"] for event in slices)
    expect("slices of a reader of JSON", {"request": REQUESTS, "operation": operations}, dict(kinds))
    digits = {-event[time].as_tuple().exponent for event in slices for time in ("ts", "dur")}
    expect("digits after the point", {3}, digits)
    traces = {event["args"]["trace_id"] for event in slices if event["cat"] == "request"}
    expect("traces", {PARENT.split("-")[1]}, traces)

    counted, tenants, nested, outside, errors, first, counters = query(
        trace,
        [
            "select category, count(*) from slice group by 1 order by 1",
            """select process.name, count(*) from slice join thread_track on track_id = thread_track.id
               join thread using (utid) join process using (upid) where category = 'request' group by 1""",
            """select parent.category, slice.category, count(*) from slice left join slice parent
               on slice.parent_id = parent.id group by 1, 2 order by 1, 2""",
            """select count(*) from slice join slice parent on slice.parent_id = parent.id
               where slice.ts < parent.ts or slice.ts + slice.dur > parent.ts + parent.dur""",
            "select name, value from stats where severity = 'error' and value > 0",
            "select ts, dur from slice order by ts, dur desc",
            "select distinct track.name from counter join counter_track track on track_id = track.id order by 1",
        ],
    )
    expect("slices of Perfetto", [("operation", operations), ("request", REQUESTS)], counted)
    each = REQUESTS // len(TENANTS)
    expect("tenants", {name: each for name in TENANTS.values()}, dict(tenants))
    expect("nesting", [(None, "request", REQUESTS), ("request", "operation", operations)], nested)
    expect("operations outside of their request", [(0,)], outside)
    expect("errors of the import", [], errors)
    nanos = sorted(((int(e["ts"] * 1000), int(e["dur"] * 1000)) for e in slices), key=lambda e: (e[0], -e[1]))
    expect("nanoseconds", nanos, first)
    names = ["bytes free", "bytes overhead", "bytes payload", "entries entries"]
    expect("counters", names, [name for (name,) in counters])


main()
