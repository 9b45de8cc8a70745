"""A client of localmap's sidecar, on top of the code that grpcio-tools generates.

Copy it into your project and change it as you like. `README.md` says how the code is generated.
"""

import contextlib
import math
import threading
import time

import grpc
import maps_pb2 as pb
import maps_pb2_grpc

NEVER = pb.Ttl(never=True)
ABSENT = pb.Condition(absent=True)
PRESENT = pb.Condition(present=True)

# By default grpcio sends the path of the socket as the `:authority` of each request. Slashes are not
# valid there, so the sidecar refuses the request, and grpcio reports
# "Stream removed (RST_STREAM (Received RST_STREAM with error code 1))".
OPTIONS = [("grpc.default_authority", "localhost")]


class Rejected(Exception):
    """A write that the map has rejected. It has changed nothing.

    `rejection.reason` is one of `pb.Rejection.REASON_…`, and `rejection.current_version`, if
    `rejection.HasField("current_version")`, is the version of the present value of a conflict.
    """

    def __init__(self, rejection):
        super().__init__(rejection.message)
        self.rejection = rejection


class TimedOut(grpc.RpcError):
    """A pipeline whose next batch was not answered in time. What became of that batch is not known."""

    def code(self):
        """Returns `DEADLINE_EXCEEDED`, as a call that has timed out does."""
        return grpc.StatusCode.DEADLINE_EXCEEDED

    def details(self):
        """Returns the message."""
        return str(self)


def connect(path):
    """Returns a channel to the sidecar at `path`, an absolute path. Close it, or use it in a `with`."""
    return grpc.insecure_channel(f"unix:{path}", options=OPTIONS)


def seconds(ttl):
    """Returns a time to live in seconds: at least 1 ns, at most 2^64 - 1 of them, which are 584 years."""
    # `round` takes neither NaN nor an infinity.
    nanos = round(ttl * 1_000_000_000) if math.isfinite(ttl) else 0
    if not 0 < nanos < 1 << 64:
        raise ValueError(f"{ttl} seconds are no time to live: use 1e-9 to 1.8e10, or NEVER")
    return pb.Ttl(after_nanos=nanos)


def version(number):
    """Returns the condition that the present value has this version."""
    return pb.Condition(version=number)


