"""Checks the metrics of `localmap serve` with promtool, with the parsers of Prometheus' client for Python, and
with a Prometheus that scrapes them.

check.py LOCALMAP FOLDER GUEST [SECONDS]

GUEST is the component `http-limiter`. Prometheus scrapes for SECONDS, 20 by default.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from contextlib import contextmanager

from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus_text

# Names as a client may send them in a header, and their labels.
HOSTILE = {
    b'"} 1 # EOF': '\\"} 1 # EOF',
    b"\\n\\": "\\\\n\\\\",
    b"\xff\xfe": "\\xff\\xfe",
    "\u202e<script>".encode(): "\\xe2\\x80\\xae<script>",
    b"other": "\\x6fther",
}
NAMED = len(HOSTILE)

JOB = 'job="localmap"'
UP = f"up{{{JOB}}}"


def fail(text):
    sys.exit(f"metrics: {text}")


def expect(what, expected, found):
    if expected != found:
        fail(f"{what}: expected {expected!r}, found {found!r}")
    print(f"{what}: as expected")


def until(what, condition, patience=30):
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            fail(f"{what}: not within {patience} s")
        time.sleep(0.05)
    print(f"{what}: as expected")


@contextmanager
def running(command, log):
    with open(log, "w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def address(log, line):
    """Returns the address in a line of a log, once it is there."""
    found = []

    def look():
        found[:] = [text for text in read(log).splitlines() if text.startswith(line)]
        return found

    until(line, look)
    return found[0].removeprefix(line).strip().removeprefix("http://").rstrip("/").split("/")[0]


def request(server, tenant):
    """Sends a request of a tenant, whose name may be any bytes of a header. Returns its status.

    The response has been read to its end, so the request has been counted.
    """
    host, port = server.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-tenant: "
        connection.sendall(head + tenant + b"\r\n\r\n")
        response = connection.makefile("rb").read()
    return int(response.split()[1])


def get(server, path, accept=None):
    connection = http.client.HTTPConnection(server, timeout=30)
    connection.request("GET", path, headers={"accept": accept} if accept else {})
    response = connection.getresponse()
    return response.status, response.headers["content-type"], response.read().decode()


def series(families):
    """Returns the names and the labels of all samples. The formats write bounds differently."""
    return {
        (
            sample.name,
            tuple(sorted((name, float(text) if name == "le" else text) for name, text in sample.labels.items())),
        )
        for family in families
        for sample in family.samples
    }


def formats(admin):
    """promtool and both parsers read the metrics, which are the same in both formats.

    No request may begin or end meanwhile, since its status may be the first of its kind.
    """
    status, kind, text = get(admin, "/metrics")
    expect("the text format", (200, "text/plain; version=0.0.4; charset=utf-8"), (status, kind))
    lint = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True
    )
    expect("promtool check metrics", (0, "", ""), (lint.returncode, lint.stdout, lint.stderr))
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    status, kind, other = get(admin, "/metrics", accept)
    expected = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    expect("OpenMetrics", (200, expected), (status, kind))
    one, other = list(prometheus_text(text)), list(open_metrics(other))
    expect("series of both formats", set(), series(one) ^ series(other))
    tenants = {
        sample.labels["tenant"]
        for family in other
        if family.name == "localmap_tenant_entries"
        for sample in family.samples
    }
    expect("hostile names", {*HOSTILE.values(), "other"}, tenants)
    units = {family.name: family.unit for family in other if family.unit}
    expect("a unit", "seconds", units.get("localmap_operation_duration_seconds"))
    return text


def query_result(prometheus, expression):
    path = "/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    status, _, body = get(prometheus, path)
    answer = json.loads(body)
    if status != 200 or answer["status"] != "success":
        fail(f"{expression}: {body}")
    return answer["data"]["result"]


def value(prometheus, expression):
    """Returns the value of the only series of a result; `None` if there is none."""
    result = query_result(prometheus, expression)
    return float(result[0]["value"][1]) if len(result) == 1 else None


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def scraping(folder, admin, *options):
    """Runs a Prometheus that scrapes the metrics and has loaded the rules. Returns its address."""
    os.mkdir(folder)
    rules = os.path.abspath("deploy/prometheus/rules.yaml")
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [rules],
        "scrape_configs": [{"job_name": "localmap", "static_configs": [{"targets": [admin]}]}],
    }
    path = os.path.join(folder, "prometheus.yml")
    with open(path, "w") as file:
        json.dump(config, file)
    prometheus = f"127.0.0.1:{free_port()}"
    command = [
        "prometheus",
        f"--config.file={path}",
        f"--storage.tsdb.path={os.path.join(folder, 'tsdb')}",
        f"--web.listen-address={prometheus}",
        *options,
    ]

    def is_ready():
        try:
            return get(prometheus, "/-/ready")[0] == 200
        except OSError:
            return False

    with running(command, os.path.join(folder, "prometheus.txt")):
        until("Prometheus is ready", is_ready)
        until("Prometheus scrapes", lambda: value(prometheus, UP) == 1)
        yield prometheus


def scraped(prometheus, window):
    """Prometheus has read each scrape, and answers queries."""
    failed = value(prometheus, f"count_over_time({UP}{window}) - sum_over_time({UP}{window})")
    expect("failed scrapes", 0, failed)
    if not value(prometheus, f"sum(rate(localmap_requests_total{window}))") > 0:
        fail("no request was counted")
    names = json.loads(get(prometheus, "/api/v1/label/__name__/values")[2])["data"]
    counters = [name for name in names if name.startswith("localmap_")]
    counters = [name for name in counters if name.endswith(("_total", "_count", "_bucket"))]
    decreased = [name for name in counters if value(prometheus, f"sum(resets({name}{window}))")]
    expect(f"those of {len(counters)} counters that decrease", [], decreased)
    stored = value(prometheus, f"scrape_samples_post_metric_relabeling{{{JOB}}}")
    duration = value(prometheus, f"scrape_duration_seconds{{{JOB}}}")
    print(f"{stored:.0f} series, a scrape takes {duration * 1e3:.1f} ms")
    if not stored < 1_000:
        fail(f"there are {stored} series")


def rules(prometheus):
    """Prometheus has evaluated all rules, and what is well raises no alert."""
    _, _, body = get(prometheus, "/api/v1/rules")
    found = [rule for group in json.loads(body)["data"]["groups"] for rule in group["rules"]]
    health = {rule["health"] for rule in found}
    expect("the health of the rules", {"ok"}, health)
    firing = {rule["name"] for rule in found if rule["state"] == "firing"}
    expect("alerts", set(), firing & {"LocalmapDown", "LocalmapMapsRefused", "LocalmapNotReady"})


def dashboard(prometheus):
    """Prometheus answers each query of the dashboard, and most have data."""
    with open("deploy/grafana/dashboard.json") as file:
        panels = json.load(file)["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    variables = {"$job": ".*", "$instance": ".*", "$class": ".*", "$__rate_interval": "10s"}
    for name, text in variables.items():
        queries = [query.replace(name, text) for query in queries]
    empty = [query for query in queries if not query_result(prometheus, query)]
    print(f"{len(queries) - len(empty)} of {len(queries)} queries of the dashboard have data")
    # No operation was rejected, and the server has neither mirrors nor a guard.
    missing = ("outcome!~", "localmap_mirror_", "localmap_guard_")
    without = [query for query in queries if any(part in query for part in missing)]
    expect("queries without data", without, empty)


def durations(classic, native, window):
    """The same durations are in both kinds of histograms, and are all those of operations."""
    name = "localmap_operation_duration_seconds"
    operations = 'sum(localmap_operations_total{operation="increment"})'
    one = f'sum({name}_count{{operation="increment"}})'
    # Two histograms of one kind can be added; `sum` adds those of all classes.
    other = f'histogram_count(sum({name}{{operation="increment"}}))'

    def counts():
        found = [value(classic, operations), value(classic, one), value(native, other)]
        return found if len(set(found)) == 1 else None

    until("operations, and durations in both kinds of histograms", counts)
    print(f"{counts()[0]:.0f} operations")
    buckets = f"sum by (le) (rate({name}_bucket{window}))"
    one = value(classic, f"histogram_quantile(0.9, {buckets})")
    other = value(native, f"histogram_quantile(0.9, sum(rate({name}{window})))")
    print(f"90% of them take up to {one * 1e6:.2f} us; by native histograms {other * 1e6:.2f} us")
    # A classic bucket is as wide as four native ones.
    if not 0.4 < one / other < 2.5:
        fail("the two kinds of histograms differ")


def main():
    localmap, folder, guest = sys.argv[1:4]
    seconds = int(sys.argv[4]) if len(sys.argv) > 4 else 20
    log = os.path.join(folder, "serve.txt")
    options = ["--addr", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--map-scope", "header:x-tenant"]
    command = [localmap, "serve", guest, *options, "--metrics-tenants", str(NAMED), "--quiet"]
    with running(command, log):
        admin = address(log, "Admin on ")
        server = address(log, "Listening on ")
        for tenant in HOSTILE:
            expect(f"a request of {tenant}", 200, request(server, tenant))
        # They are the first ones that a scrape sees.
        get(admin, "/metrics")
        request(server, b"others")
        # A scrape has statistics that are at most a second old.
        until("others", lambda: 'tenant="other"' in get(admin, "/metrics")[2])
        formats(admin)
        stop = threading.Event()

        def requests():
            number = 0
            while not stop.is_set():
                number += 1
                request(server, f"tenant-{number % 200}".encode())

        worker = threading.Thread(target=requests)
        worker.start()
        try:
            folders = [os.path.join(folder, kind) for kind in ("classic", "native")]
            native = "--enable-feature=native-histograms"
            with (
                scraping(folders[0], admin) as classic,
                scraping(folders[1], admin, native) as native,
            ):
                time.sleep(seconds)
                window = f"[{seconds}s]"
                scraped(classic, window)
                scraped(native, window)
                rules(classic)
                dashboard(classic)
                stop.set()
                worker.join()
                durations(classic, native, window)
        finally:
            stop.set()
            worker.join()


main()
