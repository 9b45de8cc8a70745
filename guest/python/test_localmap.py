"""Tests localmap.py without a component, on a map of a few lines in place of the bindings.

    python3 -m unittest discover guest/python

The bindings end the guest at an argument of the wrong type or out of range. So does this map: it
raises `Trap`, which no `except Exception` sees. `tests/interop` runs the module in a component,
and on the real map.
"""

import contextlib
import sys
import unittest
from dataclasses import dataclass, make_dataclass
from datetime import timedelta
from types import ModuleType, SimpleNamespace

CASES = """
    Ttl_Default Ttl_Never Ttl_After:value Condition_Absent Condition_Present Condition_Version:value
    KeyFault_Empty KeyFault_TooLong:value KeyFault_NotUtf8
    Error_InvalidKey:value Error_ValueTooLarge:value Error_InvalidTtl Error_Full Error_Conflict:value
    Error_NotACounter Error_Overflow
    SetChange:key:value:ttl SetIfChange:key:value:ttl:condition IncrementChange:key:delta:ttl
    TouchChange:key:ttl DeleteIfChange:key:version Change_Set:value Change_SetIf:value
    Change_Increment:value Change_Touch:value Change_Delete:value Change_DeleteIf:value
"""


@dataclass(frozen=True)
class Err(Exception):
    """The error of the bindings, frozen as theirs is."""

    value: object


class Trap(BaseException):
    """The end of the guest."""


