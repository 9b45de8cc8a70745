"""The map component under wasmtime for Python, used like any component, by the types of its WIT.
It needs only a clock and a seed.
"""

from wasmtime import Engine, Store
from wasmtime.component import Component, Linker, Record

LOCAL_MAP = "localmap:core/local-map@0.1.0"
CONTROL = "localmap:core/control@0.1.0"


class Host:
    """Holds what all maps share: the compiled component, and a clock that the tests set.

    `unit` is the number of nanoseconds in which they count."""

    def __init__(self, path, unit=1):
        self.now, self.unit = 0, unit
        self.engine = Engine()
        self.component = Component.from_file(self.engine, path)
        self.linker = Linker(self.engine)
        with self.linker.root() as root:
            with root.add_instance("wasi:clocks/monotonic-clock@0.2.0") as clock:
                clock.add_func("now", lambda _store: min(self.now * self.unit, 2**64 - 1))
            with root.add_instance("wasi:random/insecure-seed@0.2.0") as seed:
                seed.add_func("insecure-seed", lambda _store: (0x6C6F63616C, 0x6D6170))


class Map:
    """One instance of the component, in its own store. Functions are called by name:
    `map.call("get", b"key")`."""

    def __init__(self, host):
        self.store = Store(host.engine)
        self.instance = host.linker.instantiate(self.store, host.component)
        self.functions = {}

    def call(self, name, *arguments, interface=LOCAL_MAP):
        """Calls a function. A `result` is the value itself, or the `Variant` of the error."""
        function = self.functions.get((interface, name))
        if function is None:
            within = self.instance.get_export_index(self.store, interface)
            index = self.instance.get_export_index(self.store, name, within)
            function = self.instance.get_func(self.store, index)
            self.functions[interface, name] = function
        return function(self.store, *arguments)

    def control(self, name, *arguments):
        return self.call(name, *arguments, interface=CONTROL)

    def pinned(self, pin):
        """Returns the value and the version that a pin holds."""
        value = self.call("[method]pinned.value", pin)
        return value, self.call("[method]pinned.version", pin)

    def unpin(self, pin):
        pin.drop(self.store)

    def get_many(self, keys):
        """Returns all values. An answer has at most 1 MiB of them, so the call is repeated."""
        values = []
        while len(values) < len(keys):
            answer = self.call("get-many", keys[len(values) :])
            assert answer, "get-many returned no value"
            values += answer
        return values


def record(**fields):
    """Returns a record of the WIT. `_` in a name stands for `-`."""
    made = Record()
    for name, value in fields.items():
        setattr(made, name.replace("_", "-"), value)
    return made
