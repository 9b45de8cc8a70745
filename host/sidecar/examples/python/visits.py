"""Counts visits in the map of a tenant, and reads them from a mirror.

python visits.py /run/localmap/maps.sock
"""

import sys
import time

import maps_pb2 as pb
from maps import Rejected, Tenant, connect, seconds, version
from mirror import Mirror

path = sys.argv[1] if len(sys.argv) > 1 else "/run/localmap/maps.sock"
with connect(path) as channel, Mirror(channel, "shop") as mirror:
    shop = Tenant(channel, "shop")
    print("visits:", shop.increment(b"visits", ttl=seconds(3600)))

    # Two writers that do not overwrite each other.
    read = shop.set(b"cart:7", b"tea", ttl=seconds(1800))
    shop.set_if(b"cart:7", b"tea, milk", version(read), ttl=seconds(1800))
    try:
        shop.set_if(b"cart:7", b"tea, salt", version(read), ttl=seconds(1800))
    except Rejected as rejected:
        print("rejected:", rejected)

    # Many operations in one message.
    ttl = seconds(1800)
    batch = [pb.Operation(set=pb.Change.Set(key=b"cart:%d" % n, value=b"tea", ttl=ttl)) for n in range(16)]
    for results in shop.pipeline([batch, [pb.Operation(get=b"cart:3")]]):
        print("results:", len(results), "first:", results[0].WhichOneof("kind"))

    # The copy has them a moment later.
    while mirror.get(b"cart:15") is None:
        time.sleep(0.001)
    print("in the mirror:", mirror.get(b"cart:15"), len(mirror.entries()))
