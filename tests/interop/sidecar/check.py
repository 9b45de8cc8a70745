"""Checks the sidecar with grpcio, through the modules of the example.

check.py LOCALMAP FOLDER GUEST

GUEST is the component `quota`.
"""

import os
import sys
import threading
import time

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
import maps_pb2 as pb
import maps_pb2_grpc
from maps import ABSENT, NEVER, OPTIONS, PRESENT, Rejected, Tenant, connect, seconds, version
from server import expect, sidecar, until

MESSAGE = 4 << 20
KEY, VALUE = b"\x00\xff", bytes(range(256))


def rejection(call):
    """Returns the reason for which a call is rejected."""
    try:
        return f"not rejected: {call()}"
    except Rejected as rejected:
        return pb.Rejection.Reason.Name(rejected.rejection.reason).removeprefix("REASON_")


def failure(call):
    """Returns the status code with which a call fails, and its details."""
    try:
        return f"no failure: {call()}", ""
    except grpc.RpcError as error:
        return error.code().name, error.details()


def operations(channel):
    """Each RPC with one request and one response."""
    map_ = Tenant(channel, "operations")
    stored = map_.set(KEY, VALUE, seconds(60))
    entry = map_.get_entry(KEY)
    expect("get", (KEY, VALUE, stored), (entry.key, entry.value, entry.version))
    left = entry.expires_in_nanos / 1e9
    expect("the time left", (True, True), (59 < left <= 60, entry.HasField("expires_in_nanos")))
    expect("get of nothing", None, map_.get(b"nothing"))
    expect("get_many", [VALUE, None, VALUE], map_.get_many([KEY, b"nothing", KEY]))
    expect("contains", (True, False), (map_.contains(KEY), map_.contains(b"nothing")))
    changed = map_.set_if(KEY, b"", version(stored), NEVER)
    expect("set_if", (b"", False), (map_.get(KEY), map_.get_entry(KEY).HasField("expires_in_nanos")))
    expect("a conflict", "CONFLICT", rejection(lambda: map_.set_if(KEY, b"x", version(stored))))
    try:
        map_.set_if(KEY, b"x", ABSENT)
    except Rejected as rejected:
        expect("the present version", changed, rejected.rejection.current_version)
    expect("absent", "CONFLICT", rejection(lambda: map_.set_if(b"nothing", b"x", PRESENT)))
    expect("increment", [2, -1], [map_.increment(b"n", 2), map_.increment(b"n", -3)])
    expect("a counter", (-1).to_bytes(8, "little", signed=True), map_.get(b"n"))
    expect("no counter", "NOT_A_COUNTER", rejection(lambda: map_.increment(KEY)))
    map_.set(b"max", ((1 << 63) - 1).to_bytes(8, "little"))
    expect("overflow", "OVERFLOW", rejection(lambda: map_.increment(b"max")))
    expect("touch", (True, False), (map_.touch(KEY, seconds(9)), map_.touch(b"nothing", seconds(9))))
    expect("touched", (True, changed), (map_.get_entry(KEY).expires_in_nanos > 0, map_.get_entry(KEY).version))
    expect("a TTL of zero", "INVALID_TTL", rejection(lambda: map_.set(KEY, b"", pb.Ttl(after_nanos=0))))
    expect("an empty key", "INVALID_KEY", rejection(lambda: map_.set(b"", b"")))
    expect("take", (b"", None), (map_.take(KEY), map_.take(KEY)))
    expect("delete", (True, False), (map_.delete(b"n"), map_.delete(b"n")))
    stored = map_.set(KEY, b"v")
    expect("delete of another", "CONFLICT", rejection(lambda: map_.delete(KEY, version=stored + 1)))
    expect("delete of a version", True, map_.delete(KEY, version=stored))
    map_.delete(b"max")
    changes = [
        pb.Change(set=pb.Change.Set(key=b"a", value=b"1", condition=ABSENT)),
        pb.Change(increment=pb.Change.Increment(key=b"n", delta=-7)),
        pb.Change(touch=pb.Change.Touch(key=b"a", ttl=NEVER)),
        pb.Change(delete=pb.Change.Delete(key=b"nothing")),
    ]
    outcomes = map_.apply(changes)
    expect("apply", ["stored", "sum", "touched", "deleted"], [o.WhichOneof("kind") for o in outcomes])
    expect("its results", (-7, True, False), (outcomes[1].sum, outcomes[2].touched, outcomes[3].deleted))
    try:
        map_.apply([changes[1], changes[0]])
    except Rejected as rejected:
        expect("the rejected change", 1, rejected.rejection.index)
    expect("all or nothing", (-7).to_bytes(8, "little", signed=True), map_.get(b"n"))
    expect("scan", {b"a", b"n"}, {entry.key for entry in map_.scan()})
    for n in range(1_000):
        map_.set(b"many:%d" % n, bytes(2_000))
    found = [entry.key for entry in map_.scan(b"many:")]
    expect("scan of several pages", (1_000, 1_000), (len(found), len(set(found))))
    expect("get_many of several responses", 1_000, len([v for v in map_.get_many(found) if v]))
    stats = map_.stats()
    expect("stats", (1_002, True), (stats.entries, stats.payload > 2_000_000))
    expect("another tenant", [], list(Tenant(channel, "other").scan()))
    for name in ("", "a/b", "x" * 64, "é"):
        expect(f"the tenant {name!r}", "INVALID_ARGUMENT", failure(lambda: Tenant(channel, name).get(b"k"))[0])