class FakeMap(ModuleType):
    """A map without a clock, which checks its arguments as the bindings do."""

    MAX_KEY, MAX_VALUE, MAX_PINS = 128, 2**20, 3

    def __init__(self):
        super().__init__("local_map")
        for case in CASES.split():
            name, *fields = case.split(":")
            setattr(self, name, make_dataclass(name, fields))
        self.values, self.ttls, self.versions, self.calls, self.pins = {}, {}, 0, [], 0

    def data(self, *given, room):
        for each in given:
            if type(each) is not bytes:
                raise Trap(f"{each!r} are no bytes")
        if sum(map(len, given)) > room + 64 * 1024:
            raise Trap("no room for the arguments")

    def number(self, given, least, most):
        if type(given) is not int or not least <= given <= most:
            raise Trap(f"{given!r} does not fit")

    def check(self, key, ttl=None):
        if not key:
            raise Err(self.Error_InvalidKey(self.KeyFault_Empty()))
        if len(key) > self.MAX_KEY:
            raise Err(self.Error_InvalidKey(self.KeyFault_TooLong(len(key))))
        if isinstance(ttl, self.Ttl_After):
            self.number(ttl.value, 0, 2**64 - 1)
            if ttl.value == 0:
                raise Err(self.Error_InvalidTtl())
        elif not isinstance(ttl, (self.Ttl_Default, self.Ttl_Never)):
            raise Trap(f"{ttl!r} is no TTL")

    def get(self, key):
        self.data(key, room=512)
        return self.values.get(key, (None, 0))[0]

    def get_entry(self, key):
        self.data(key, room=512)
        if key not in self.values:
            return None
        value, version = self.values[key]
        return SimpleNamespace(key=key, value=value, version=version, expires_in=self.left(key))

    def left(self, key):
        return self.ttls[key].value if isinstance(self.ttls[key], self.Ttl_After) else None

    def get_many(self, keys):
        self.calls.append(len(keys))
        self.data(*keys, room=0)
        return [self.get(key) for key in keys[:1000]]

    def contains(self, key):
        self.data(key, room=512)
        return key in self.values

    def set(self, key, value, ttl):
        self.calls.append("set")
        self.data(key, value, room=512 + self.MAX_VALUE)
        return self.store(key, value, ttl)

    def store(self, key, value, ttl, condition=None):
        self.check(key, ttl)
        if len(value) > self.MAX_VALUE:
            raise Err(self.Error_ValueTooLarge(self.MAX_VALUE))
        current = self.values.get(key, (None, None))[1]
        if isinstance(condition, self.Condition_Version):
            self.number(condition.value, 0, 2**64 - 1)
            holds = current == condition.value
        else:
            holds = condition is None or isinstance(condition, self.Condition_Present) == bool(current)
        if not holds:
            raise Err(self.Error_Conflict(current))
        self.versions += 1
        self.values[key], self.ttls[key] = (value, self.versions), ttl
        return self.versions

    def set_if(self, key, value, ttl, condition):
        self.data(key, value, room=512 + self.MAX_VALUE)
        return self.store(key, value, ttl, condition)

    def increment(self, key, delta, ttl):
        self.data(key, room=512)
        self.check(key, ttl)
        self.number(delta, -(2**63), 2**63 - 1)
        value = self.values.get(key, (bytes(8), 0))[0]
        if len(value) != 8:
            raise Err(self.Error_NotACounter())
        total = int.from_bytes(value, "little", signed=True) + delta
        if not -(2**63) <= total < 2**63:
            raise Err(self.Error_Overflow())
        self.store(key, total.to_bytes(8, "little", signed=True), ttl)
        return total

    def touch(self, key, ttl):
        self.check(key, ttl)
        if key in self.values:
            self.ttls[key] = ttl
        return key in self.values

    def take(self, key):
        self.data(key, room=512)
        return self.values.pop(key, (None, 0))[0]

    def delete(self, key):
        return self.take(key) is not None

    def delete_if(self, key, version):
        self.data(key, room=512)
        self.number(version, 0, 2**64 - 1)
        if self.values.get(key, (None, None))[1] != version:
            raise Err(self.Error_Conflict(self.values.get(key, (None, None))[1]))
        self.delete(key)

    def apply(self, changes):
        self.calls.append("apply")
        if len(changes) > 1024:
            raise Trap("no room for the arguments")
        sent = [change.value for change in changes]
        fields = [[each] if isinstance(each, bytes) else [each.key, getattr(each, "value", b"")] for each in sent]
        self.data(*(field for each in fields for field in each), room=max(2**20, self.MAX_VALUE))
        before, outcomes = (dict(self.values), dict(self.ttls)), []
        for index, change in enumerate(changes):
            try:
                outcomes.append(SimpleNamespace(value=self.change(change, change.value)))
            except Err as error:
                self.values, self.ttls = before
                raise Err((index, error.value)) from None
        return outcomes

    def change(self, change, given):
        match change:
            case self.Change_Set():
                return self.store(given.key, given.value, given.ttl)
            case self.Change_SetIf():
                return self.store(given.key, given.value, given.ttl, given.condition)
            case self.Change_Increment():
                return self.increment(given.key, given.delta, given.ttl)
            case self.Change_Touch():
                return self.touch(given.key, given.ttl)
            case self.Change_Delete():
                return self.delete(given)
            case _:
                self.delete_if(given.key, given.version)
                return True

    def pin(self, key):
        self.data(key, room=512)
        if self.pins == self.MAX_PINS:
            raise Err(self.Error_Full())
        return FakePin(self, *self.values[key]) if key in self.values else None

    def scan(self, prefix, cursor, limit):
        self.data(prefix, room=512)
        self.number(cursor, 0, 2**64 - 1)
        self.number(limit, 0, 2**32 - 1)
        keys = sorted(self.values)[cursor : cursor + max(limit, 1)]
        entries = [self.get_entry(key) for key in keys if key.startswith(prefix)]
        after = cursor + max(limit, 1)
        return SimpleNamespace(entries=entries, next=after if after < len(self.values) else None)

    def len(self):
        return len(self.values)


class FakePin:
    def __init__(self, of, value, version):
        self.of, self.held = of, (value, version)
        of.pins += 1

    def value(self):
        if self.held is None:
            raise Trap("a pin used after its end")
        return self.held[0]

    def version(self):
        self.value()
        return self.held[1]

    def __exit__(self, *_):
        self.value()
        self.held = None
        self.of.pins -= 1


def install():
    """Makes modules of the map, as componentize-py would."""
    fake = FakeMap()
    types, world, imports = (
        ModuleType(name) for name in ["componentize_py_types", "wit_world", "wit_world.imports"]
    )
    types.Err, imports.local_map, world.imports = Err, fake, imports
    for module in [types, world, imports]:
        sys.modules[module.__name__] = module
    sys.modules["wit_world.imports.local_map"] = fake
    return fake


fake = install()
import localmap  # noqa: E402 - after the bindings
from localmap import NEVER, Change, Condition, LocalMap  # noqa: E402

MINUTE = timedelta(minutes=1)


