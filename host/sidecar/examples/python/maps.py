"""A client of localmap's sidecar, on top of the code that grpcio-tools generates.

Copy it into your project and change it as you like. `README.md` says how the code is generated.
"""

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


def connect(path):
    """Returns a channel to the sidecar at `path`, an absolute path. Close it, or use it in a `with`."""
    return grpc.insecure_channel(f"unix:{path}", options=OPTIONS)


def seconds(ttl):
    """Returns a time to live of so many seconds."""
    return pb.Ttl(after_nanos=round(ttl * 1_000_000_000))


def version(number):
    """Returns the condition that the present value has this version."""
    return pb.Condition(version=number)


class Tenant:
    """The map of a tenant. Keys and values are `bytes`.

    `ttl` is `None` for the default of the map, `NEVER` or `seconds(…)`. A call waits for a sidecar that
    is not there yet. It raises `Rejected` if the map rejects a write, and `grpc.RpcError` if the call has
    failed, after `timeout` seconds at the latest.
    """

    def __init__(self, channel, name, timeout=10):
        self.name = name
        self.stub = maps_pb2_grpc.MapsStub(channel)
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
        """
        requests = (pb.PipelineRequest(tenant=self.name, operations=batch) for batch in batches)
        for response in self.stub.Pipeline(requests, wait_for_ready=True):
            yield list(response.results)

    @staticmethod
    def _result(response):
        kind = response.WhichOneof("result")
        if kind == "rejected":
            raise Rejected(response.rejected)
        return getattr(response, kind)
