"""Runs vectors through `localmap.py`, on the map component under wasmtime for Python.

    python client.py MAP VECTORS BINDINGS MODULE

where MAP is the component, VECTORS their folder, BINDINGS the folder into which componentize-py
wrote the bindings of a guest, and MODULE that of `localmap.py`.

The module counts time in microseconds and the vectors in nanoseconds, so here a nanosecond of the
vectors is a microsecond of the map, and the end of the clock is that of the map as well.
"""

import sys
from datetime import timedelta
from pathlib import Path

from wasmtime.component import Record, Variant

import case
import vectors
from host import Host, Map
from tokens import Fault

# Those that name neither the end of the clock nor thousands of entries.
FILES = ["all-or-nothing", "batches", "bytes", "pins", "versions", "writes"]

SCALE = 1000
LONGEST = (2**64 - 1) // SCALE


def install(bindings, module):
    """Imports `localmap.py` from the folder `module`, on the bindings that componentize-py wrote into
    the folder `bindings`. Returns a class with the interface of `Map`."""
    sys.path[:0] = [str(Path(bindings)), str(Path(module))]
    from wit_world.imports import local_map
    from componentize_py_types import Err

    current = []

    def lower(given):
        """Turns a value of the bindings into one of wasmtime for Python."""
        if isinstance(given, list):
            return [lower(each) for each in given]
        if not hasattr(given, "__dataclass_fields__"):
            return given
        fields = {name: lower(getattr(given, name)) for name in given.__dataclass_fields__}
        _, case, tag = type(given).__name__.partition("_")
        if case:
            return Variant(kebab(tag), fields.get("value"))
        record = Record()
        for name, value in fields.items():
            setattr(record, name.replace("_", "-"), value)
        return record

    def lift(given, kind="Error"):
        """Turns an answer of wasmtime for Python into one of the bindings."""
        if isinstance(given, Variant):
            case = getattr(local_map, f"{kind}_{''.join(map(str.title, given.tag.split('-')))}")
            fields = [lift(given.payload, "KeyFault")] if case.__dataclass_fields__ else []
            return case(*fields)
        if isinstance(given, (list, tuple)):
            return type(given)(lift(each, kind) for each in given)
        if hasattr(given, "expires-in"):
            given.expires_in = getattr(given, "expires-in")
        return given

    def function(name):
        def call(*arguments):
            answer = current[-1].direct(name, *map(lower, arguments))
            failed = isinstance(answer, tuple) and isinstance(answer[1], Variant)
            if isinstance(answer, Variant) or failed:
                raise Err(lift(answer))
            if name == "apply":
                return lift(answer, "Outcome")
            if name == "scan":
                answer.entries = lift(answer.entries)
            return Pin(answer) if name == "pin" and answer is not None else lift(answer)

        return call

    class Pin:
        def __init__(self, pin):
            self.pin, self.map = pin, current[-1]

        def value(self):
            return self.map.direct("[method]pinned.value", self.pin)

        def version(self):
            return self.map.direct("[method]pinned.version", self.pin)

        def __exit__(self, *_):
            self.pin.drop(self.map.store)

    for name in ["get", "get_entry", "get_many", "contains", "set", "set_if", "increment", "touch",
                 "take", "delete", "delete_if", "apply", "pin", "scan", "len"]:
        assert hasattr(local_map, name), name
        setattr(local_map, name, function(kebab(name)))

    import localmap

    class Client(Map):
        """A map that is called through `localmap.py`, with the arguments and answers of `Map`."""

        def __init__(self, host):
            super().__init__(host)
            current[:] = [self]
            self.client = localmap.LocalMap()

        def direct(self, name, *arguments):
            return super().call(name, *arguments)

        def call(self, name, *arguments, **interface):
            if interface:
                return super().call(name, *arguments, **interface)
            try:
                return self.answer(name, list(arguments))
            except localmap.Error as error:
                refusal = variant(error)
                return refusal if error.index is None else (error.index, refusal)

        def answer(self, name, arguments):
            method = getattr(self.client, name.replace("-", "_"), None)
            match name:
                case "len":
                    return len(self.client)
                case "set" | "touch" | "increment":
                    return method(*arguments[:-1], span(arguments[-1]))
                case "set-if":
                    key, value, ttl, condition = arguments
                    return method(key, value, span(ttl), condition=condition_of(condition))
                case "get-entry":
                    return record(method(*arguments))
                case "apply":
                    made = [change(each) for each in arguments[0]]
                    outcomes = method(made)
                    return [outcome(c.tag, o) for c, o in zip(arguments[0], outcomes, strict=True)]
                case "scan":
                    page = self.client.scan_page(*arguments)
                    return Page([record(each) for each in page.entries], page.next)
                case _:
                    return method(*arguments)

        def control(self, name, *arguments):
            limits = arguments[0] if name == "configure" else None
            if limits is not None and getattr(limits, "default-ttl"):
                setattr(limits, "default-ttl", getattr(limits, "default-ttl") * SCALE)
            answer = super().control(name, *arguments)
            if name == "current-limits" and getattr(answer, "default-ttl"):
                setattr(answer, "default-ttl", getattr(answer, "default-ttl") // SCALE)
            return answer

        def pinned(self, pin):
            return pin.value, pin.version

        def unpin(self, pin):
            pin.release()

        def get_many(self, keys):
            return self.client.get_many(keys)

    class Page:
        def __init__(self, entries, following):
            self.entries, self.next = entries, following

    def span(ttl):
        if ttl.tag == "after":
            return timedelta(microseconds=min(ttl.payload, LONGEST))
        return localmap.NEVER if ttl.tag == "never" else localmap.DEFAULT

    def condition_of(condition):
        if condition.tag == "version":
            return condition.payload
        return localmap.Condition[condition.tag.upper()]

    def change(given):
        if given.tag == "delete":
            return localmap.Change.delete(given.payload)
        fields = {name.replace("-", "_"): value for name, value in vars(given.payload).items()}
        if "ttl" in fields:
            fields["ttl"] = span(fields["ttl"])
        if "condition" in fields:
            fields["condition"] = condition_of(fields["condition"])
        return getattr(localmap.Change, given.tag.replace("-", "_"))(**fields)

    def outcome(tag, value):
        tags = {"set": "stored", "set-if": "stored", "increment": "counter", "touch": "touched"}
        return Variant(tags.get(tag, "deleted"), value)

    def record(entry):
        if entry is None:
            return None
        made = Record()
        for name, value in vars(entry).items():
            setattr(made, name.replace("_", "-"), value)
        left = entry.expires_in
        setattr(made, "expires-in", None if left is None else left // timedelta(microseconds=1))
        return made

    def variant(error):
        match error:
            case localmap.ValueTooLarge():
                return Variant("value-too-large", error.max)
            case localmap.Conflict():
                return Variant("conflict", error.current)
            case localmap.InvalidKey() if "UTF-8" in str(error):
                return Variant("invalid-key", Variant("not-utf8"))
            case localmap.InvalidKey() if "empty" in str(error):
                return Variant("invalid-key", Variant("empty"))
            case localmap.InvalidKey():
                length = str(error).partition(" has ")[2].split()[0]
                return Variant("invalid-key", Variant("too-long", int(length)))
            case localmap.Error():
                return Variant(kebab(type(error).__name__))

    return Client


def kebab(name):
    """Turns `NotUtf8` and `get_many` into names of the WIT."""
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
    return words.strip("-").replace("_", "-")


def main(component, folder, bindings, module):
    case.Map = install(bindings, module)
    host, total = Host(component, SCALE), 0
    for name in FILES:
        script = Path(folder, f"{name}.txt").read_bytes()
        vectors.must_fail(host, name, vectors.altered(script))
        total += vectors.run(host, name, script)[0]
    print(f"localmap.py answers {total} steps of {len(FILES)} files as expected")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Fault as fault:
        sys.exit(f"Error: {fault}")