class Tenant:
    """The map of a tenant. Keys and values are `bytes`.

    `ttl` is `None` for the default of the map, `NEVER` or `seconds(…)`. A call waits for a sidecar that
    is not there yet. It raises `Rejected` if the map rejects a write, and `grpc.RpcError` if the call has
    failed, after `timeout` seconds at the latest: `DEADLINE_EXCEEDED`, for example because there is no
    sidecar. An argument that cannot be sent is a `TypeError` or a `ValueError`.
    """

    def __init__(self, channel, name, timeout=10):
        self.name = name
        self.stub = maps_pb2_grpc.MapsStub(channel)
        self.timeout = timeout
        self.options = {"timeout": timeout, "wait_for_ready": True}

    def get(self, key):
        """Returns the value of `key`, or `None`."""
        entry = self.get_entry(key)
        return None if entry is None else entry.value

    def get_entry(self, key):
        """Returns the entry of `key`, or `None`: `value`, `version` and `expires_in_nanos`."""
        response = self.stub.Get(pb.GetRequest(tenant=self.name, key=key), **self.options)
        return response.entry if response.HasField("entry") else None

    def get_many(self, keys):
        """Returns the values of several keys, or `None` for each that is absent."""
        keys, values = list(keys), []
        while len(values) < len(keys):
            # A response has at most 1 MiB of values, but at least one of them.
            request = pb.GetManyRequest(tenant=self.name, keys=keys[len(values) :])
            found = self.stub.GetMany(request, **self.options).values
            values += [value.value if value.HasField("value") else None for value in found]
        return values

    def contains(self, key):
        """Returns whether `key` is present."""
        request = pb.ContainsRequest(tenant=self.name, key=key)
        return self.stub.Contains(request, **self.options).present

    def set(self, key, value, ttl=None):
        """Stores a value and returns its version."""
        request = pb.SetRequest(tenant=self.name, key=key, value=value, ttl=ttl)
        return self._result(self.stub.Set(request, **self.options))

    def set_if(self, key, value, condition, ttl=None):
        """Stores a value if `ABSENT`, `PRESENT` or `version(…)` holds, and returns its version."""
        request = pb.SetIfRequest(
            tenant=self.name, key=key, value=value, ttl=ttl, condition=condition
        )
        return self._result(self.stub.SetIf(request, **self.options))

    def increment(self, key, delta=1, ttl=None):
        """Adds to a counter and returns the sum. An absent counter is 0 and gets the TTL."""
        request = pb.IncrementRequest(tenant=self.name, key=key, delta=delta, ttl=ttl)
        return self._result(self.stub.Increment(request, **self.options))

    def touch(self, key, ttl=None):
        """Gives an entry a new TTL. Returns whether the key was present."""
        request = pb.TouchRequest(tenant=self.name, key=key, ttl=ttl)
        return self._result(self.stub.Touch(request, **self.options))

    def take(self, key):
        """Deletes `key` and returns its value, or `None`."""
        response = self.stub.Take(pb.TakeRequest(tenant=self.name, key=key), **self.options)
        return response.value if response.HasField("value") else None

    def delete(self, key, version=None):
        """Deletes `key`, or only the value of this version. Returns whether the key was present."""
        request = pb.DeleteRequest(tenant=self.name, key=key, version=version)
        return self._result(self.stub.Delete(request, **self.options))

    def apply(self, changes):
        """Makes all `pb.Change`s or none of them. Returns a `pb.Outcome` for each."""
        request = pb.ApplyRequest(tenant=self.name, changes=changes)
        response = self.stub.Apply(request, **self.options)
        if response.HasField("rejected"):
            raise Rejected(response.rejected)
        return list(response.outcomes)

    def scan(self, prefix=b""):
        """Yields the entries whose keys begin with `prefix`."""
        cursor = 0
        while cursor is not None:
            request = pb.ScanRequest(tenant=self.name, prefix=prefix, cursor=cursor)
            page = self.stub.Scan(request, **self.options)
            yield from page.entries
            cursor = page.next if page.HasField("next") else None

    def stats(self):
        """Returns the statistics of the map."""
        return self.stub.Stats(pb.StatsRequest(tenant=self.name), **self.options)

    def call_guest(self, guest, request):
        """Calls a guest of the sidecar. Returns its response, or raises its error."""
        request = pb.CallGuestRequest(tenant=self.name, guest=guest, request=request)
        response = self.stub.CallGuest(request, **self.options)
        if response.WhichOneof("result") == "error":
            raise RuntimeError(response.error)
        return response.response

    def pipeline(self, batches):
        """Yields a list of `pb.OperationResult` for each batch, a list of `pb.Operation`.

        `batches` is any iterable. A thread of grpcio reads it while the results of earlier batches are
        on their way, so that several batches are under way at a time.

        Raises `TimedOut`, which is a `grpc.RpcError`, if the next batch is not answered within `timeout`
        seconds. The whole may last as long as it likes: a deadline of gRPC would end it.
        """
        watch = _Watch(self.timeout)
        requests = (pb.PipelineRequest(tenant=self.name, operations=batch) for batch in batches)
        call = self.stub.Pipeline(watch.sent(requests), wait_for_ready=True)
        try:
            with watch.over(call):
                while (response := watch.next_of(call)) is not None:
                    yield list(response.results)
        finally:
            call.cancel()

    @staticmethod
    def _result(response):
        kind = response.WhichOneof("result")
        if kind == "rejected":
            raise Rejected(response.rejected)
        return getattr(response, kind)


class _Watch:
    """Cancels a stream on which a response does not come in time, in a thread of its own.

    The time runs while a response is waited for and a request is under way.
    """

    def __init__(self, timeout):
        self.timeout = timeout
        self.expired = False
        self._lock = threading.Lock()
        self._under_way = 0
        self._waiting = False
        self._since = None  # when the wait for the next response began
        self._ended = threading.Event()

    def sent(self, requests):
        """Passes on the requests. Their end is one more: the stream is to end, too."""
        for request in requests:
            self._add(1)
            yield request
        self._add(1)

    @contextlib.contextmanager
    def over(self, call):
        """Watches a call."""
        threading.Thread(target=self._run, args=[call], daemon=True).start()
        try:
            yield
        finally:
            self._ended.set()

    def next_of(self, call):
        """Returns the next response, or `None` at the end."""
        self._wait(True)
        try:
            response = next(call, None)
        except grpc.RpcError:
            if not self.expired:
                raise
            message = f"no results within {self.timeout} s: is the sidecar there?"
            raise TimedOut(message) from None
        self._wait(False)
        self._add(-1)
        return response

    def _add(self, requests):
        with self._lock:
            self._under_way += requests
            self._begin()

    def _wait(self, waiting):
        with self._lock:
            self._waiting = waiting
            self._since = None
            self._begin()

    def _begin(self):
        if self._waiting and self._under_way > 0 and self._since is None:
            self._since = time.monotonic()

    def _run(self, call):
        # A wait that begins meanwhile ends after this one.
        left = self.timeout
        while not self._ended.wait(left):
            with self._lock:
                since = self._since
            left = self.timeout if since is None else since + self.timeout - time.monotonic()
            if left <= 0:
                self.expired = True
                call.cancel()
                return