def pipeline(channel):
    """Batches: each operation and its result, and many of them."""
    map_ = Tenant(channel, "pipeline")
    batch = [
        pb.Operation(set=pb.Change.Set(key=KEY, value=VALUE)),
        pb.Operation(get=KEY),
        pb.Operation(get_entry=KEY),
        pb.Operation(contains=KEY),
        pb.Operation(increment=pb.Change.Increment(key=KEY, delta=1)),
        pb.Operation(increment=pb.Change.Increment(key=b"n", delta=-5)),
        pb.Operation(touch=pb.Change.Touch(key=KEY, ttl=seconds(60))),
        pb.Operation(set=pb.Change.Set(key=KEY, value=b"x", condition=ABSENT)),
        pb.Operation(take=KEY),
        pb.Operation(get=KEY),
        pb.Operation(delete=pb.Change.Delete(key=b"n", version=1)),
        pb.Operation(delete=pb.Change.Delete(key=b"n")),
    ]
    (results,) = map_.pipeline([batch])
    kinds = "stored value entry present rejected sum present rejected value absent rejected present"
    expect("a pipeline", kinds.split(), [result.WhichOneof("kind") for result in results])
    expect("its values", [VALUE] * 3, [results[1].value, results[2].entry.value, results[8].value])
    expect("its counter", -5, results[5].sum)
    conflict = results[7].rejected
    expect("its conflict", (pb.Rejection.REASON_CONFLICT, results[0].stored), (conflict.reason, conflict.current_version))
    batches = [[pb.Operation(set=pb.Change.Set(key=b"%d" % n, value=b"%d" % n))] * 16 for n in range(500)]
    batches.append([pb.Operation(get=b"%d" % n) for n in range(500)])
    *sets, gets = map_.pipeline(batches)
    expect("many batches", [16] * 500, [len(results) for results in sets])
    expect("the order", [b"%d" % n for n in range(500)], [result.value for result in gets])


def arguments(channel):
    """Arguments that cannot be sent are errors, and nothing is sent."""

    def raised(call):
        try:
            return f"no error: {call()}"
        except (TypeError, ValueError) as error:
            return type(error).__name__

    map_ = Tenant(channel, "arguments")
    for span in (-1, 0, 1e-10, float("nan"), float("inf"), 1.9e10):
        expect(f"{span} seconds", "ValueError", raised(lambda: seconds(span)))
    expect("the longest time", 18 * 10**18, seconds(1.8e10).after_nanos)
    expect("half a visit", "TypeError", raised(lambda: map_.increment(b"c", 1.5)))
    expect("too many visits", "ValueError", raised(lambda: map_.increment(b"c", 1 << 63)))
    expect("no version", "TypeError", raised(lambda: map_.delete(b"c", "abc")))
    expect("a negative version", "ValueError", raised(lambda: version(-1)))
    expect("no TTL", "ValueError", raised(lambda: map_.set(b"c", b"", {"after_nano": 5})))
    expect("nothing is there", 0, map_.stats().entries)


def nobody(folder):
    """Where no sidecar is, calls and batches fail in time."""
    with connect(os.path.join(folder, "nobody.sock")) as channel:
        map_ = Tenant(channel, "nobody", timeout=0.1)
        expect("a call to nobody", "DEADLINE_EXCEEDED", failure(lambda: map_.get(b"k"))[0])
        for batches in ([], [[pb.Operation(get=b"k")]]):
            code, details = failure(lambda: list(map_.pipeline(batches)))
            expect(f"{len(batches)} batches to nobody", "DEADLINE_EXCEEDED", code)
            expect("the time", True, "0.1 s" in details)


def slow(channel):
    """The time for a batch does not run while the client has none, or does something else."""

    def batches():
        for _ in range(3):
            time.sleep(0.2)
            yield [pb.Operation(get=b"k")]

    map_ = Tenant(channel, "slow", timeout=0.1)
    answered = 0
    for _ in map_.pipeline(batches()):
        answered += 1
        time.sleep(0.2)
    expect("a slow client", 3, answered)