class Tests(unittest.TestCase):
    def setUp(self):
        fake.values.clear()
        fake.ttls.clear()
        fake.calls.clear()
        self.map = LocalMap()

    def raises(self, kind, words, function, *args, **named):
        """Checks the class and the message of an exception, and that nothing has changed."""
        before = dict(fake.values)
        with self.assertRaises(kind) as caught:
            function(*args, **named)
        self.assertIn(words, str(caught.exception))
        self.assertIsNone(caught.exception.__cause__)
        self.assertEqual(fake.values, before)
        return caught.exception

    def test_text_and_all_kinds_of_bytes_are_keys_and_values(self):
        for key in ["k\u00e9", b"k\xc3\xa9", bytearray(b"k\xc3\xa9"), memoryview(b"k\xc3\xa9")]:
            for value in ["\u20ac", b"\xe2\x82\xac", bytearray(b"\xe2\x82\xac")]:
                self.map.set(key, value)
                self.assertEqual(self.map.get("k\u00e9"), "\u20ac".encode())
                self.assertEqual(list(fake.values), ["k\u00e9".encode()])
                self.assertTrue(key in self.map and self.map.delete(key))
        self.map.set("empty", "")
        self.assertEqual(self.map.get("empty"), b"")

    def test_anything_else_is_a_type_error_before_the_call(self):
        for wrong in [7, None, 1.5, ["k"], object()]:
            for function, args in [
                (self.map.get, [wrong]), (self.map.get_entry, [wrong]),
                (self.map.get_many, [["k", wrong]]), (self.map.contains, [wrong]),
                (self.map.set, [wrong, "v"]), (self.map.set, ["k", wrong]),
                (self.map.increment, [wrong]), (self.map.touch, [wrong]), (self.map.take, [wrong]),
                (self.map.delete, [wrong]), (self.map.delete_if, [wrong, 1]), (self.map.pin, [wrong]),
                (self.map.scan, [wrong]), (self.map.scan_page, [wrong]),
                (Change.set, [wrong, "v"]), (Change.set, ["k", wrong]), (Change.increment, [wrong]),
                (Change.touch, [wrong]), (Change.delete, [wrong]), (Change.delete_if, [wrong, 1]),
            ]:  # fmt: skip
                self.raises(TypeError, "is str or bytes, not", function, *args)
        self.raises(TypeError, "use get() for one key", self.map.get_many, "abc")
        self.raises(TypeError, "use Change.set", self.map.apply, [("set", "k")])
        self.raises(UnicodeEncodeError, "surrogates", self.map.get, "\udce9")

    def test_numbers_are_integers_within_their_range(self):
        for delta in [2**63, -(2**63) - 1]:
            self.raises(ValueError, "a delta is between", self.map.increment, "k", delta)
            self.raises(ValueError, "a delta is between", Change.increment, "k", delta)
        for version in [-1, 2**64]:
            self.raises(ValueError, "a version is between", self.map.delete_if, "k", version)
            self.raises(ValueError, "a version is", self.map.set_if, "k", "", condition=version)
        self.raises(ValueError, "a cursor is between", self.map.scan_page, "", -1)
        self.raises(ValueError, "a limit is between", self.map.scan_page, "", 0, 2**32)
        for wrong in [1.0, "1", None]:
            self.raises(TypeError, "a delta is an int", self.map.increment, "k", wrong)
            self.raises(TypeError, "a condition is", self.map.set_if, "k", "", condition=wrong)
        self.raises(TypeError, "a condition is", self.map.set_if, "k", "", condition=True)
        self.assertEqual(self.map.increment("k", 2**63 - 1), 2**63 - 1)
        self.assertEqual(self.map.increment("k", True - 2**63), 0)

    def test_a_ttl_is_a_timedelta_never_or_default(self):
        for ttl, sent in [
            (MINUTE, fake.Ttl_After(60 * 10**9)),
            (timedelta(microseconds=1), fake.Ttl_After(1000)),
            (timedelta(days=213503), fake.Ttl_After(213503 * 86400 * 10**9)),
            (NEVER, fake.Ttl_Never()),
            (None, fake.Ttl_Never()),
            (localmap.DEFAULT, fake.Ttl_Default()),
        ]:
            self.map.set("k", "v", ttl)
            self.assertEqual(fake.ttls[b"k"], sent)
        self.map.set("k", "v")
        self.assertEqual(fake.ttls[b"k"], fake.Ttl_Default())
        for ttl, words in [
            (timedelta(0), "is zero: use at least a microsecond"),
            (timedelta(microseconds=-1), "is in the past"),
            (timedelta(days=-1), "is in the past"),
            (timedelta(days=213504), "longer than 584 years"),
            (timedelta.max, "longer than 584 years"),
        ]:
            for kind in [ValueError, localmap.Error, localmap.InvalidTtl]:
                self.raises(kind, words, self.map.set, "k", "v", ttl)
        for ttl in [60, 1.5, "60s", True]:
            self.raises(TypeError, "timedelta(seconds=...)", self.map.touch, "k", ttl)

    def test_the_remaining_time_can_be_written_back(self):
        for left, span in [(1, 1), (1000, 1), (1001, 2), (2**64 - 1, 2**64 // 1000 + 1)]:
            self.map.set("k", "v", MINUTE)
            fake.ttls[b"k"] = fake.Ttl_After(left)
            entry = self.map.get_entry("k")
            self.assertEqual(entry.expires_in, timedelta(microseconds=span))
            self.map.set_if("k", "w", entry.expires_in, condition=entry.version)
            self.assertEqual(next(self.map.scan()).key, b"k")
        self.map.set("k", "v", NEVER)
        self.assertIs(self.map.get_entry("k").expires_in, NEVER)

    def test_refusals_are_exceptions_that_say_what_to_do(self):
        self.map.set("k", "tea")
        version = self.map.get_entry("k").version
        self.raises(localmap.InvalidKey, "use 1 to 128 bytes", self.map.set, "", "v")
        self.raises(localmap.InvalidKey, "has 129 bytes", self.map.set, "x" * 129, "v")
        self.raises(localmap.InvalidKey, "has 5000 bytes", self.map.touch, "x" * 5000)
        error = self.raises(
            localmap.ValueTooLarge, "longer than the 1048576", self.map.set, "k", "x" * (2**20 + 1)
        )
        self.assertEqual(error.max, 2**20)
        error = self.raises(
            localmap.Conflict, f"version {version}: read it again", self.map.set_if,
            "k", "", condition=Condition.ABSENT,
        )  # fmt: skip
        self.assertEqual(error.current, version)
        error = self.raises(localmap.Conflict, "the key is absent", self.map.delete_if, "none", 1)
        self.assertIsNone(error.current)
        self.raises(localmap.NotACounter, "use another key", self.map.increment, "k")
        self.map.increment("n", 2**63 - 1)
        self.raises(OverflowError, "set it to a new value", self.map.increment, "n")
        for kind in vars(localmap).values():
            if isinstance(kind, type) and issubclass(kind, localmap.Error):
                self.assertTrue(kind.__doc__, kind)

    def test_a_refusal_passes_through_context_managers_as_it_is(self):
        @contextlib.contextmanager
        def around():
            yield

        with self.assertRaises(localmap.InvalidKey), around():
            self.map.set("", "v")

    def test_a_key_too_long_to_exist_is_absent_for_reads(self):
        key = "x" * 100_000
        self.assertIsNone(self.map.get(key))
        self.assertIsNone(self.map.get_entry(key))
        self.assertIsNone(self.map.take(key))
        self.assertIsNone(self.map.pin(key))
        self.assertFalse(key in self.map or self.map.delete(key))
        self.assertEqual(self.map.get_many([key, key]), [None, None])
        self.assertEqual(list(self.map.scan(key)), [])

    def test_values_too_large_to_be_sent_are_refused_without_being_sent(self):
        for size in [2**20 + 1, 2**20 + 2**17, 2**23]:
            self.raises(localmap.ValueTooLarge, "1048576", self.map.set, "k", bytes(size))
            set_if, of = self.map.set_if, Condition.ABSENT
            self.raises(localmap.ValueTooLarge, "", set_if, "k", bytes(size), condition=of)
        self.raises(localmap.InvalidKey, "is empty", self.map.set, "", bytes(2**23))
        self.assertNotIn("set", fake.calls)
        fake.MAX_VALUE = 2**24
        self.addCleanup(delattr, fake, "MAX_VALUE")
        self.map.set("k", bytes(2**23))
        self.assertEqual(len(self.map.get("k")), 2**23)

    def test_get_many_repeats_the_call_until_it_has_all(self):
        keys = [f"{n:0100}" for n in range(3000)]
        for key in keys[::2]:
            fake.values[key.encode()] = (key.encode(), 1)
        values = self.map.get_many(iter(keys))
        self.assertEqual(values[::2], [key.encode() for key in keys[::2]])
        self.assertEqual(values[1::2], [None] * 1500)
        self.assertTrue(all(n * 108 <= 32 * 1024 for n in fake.calls))
        self.assertEqual(self.map.get_many([]), [])
        self.assertEqual(len(self.map.get_many([""] * 5000)), 5000)

    def test_a_batch_is_made_whole_or_not_at_all(self):
        self.map.set("old", "1", MINUTE)
        changes = [
            Change.set("a", "1"),
            Change.set_if("b", b"2", MINUTE, condition=Condition.ABSENT),
            Change.increment("n", 5),
            Change.touch("absent", MINUTE),
            Change.delete("old"),
            Change.delete("x" * 600),
        ]
        outcomes = self.map.apply(iter(changes))
        self.assertEqual(outcomes[2:], [5, False, True, False])
        version = self.map.get_entry("b").version
        self.assertEqual(outcomes[1], version)
        self.assertEqual(self.map.apply([Change.delete_if("b", version)]), [True])
        self.assertEqual(self.map.apply([]), [])
        batch = [Change.delete("a"), Change.set_if("a", "", condition=Condition.PRESENT)]
        error = self.raises(localmap.Conflict, "change 1 of the batch: the key is", self.map.apply, batch)
        self.assertEqual((error.index, error.current), (1, None))
        batch = [Change.delete_if("none", 1), Change.set("x" * 600, "")]
        self.raises(localmap.Conflict, "change 0", self.map.apply, batch)
        error = self.raises(localmap.InvalidKey, "has 600 bytes", self.map.apply, batch[1:])
        self.assertEqual(error.index, 0)

    def test_a_batch_too_large_to_be_sent_is_refused_without_being_sent(self):
        error = self.raises(localmap.Full, "change 1024", self.map.apply, [Change.delete("k")] * 5000)
        self.assertEqual(error.index, 1024)
        self.assertEqual(fake.calls, [])
        batch = [Change.set("k", bytes(2**19 - 1))] * 5
        error = self.raises(localmap.Full, "change 2 of the batch: the map is full", self.map.apply, batch)
        self.assertEqual(error.index, 2)
        exact = [Change.set("k", bytes(2**20 - 1)), Change.set("k", bytes(2**16 - 1))]
        self.assertEqual(len(self.map.apply(exact)), 2)
        fake.MAX_VALUE = 2**24
        self.addCleanup(delattr, fake, "MAX_VALUE")
        self.assertEqual(len(self.map.apply(batch)), 5)

    def test_a_pin_holds_its_value_and_is_safe_after_its_end(self):
        version = self.map.set("rates", "EUR 1.08")
        self.assertIsNone(self.map.pin("absent"))
        with self.map.pin("rates") as rates:
            self.map.set("rates", "EUR 1.09")
            self.assertEqual((rates.value, rates.version), (b"EUR 1.08", version))
        for use in [lambda: rates.value, lambda: rates.version, rates.__enter__]:
            self.raises(localmap.PinReleased, "read its value within `with`", use)
        rates.release()
        with self.assertRaises(ZeroDivisionError), self.map.pin("rates"):
            1 / 0
        self.assertEqual(fake.pins, 0)
        for _ in range(10):  # each is let go of before the next
            self.map.pin("rates").value
        kept = [self.map.pin("rates") for _ in range(3)]
        self.raises(localmap.Full, "release pins", self.map.pin, "rates")
        kept.clear()
        self.assertEqual(fake.pins, 0)

    def test_a_scan_goes_over_all_pages(self):
        for n in range(1000):
            self.map.set(f"user:{n}", str(n), MINUTE)
        self.map.set("other", "")
        self.assertEqual(len(self.map), 1001)
        found = {entry.key: entry for entry in self.map.scan("user:")}
        self.assertEqual(len(found), 1000)
        self.assertEqual(found[b"user:7"].value, b"7")
        self.assertEqual(found[b"user:7"].expires_in, MINUTE)
        page = self.map.scan_page(limit=1)
        self.assertEqual((len(page.entries), page.next), (1, 1))
        self.assertTrue(all(isinstance(entry, localmap.Entry) for entry in self.map.scan()))


if __name__ == "__main__":
    unittest.main()
