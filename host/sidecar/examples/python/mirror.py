"""A local copy of a tenant's map, which the sidecar keeps up to date. See `Mirror`.

Copy it into your project and change it as you like. It needs `maps.py`.
"""

import queue
import threading
import time

import grpc
import maps_pb2 as pb
import maps_pb2_grpc

HELD_IN_A_MESSAGE = 5_000

# Another attempt would fail in the same way.
PERMANENT = [
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNIMPLEMENTED,
]


class Mirror:
    """A local copy of a tenant's map. Reads make no call.

    `accept(key, value)` may refuse an entry by raising `ValueError`. The mirror keeps what it held of
    the key, and the sidecar logs the reason. It must not call the mirror. `on_change()` is called after
    each message that was applied, in the thread of the mirror.

    When the stream is lost, the copy stays readable, and the mirror opens another one. `error` says why,
    until it is there. If another one cannot help, because the error is `INVALID_ARGUMENT`,
    `PERMISSION_DENIED` or `UNIMPLEMENTED`, the mirror has `failed`, and ends.
    """

    def __init__(self, channel, name, accept=None, on_change=None):
        self.name = name
        self.accept = accept or (lambda key, value: None)
        self.on_change = on_change or (lambda: None)
        self.synced = False
        self.error = None
        self.failed = False
        self._changed = threading.Condition()
        self._stub = maps_pb2_grpc.MapsStub(channel)
        self._lock = threading.Lock()
        self._entries = {}  # key: (value, version, deadline)
        self._epoch = self._revision = 0
        self._call = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def get(self, key):
        """Returns the value of `key`, or `None`."""
        entry = self.get_entry(key)
        return None if entry is None else entry[0]

    def get_entry(self, key):
        """Returns the value of `key`, its version and the seconds it has left, or `None`."""
        with self._lock:
            return self._entry(key, time.monotonic())

    def entries(self):
        """Returns the whole copy at one instant: for each key what `get_entry` returns."""
        with self._lock:
            now = time.monotonic()
            found = {key: self._entry(key, now) for key in self._entries}
        return {key: entry for key, entry in found.items() if entry is not None}

    def wait_until_synced(self, timeout=None):
        """Waits until the copy holds what the map held at the last message. Returns whether it does.

        Raises `error` if the mirror has failed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.synced or self.failed or self._closed, timeout)
            if self.failed:
                raise self.error
            return self.synced

    def close(self):
        """Ends the mirror."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._call:
            self._call.cancel()
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _entry(self, key, now):
        value, version, deadline = self._entries.get(key, (None, 0, now))
        if deadline is None:
            return value, version, None
        return (value, version, deadline - now) if deadline > now else None

    def _run(self):
        """Opens the stream, again and again. The copy stays readable while there is none."""
        backoff = 0.01
        while not self._closed and not self.failed:
            error = None
            try:
                for _ in self._follow():
                    backoff = 0.01
            except grpc.RpcError as lost:
                error = lost
            self._become(synced=False, error=error)
            if not self._closed and not self.failed:
                time.sleep(backoff)
                backoff = min(2, backoff * 2)

    def _become(self, synced, error=None):
        """Notes the state of the stream."""
        with self._changed:
            self.synced, self.error = synced, error
            self.failed = error is not None and error.code() in PERMANENT
            self._changed.notify_all()

    def _follow(self):
        """Applies and acknowledges messages until the stream ends. Yields after each one."""
        requests = queue.SimpleQueue()
        opening = pb.MirrorRequest.Open(
            tenant=self.name, epoch=self._epoch, revision=self._revision, can_compare=True
        )
        requests.put(pb.MirrorRequest(open=opening))
        # `None` ends the requests, and with them the thread of grpcio that reads them.
        self._call = self._stub.Mirror(iter(requests.get, None), wait_for_ready=True)
        if self._closed:
            self._call.cancel()
        try:
            for response in self._call:
                if response.compare:
                    for held in self._held():
                        requests.put(pb.MirrorRequest(held=held))
                    continue
                requests.put(self._apply(response))
                self._become(synced=not response.more)
                self.on_change()
                yield
        finally:
            requests.put(None)

    def _apply(self, response):
        """Applies a message, in the order of the protocol, and returns the reply."""
        now = time.monotonic()
        accepted, refused, reason = [], [], ""
        for entry in response.entries:
            try:
                self.accept(entry.key, entry.value)
                accepted.append(entry)
            except ValueError as error:
                refused.append(entry.key)
                reason = reason or str(error)
        with self._lock:
            if response.reset:
                self._entries.clear()
            for key in response.removed:
                self._entries.pop(key, None)
            for refresh in response.refreshed:
                value, version, _ = self._entries.get(refresh.key, (None, 0, None))
                # Another version is one that was refused.
                if version == refresh.version:
                    self._entries[refresh.key] = value, version, deadline(now, refresh)
            for entry in accepted:
                self._entries[entry.key] = entry.value, entry.version, deadline(now, entry)
            self._epoch, self._revision = response.epoch, response.revision
        if refused:
            nack = pb.MirrorRequest.Nack(nonce=response.nonce, keys=refused, message=reason)
            return pb.MirrorRequest(nack=nack)
        return pb.MirrorRequest(ack=pb.MirrorRequest.Ack(nonce=response.nonce))

    def _held(self):
        """Yields what is held, in parts."""
        held = [
            pb.MirrorRequest.HeldEntry(key=key, version=version, never_expires=deadline is None)
            for key, (_, version, deadline) in self._entries.items()
        ]
        for start in range(0, max(1, len(held)), HELD_IN_A_MESSAGE):
            part = held[start : start + HELD_IN_A_MESSAGE]
            last = start + HELD_IN_A_MESSAGE >= len(held)
            yield pb.MirrorRequest.Held(entries=part, last=last)


def deadline(now, entry):
    """Returns when an entry expires: spans count from the receipt. `None`: never."""
    if not entry.HasField("expires_in_nanos"):
        return None
    return now + entry.expires_in_nanos / 1_000_000_000