def sizes(channel):
    """Messages of 4 MiB are taken, in both directions, and not one byte more."""
    map_ = Tenant(channel, "sizes")

    def padded(length):
        request = pb.GetRequest(tenant="sizes", key=bytes(length))
        return pb.GetRequest(tenant="sizes", key=bytes(2 * length - request.ByteSize()))

    expect("a request of 4 MiB", MESSAGE, padded(MESSAGE).ByteSize())
    expect("its response", False, map_.stub.Get(padded(MESSAGE)).HasField("entry"))
    code, details = failure(lambda: map_.stub.Get(padded(MESSAGE + 1)))
    expect("one byte more", ("OUT_OF_RANGE", True), (code, "4194305" in details))

    def response(value):
        """Returns the length of the response to four reads, the last one of so many bytes."""
        map_.set(b"r", bytes(value))
        (results,) = map_.pipeline([[pb.Operation(get=b"k")] * 3 + [pb.Operation(get=b"r")]])
        return pb.PipelineResponse(results=results).ByteSize()

    map_.set(b"k", bytes(1 << 20))
    rest = MESSAGE - 3 * (1 << 20)
    rest -= response(rest - 100) - (MESSAGE - 100)
    expect("a response of 4 MiB", MESSAGE, response(rest))
    code, details = failure(lambda: response(rest + 1))
    expect("one byte more", True, code in ("OUT_OF_RANGE", "RESOURCE_EXHAUSTED"))
    expect("the connection goes on", None, map_.get(b"nothing"))


def guests(channel):
    """A guest that decides whether a client may go on, next to the map."""
    map_ = Tenant(channel, "guests")
    expect("a guest", [b"allowed 9", b"allowed 7"], [map_.call_guest("quota", r) for r in (b"al", b"al 2")])
    expect("its map", 1, map_.stats().entries)
    try:
        map_.call_guest("quota", b"al 11")
    except RuntimeError as error:
        expect("an error of a guest", True, "the limit is 10" in str(error))
    expect("a guest that is not there", "NOT_FOUND", failure(lambda: map_.call_guest("none", b""))[0])


def authority(server):
    """Without `grpc.default_authority`, calls fail, and the log names the cure."""
    with grpc.insecure_channel(f"unix:{server.path}") as channel:
        code, details = failure(lambda: Tenant(channel, "t").get(b"k"))
    expect("no grpc.default_authority", ("INTERNAL", True), (code, "RST_STREAM" in details))
    until("the log names the cure", lambda: "grpc.default_authority" in server.log())


def health(channel):
    """The health service, as probes of gRPC ask it."""
    stub = health_pb2_grpc.HealthStub(channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    for service in ("", "localmap.sidecar.v1.Maps"):
        request = health_pb2.HealthCheckRequest(service=service)
        expect(f"health of {service!r}", serving, stub.Check(request).status)
        watching = stub.Watch(request)
        expect("watched", serving, next(watching).status)
        watching.cancel()
    request = health_pb2.HealthCheckRequest(service="nobody")
    expect("health of nobody", "NOT_FOUND", failure(lambda: stub.Check(request))[0])


def reflection(channel):
    """Reflection, which grpcurl and others ask, in both versions."""
    for protocol in ("v1", "v1alpha"):
        ask = channel.stream_stream(
            f"/grpc.reflection.{protocol}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        listing = reflection_pb2.ServerReflectionRequest(list_services="")
        symbol = reflection_pb2.ServerReflectionRequest(file_containing_symbol="localmap.sidecar.v1.Maps.Mirror")
        services, files = ask(iter([listing, symbol]))
        names = {service.name for service in services.list_services_response.service}
        expect(f"reflection {protocol}", True, "localmap.sidecar.v1.Maps" in names)
        found = files.file_descriptor_response.file_descriptor_proto
        expect("the file", True, any(b"MirrorRequest" in file for file in found))


def pings(path):
    """A client that pings each second, without calls, keeps its connection."""
    options = [("grpc.keepalive_time_ms", 1_000), ("grpc.http2.max_pings_without_data", 0)]
    options += [("grpc.keepalive_permit_without_calls", 1), ("grpc.use_local_subchannel_pool", 1)]
    states = []
    with grpc.insecure_channel(f"unix:{path}", options=OPTIONS + options) as channel:
        map_ = Tenant(channel, "pings")
        map_.get(b"k")
        channel.subscribe(states.append)
        time.sleep(10)
        map_.get(b"k")
    expect("10 pings", [grpc.ChannelConnectivity.READY], states[:2])


def main():
    localmap, folder, guest = sys.argv[1:]
    options = ["--max-value", str(MESSAGE - 768), "--max-key", "512"]
    options += ["--guest", f"quota={guest}", "--env", "QUOTA_LIMIT=10", "--env", "QUOTA_WINDOW=1h"]
    with sidecar(localmap, folder, *options) as server, connect(server.path) as channel:
        grpc.channel_ready_future(channel).result(timeout=60)
        pinging = threading.Thread(target=pings, args=[server.path])
        pinging.start()
        operations(channel)
        pipeline(channel)
        arguments(channel)
        nobody(folder)
        slow(channel)
        sizes(channel)
        guests(channel)
        authority(server)
        health(channel)
        reflection(channel)
        pinging.join()


if __name__ == "__main__":
    main()
