"""Checks each row of "What surprises under wasmtime for Python" in docs/other-hosts.md.

    python host.py MAP

where MAP is the map component.
"""

import sys
from pathlib import Path

from wasmtime import WasmtimeError
from wasmtime.component import Variant

sys.path.insert(0, str(Path(__file__).parent.parent))
from host import Host, Map  # noqa: E402 - from the folder above

NEVER = Variant("never")
SHUT = "cannot enter component instance"


def fails(kind, words, function, *arguments):
    try:
        answer = function(*arguments)
    except kind as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"no {kind.__name__}: {arguments} gave {answer!r}")


def text(of):
    for key in ["k", bytearray(b"k"), memoryview(b"k"), None, [107]]:
        fails(TypeError, "expected bytes value", of.call, "get", key)
    fails(TypeError, "expected bytes value", of.call, "set", b"k", "hello", NEVER)
    fails(TypeError, "expected list value", of.call, "get-many", (b"k",))
    assert of.call("get", b"k") == b"v"


def seconds(of):
    fails(TypeError, "expected Variant type", of.call, "set", b"k", b"v", 60)
    fails(TypeError, "expected int", of.call, "increment", b"n", 1.0, NEVER)


def numbers(of):
    of.call("set", b"k", b"v", Variant("after", -1))
    assert getattr(of.call("get-entry", b"k"), "expires-in") == 2**64 - 1
    assert of.call("set", b"k", b"v", Variant("after", 2**64)).tag == "invalid-ttl"
    assert of.call("increment", b"n", 2**63, NEVER) == -(2**63)


def refusal(of):
    refused = of.call("set", b"", b"v", NEVER)
    assert isinstance(refused, Variant) and refused.tag == "invalid-key" and bool(refused)


def pins(of):
    for count in range(1024):
        pin = of.call("pin", b"k")
        assert not isinstance(pin, Variant), count
    assert of.call("pin", b"k").tag == "full"
    pin.drop(of.store)
    with of.call("pin", b"k") as pin:  # ends the object in Python alone
        assert of.pinned(pin) == (b"v", 1)
    assert of.call("pin", b"k").tag == "full"


def pin_after(of):
    pin = of.call("pin", b"k")
    pin.drop(of.store)
    fails(WasmtimeError, "unknown handle", of.pinned, pin)
    fails(WasmtimeError, SHUT, of.call, "get", b"k")


def clock(of):
    of.call("set", b"t", b"v", Variant("after", 10**9))
    of.host.now = "noon"
    fails(TypeError, "", of.call, "get", b"t")
    of.host.now = 0
    fails(WasmtimeError, SHUT, of.call, "get", b"k")


def main(component):
    host = Host(component)
    rows = [text, seconds, numbers, refusal, pins, pin_after, clock]
    for row in rows:
        of = Map(host)
        of.host = host
        of.call("set", b"k", b"v", NEVER)
        row(of)
    print(f"what surprises under wasmtime for Python: {len(rows)} rows, as expected")


if __name__ == "__main__":
    main(*sys.argv[1:])
