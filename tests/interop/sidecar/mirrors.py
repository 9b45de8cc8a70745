"""Compares the mirror of the example in Python with a scan, while two writers write and entries expire.

mirrors.py LOCALMAP FOLDER
"""

import random
import sys
import threading
import time

import grpc
import maps_pb2 as pb
from maps import NEVER, Rejected, Tenant, connect, seconds
from mirror import Mirror
from server import expect, sidecar, until

ROUNDS, WRITES, KEYS = 5, 400, 150
# The time within which an expiry and a change are told, on a machine that does other work too.
PATIENCE = 10
TOLERANCE = 0.5


def write(map_, seed):
    """Makes random writes, some of which expire soon."""
    choose = random.Random(seed)
    for _ in range(WRITES):
        key = b"\x00\xff%d" % choose.randrange(KEYS)
        ttl = choose.choice([NEVER, NEVER, seconds(60), seconds(choose.uniform(0.01, 0.3))])
        kind = choose.randrange(8)
        if kind < 4:
            map_.set(key, choose.randbytes(choose.randrange(200)), ttl)
        elif kind < 5:
            map_.touch(key, ttl)
        elif kind < 6:
            map_.delete(key)
        elif kind < 7:
            map_.apply(
                [
                    pb.Change(delete=pb.Change.Delete(key=key)),
                    pb.Change(set=pb.Change.Set(key=key + b"!", value=b"applied", ttl=ttl)),
                ]
            )
        else:
            try:
                map_.increment(b"counter%d" % choose.randrange(9), choose.randrange(-5, 5), ttl)
            except Rejected as rejected:
                sys.exit(f"increment: {rejected}")


def differences(map_, mirror):
    """Returns how the copy differs from the map, if nobody writes."""
    scanned = {entry.key: entry for entry in map_.scan()}
    copy = mirror.entries()
    found = [f"not held: {key!r}" for key in scanned.keys() - copy.keys()]
    for key, (value, version, left) in copy.items():
        entry = scanned.get(key)
        if entry is None:
            found.append(f"gone from the map: {key!r}, {left} left")
        elif (value, version) != (entry.value, entry.version):
            found.append(f"another value: {key!r}: {version}, not {entry.version}")
        else:
            mapped = entry.expires_in_nanos / 1e9 if entry.HasField("expires_in_nanos") else None
            if (left is None) != (mapped is None) or (left and abs(left - mapped) > TOLERANCE):
                found.append(f"another time left: {key!r}: {left}, not {mapped}")
    return found


def settle(map_, mirror, what):
    """Waits until map and copy are equal."""
    end = time.monotonic() + PATIENCE
    while found := differences(map_, mirror):
        if time.monotonic() > end:
            sys.exit(f"{what}: {found[:5]}")
        time.sleep(0.01)
    print(f"{what}: equal, {len(mirror.entries())} entries")


def write_at_the_same_time(map_, seed):
    writers = [threading.Thread(target=write, args=[map_, seed + n]) for n in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()


def refuse_secrets(key, value):
    if value == b"secret":
        raise ValueError("no secrets")


def main():
    localmap, folder = sys.argv[1:]
    with sidecar(localmap, folder) as server, connect(server.path) as channel:
        map_ = Tenant(channel, "mirrored", timeout=60)
        map_.set(b"before", b"1")
        with Mirror(channel, "mirrored", accept=refuse_secrets) as mirror:
            expect("the first copy", (True, b"1"), (mirror.wait_until_synced(60), mirror.get(b"before")))
            for round_ in range(ROUNDS):
                write_at_the_same_time(map_, 10 * round_)
                settle(map_, mirror, f"round {round_}")
            refused(map_, mirror)
            expiry(map_, mirror)
            cut_off(map_, mirror)
            restart(map_, mirror, server)
            failing(channel)
    print("the mirror of the example in Python: passed")


def refused(map_, mirror):
    """A refused value is counted, and the next one is offered."""
    map_.set(b"k", b"public")
    map_.set(b"k", b"secret")
    map_.set(b"after", b"")
    until("it is offered", lambda: mirror.get(b"after") is not None)
    until("it is counted", lambda: map_.stats().refused_by_mirrors >= 1)
    expect("a refused value", b"public", mirror.get(b"k"))
    map_.set(b"k", b"public again")
    settle(map_, mirror, "after a refusal")


def failing(channel):
    """A mirror whose `open` is wrong does not try again."""
    with Mirror(channel, "a/b") as mirror:
        try:
            found = mirror.wait_until_synced(60)
        except grpc.RpcError as error:
            found = error.code()
        expect("a mirror of no tenant", grpc.StatusCode.INVALID_ARGUMENT, found)
        mirror._thread.join(timeout=60)
        expect("it has ended", (False, True), (mirror._thread.is_alive(), mirror.failed))
    expect("its error", grpc.StatusCode.INVALID_ARGUMENT, mirror.error.code())


def expiry(map_, mirror):
    """An entry leaves the copy soon after its deadline, although nobody calls."""
    map_.set(b"short", b"", seconds(0.3))
    written = time.monotonic()
    until("it arrives", lambda: mirror.get(b"short") is not None)
    until("it expires", lambda: mirror.get(b"short") is None)
    lived = time.monotonic() - written
    expect("an expiry", True, 0.29 < lived < 0.3 + TOLERANCE)


def cut_off(map_, mirror):
    """A stream that is cut is resumed. Nothing is lost."""
    mirror._call.cancel()
    write_at_the_same_time(map_, 1_000)
    settle(map_, mirror, "after a cut")


def restart(map_, mirror, server):
    """After a crash of the sidecar, the copy is readable, and then that of the new map."""
    server.kill()
    expect("the copy of a sidecar that is gone", b"public again", mirror.get(b"k"))
    server.start()
    map_.set(b"new", b"1")
    settle(map_, mirror, "after a restart")
    expect("the old map is gone", None, mirror.get(b"k"))


if __name__ == "__main__":
    main()
