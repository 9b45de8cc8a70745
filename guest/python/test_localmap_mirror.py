"""Tests localmap_mirror.py without a component, on a mirror of a few lines in place of the bindings.

    python3 -m unittest discover guest/python

`tests/interop` runs the module in a component, and on the real interface.
"""

import enum
import sys
import unittest
from dataclasses import dataclass, make_dataclass
from datetime import timedelta
from types import ModuleType

CASES = """
    Error_UnknownMirror Error_NotReady Error_TooStale:value Error_Omitted:value Error_DoesNotFit
    Error_OtherCluster Error_Ended Freshness_Fresh:value Freshness_Stale:value
    Entry:value:mod_revision Found:entry:as_of:freshness FoundMany:entries:as_of:freshness
    Omitted:index:reason Status:state:revision:age:entries:omitted
"""


@dataclass(frozen=True)
class Err(Exception):
    """The error of the bindings, frozen as theirs is."""

    value: object


class FakeMirror(ModuleType):
    """A mirror that returns at most three entries at a time, and calls `between` after each."""

    def __init__(self):
        super().__init__("mirror")
        for case in CASES.split():
            name, *fields = case.split(":")
            setattr(self, name, make_dataclass(name, fields))
        self.State = enum.Enum("State", "STARTING LISTING LIVE RECONNECTING DOES_NOT_FIT")
        self.OmittedReason = enum.Enum("OmittedReason", "EMPTY_KEY KEY_TOO_LONG NOT_UTF8")
        self.entries, self.omitted, self.error, self.calls = {}, {}, None, 0
        self.as_of, self.freshness, self.between = 7, self.Freshness_Fresh(1), lambda: None

    def ask(self, name, keys):
        self.calls += 1
        if name != "flags":
            raise Err(self.Error_UnknownMirror())
        if self.error:
            raise Err(self.error)
        entries = []
        for index, key in enumerate(keys[:3]):
            if type(key) is not bytes:
                raise AssertionError(f"{key!r} are no bytes")
            if key in self.omitted:
                raise Err(self.Error_Omitted(self.Omitted(index, self.omitted[key])))
            value = self.entries.get(key)
            entries.append(value and self.Entry(*value))
        return entries, self.as_of, self.freshness

    def get(self, name, key):
        (entry,), *rest = self.ask(name, [key])
        return self.Found(entry, *rest)

    def get_many(self, name, keys):
        found = self.FoundMany(*self.ask(name, keys))
        self.between()
        return found

    def status(self, name):
        self.ask(name, [])
        return self.Status(self.State.DOES_NOT_FIT, None, 1_500, 2, 1)


def install():
    """Adds a module to those that componentize-py would make, if there are any yet."""
    names = ["componentize_py_types", "wit_world", "wit_world.imports"]
    types, world, imports = (sys.modules.setdefault(name, ModuleType(name)) for name in names)
    fake = FakeMirror()
    types.Err = err = getattr(types, "Err", Err)
    globals()["Err"] = err
    world.imports, imports.mirror = imports, fake
    sys.modules["wit_world.imports.mirror"] = fake
    return fake


fake = install()
import localmap_mirror  # noqa: E402 - after the bindings
from localmap_mirror import Entry, Mirror, MirrorError  # noqa: E402


