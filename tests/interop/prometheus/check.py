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
    """Sends a request of a tenant, whose name may be any bytes of a header. Returns its status."""
    host, port = server.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-tenant: "
        connection.sendall(head + tenant + b"\r\n\r\n")
        answer = connection.makefile("rb").readline()
    return int(answer.split()[1])


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
    """promtool and both parsers read the metrics, which are the same in both formats."""
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


def query(prometheus, expression):
    path = "/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    status, _, body = get(prometheus, path)
    answer = json.loads(body)
    if status != 200 or answer["status"] != "success":
        fail(f"{expression}: {body}")
    return answer["data"]["result"]


def value(prometheus, expression):
    """Returns the value of the only series of a result; `None` if there is none."""
    result = query(prometheus, expression)
    return float(result[0]["value"][1]) if len(result) == 1 else None


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def scraped(folder, admin, seconds):
    """A Prometheus scrapes the metrics, loads the rules, and answers queries."""
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
    ]
    with running(command, os.path.join(folder, "prometheus.txt")):
        up = 'up{job="localmap"}'

        def is_ready():
            try:
                return get(prometheus, "/-/ready")[0] == 200
            except OSError:
                return False

        until("Prometheus is ready", is_ready)
        until("Prometheus scrapes", lambda: value(prometheus, up) == 1)
        time.sleep(seconds)
        window = f"[{seconds}s]"
        failed = value(prometheus, f"count_over_time({up}{window}) - sum_over_time({up}{window})")
        expect("failed scrapes", 0, failed)
        if not value(prometheus, f"sum(rate(localmap_requests_total{window}))") > 0:
            fail("no request was counted")
        names = json.loads(get(prometheus, "/api/v1/label/__name__/values")[2])["data"]
        counters = [name for name in names if name.startswith("localmap_")]
        counters = [name for name in counters if name.endswith(("_total", "_count", "_bucket"))]
        decreased = [name for name in counters if value(prometheus, f"sum(resets({name}{window}))")]
        expect(f"those of {len(counters)} counters that decrease", [], decreased)
        quantile = (
            "histogram_quantile(0.99, sum by (le) "
            f"(rate(localmap_operation_duration_seconds_bucket{window})))"
        )
        taken = value(prometheus, quantile)
        if taken is None or not 1e-8 < taken < 1:
            fail(f"99% of the operations take up to {taken} s")
        print(f"99% of the operations take up to {taken * 1e6:.2f} us")
        stored = value(prometheus, 'scrape_samples_post_metric_relabeling{job="localmap"}')
        print(f"{stored:.0f} series, a scrape takes {value(prometheus, 'scrape_duration_seconds') * 1e3:.1f} ms")
        if not stored < 1_000:
            fail(f"there are {stored} series")
        _, _, body = get(prometheus, "/api/v1/rules")
        found = [rule for group in json.loads(body)["data"]["groups"] for rule in group["rules"]]
        health = {rule["health"] for rule in found}
        expect("the health of the rules", {"ok"}, health)
        firing = {rule["name"] for rule in found if rule["state"] == "firing"}
        expect("alerts", set(), firing & {"LocalmapDown", "LocalmapMapsRefused", "LocalmapNotReady"})


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
        stop = threading.Event()

        def requests():
            number = 0
            while not stop.is_set():
                number += 1
                request(server, f"tenant-{number % 200}".encode())

        worker = threading.Thread(target=requests)
        worker.start()
        try:
            # A scrape has statistics that are at most a second old.
            until("others", lambda: 'tenant="other"' in get(admin, "/metrics")[2])
            text = formats(admin)
            scraped(folder, admin, seconds)
            lines = len(get(admin, "/metrics")[2].splitlines())
            print(f"{lines} lines of metrics, {len(text)} bytes at first")
        finally:
            stop.set()
            worker.join()


main()