class Tests(unittest.TestCase):
    def setUp(self):
        fake.entries.clear()
        fake.omitted.clear()
        fake.error, fake.calls, fake.as_of, fake.between = None, 0, 7, lambda: None
        fake.freshness = fake.Freshness_Fresh(1)
        self.mirror = Mirror("flags")

    def test_a_read_has_an_entry_its_revision_and_its_age_rounded_up(self):
        fake.entries["k\u00e9".encode()] = (b"on", 5)
        for key in ["k\u00e9", b"k\xc3\xa9", bytearray(b"k\xc3\xa9"), memoryview(b"k\xc3\xa9")]:
            read = self.mirror.get(key)
            self.assertEqual(read.found, Entry(b"on", 5))
            self.assertEqual((read.as_of, read.age, read.is_fresh), (7, timedelta(microseconds=1), True))
        fake.freshness = fake.Freshness_Stale(3_000_000_000)
        read = self.mirror.get("absent")
        self.assertEqual((read.found, read.age, read.is_fresh), (None, timedelta(seconds=3), False))

    def test_many_keys_are_read_at_one_revision(self):
        fake.entries.update({b"%d" % n: (b"v%d" % n, n) for n in range(8)})
        read = self.mirror.get_many(str(n) for n in range(10))
        values = [entry and entry.mod_revision for entry in read.found]
        self.assertEqual(values, [*range(8), None, None])
        self.assertEqual((fake.calls, read.as_of), (4, 7))
        self.assertEqual(self.mirror.get_many([]).found, [])

    def test_many_keys_are_read_again_if_the_copy_changes(self):
        fake.entries[b"0"] = (b"old", 1)

        def change():
            fake.as_of, fake.entries[b"0"] = 8, (b"new", 8)
            fake.between = lambda: None

        fake.between = change
        read = self.mirror.get_many(["0", "1", "2", "3"])
        self.assertEqual((read.as_of, read.found[0].value), (8, b"new"))

        def always():
            fake.as_of += 1

        fake.between = always
        with self.assertRaises(localmap_mirror.Changing):
            self.mirror.get_many(["0", "1", "2", "3"])
        self.assertEqual(len(self.mirror.get_many(["0", "1", "2"]).found), 3)

    def test_the_worst_age_of_several_calls_counts(self):
        ages = iter([fake.Freshness_Stale(2_000), fake.Freshness_Fresh(1_000)])

        def next_age():
            fake.freshness = next(ages, fake.freshness)

        fake.freshness = next(ages)
        fake.between = next_age
        read = self.mirror.get_many(["0", "1", "2", "3"])
        self.assertEqual((read.age, read.is_fresh), (timedelta(microseconds=2), False))

    def test_each_error_has_a_class_and_a_message(self):
        for error, kind, words in [
            (fake.Error_NotReady(), localmap_mirror.NotReady, "no copy yet"),
            (fake.Error_TooStale(6_000_000_000), localmap_mirror.TooStale, "may be 6000 ms old"),
            (fake.Error_DoesNotFit(), localmap_mirror.DoesNotFit, "raise the limits"),
            (fake.Error_OtherCluster(), localmap_mirror.OtherCluster, "another one"),
            (fake.Error_Ended(), localmap_mirror.Ended, "has ended"),
        ]:
            fake.error = error
            for read in [lambda: self.mirror.get("k"), lambda: self.mirror.get_many(["k"])]:
                with self.assertRaises(kind) as caught:
                    read()
                self.assertIsInstance(caught.exception, MirrorError)
                self.assertIn(words, str(caught.exception))
                self.assertIsNone(caught.exception.__cause__)
        fake.error = None
        with self.assertRaises(localmap_mirror.UnknownMirror) as caught:
            Mirror("other").status()
        self.assertIn("--mirror other=etcd://", str(caught.exception))

    def test_an_omitted_key_is_named_by_its_place(self):
        fake.omitted[b"4"] = fake.OmittedReason.KEY_TOO_LONG
        with self.assertRaises(localmap_mirror.Omitted) as caught:
            self.mirror.get_many(["0", "1", "2", "3", "4"])
        self.assertEqual((caught.exception.index, caught.exception.reason), (4, "key-too-long"))

    def test_a_status_has_names_of_the_contract(self):
        status = self.mirror.status()
        age = timedelta(microseconds=2)
        self.assertEqual(status, localmap_mirror.Status("does-not-fit", None, age, 2, 1))

    def test_wrong_arguments_are_errors_before_the_call(self):
        for wrong in [7, None, 1.5, ["k"], object()]:
            for function, argument in [(self.mirror.get, wrong), (self.mirror.get_many, ["k", wrong])]:
                with self.assertRaisesRegex(TypeError, "is str or bytes, not"):
                    function(argument)
        with self.assertRaisesRegex(TypeError, r"use get\(\) for one key"):
            self.mirror.get_many("abc")
        with self.assertRaisesRegex(TypeError, "the name of a mirror is a str"):
            Mirror(b"flags")
        for surrogate in [lambda: Mirror("\udce9"), lambda: self.mirror.get("\udce9")]:
            with self.assertRaises(UnicodeEncodeError):
                surrogate()
        self.assertEqual(fake.calls, 0)
