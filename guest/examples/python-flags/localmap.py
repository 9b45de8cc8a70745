"""Gives a guest in Python its map: text or bytes in, exceptions with messages out.

    from datetime import timedelta
    from localmap import Full, LocalMap

    cache = LocalMap()
    cache.set("motd", "hello", timedelta(minutes=1))
    cache.get("motd")  # b"hello"

This file is all of the module and needs nothing but the bindings that componentize-py makes for
a world with `import localmap:core/local-map@0.1.0`. Put it next to your app.

- Keys and values are `str`, which is stored as UTF-8, or bytes. Values come back as `bytes`.
- A TTL is a `timedelta`, `NEVER` or `DEFAULT`. The clock is the host's.
- Arguments are checked before the call, because the bindings end the guest at a wrong one, which
  no `except` sees. A wrong type is a `TypeError`, and a number out of range a `ValueError`.
- A refusal of the map is an `Error`, such as `Full`. It has changed nothing.
"""

from __future__ import annotations

import enum
import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, ParamSpec, TypeAlias, TypeVar

try:
    from componentize_py_types import Err
    from wit_world.imports import local_map as _map
except ModuleNotFoundError as missing:
    raise ImportError(
        "localmap works inside a component: run this folder with `localmap run FOLDER`, and import"
        " `localmap:core/local-map@0.1.0` in its world"
    ) from missing

__all__ = [
    "DEFAULT", "DEFAULT_MAX_KEY_LEN", "MAX_CHANGES", "MAX_KEY_LEN", "NEVER", "Change", "Condition",
    "Conflict", "Data", "Default", "Entry", "Error", "Full", "InvalidKey", "InvalidTtl", "LocalMap",
    "NotACounter", "Overflow", "Page", "PinReleased", "Pinned", "Scanned", "Ttl", "ValueTooLarge",
]  # fmt: skip

DEFAULT_MAX_KEY_LEN: Final = 128
"""The maximum length of a key in bytes, unless the host sets another with `--max-key`."""
MAX_KEY_LEN: Final = 512
"""The maximum length of a key in bytes that a host can allow."""
MAX_CHANGES: Final = 1024
"""The maximum number of changes in one `LocalMap.apply`."""

Data: TypeAlias = "str | bytes | bytearray | memoryview"
"""A key or a value. Text is encoded as UTF-8."""


class Default(enum.Enum):
    """The type of `DEFAULT`."""

    DEFAULT = "default"


DEFAULT: Final = Default.DEFAULT
"""The TTL of the map: no expiry, unless the host sets one with `--default-ttl`."""
NEVER: Final = None
"""The TTL of an entry that stays until it is deleted. It is `None`, as in `Entry.expires_in`."""
Ttl: TypeAlias = "timedelta | Default | None"
"""The time to live of an entry: at least a microsecond, `NEVER` or `DEFAULT`."""


class Condition(enum.Enum):
    """The condition of `LocalMap.set_if`, other than the version that the value must have."""

    ABSENT = "absent"
    PRESENT = "present"


@dataclass(frozen=True)
class Entry:
    """A value with its version and its remaining time, which is rounded up to a microsecond."""

    value: bytes
    version: int
    expires_in: timedelta | None
    """The time until it expires; `None` if it does not."""


@dataclass(frozen=True)
class Scanned(Entry):
    """An entry that a scan found."""

    key: bytes


@dataclass(frozen=True)
class Page:
    """One page of a scan. It may be empty before the scan ends."""

    entries: list[Scanned]
    next: int | None
    """The cursor of the next page; `None` at the end."""


class Error(Exception):
    """The map has refused a call, and nothing has changed. The message suggests what to do."""

    index: int | None = None
    """In a batch, the index of the change that failed, counted from 0."""


class InvalidKey(Error, ValueError):
    """The map does not accept the key."""


class ValueTooLarge(Error, ValueError):
    """The value is longer than the map's `max-value`."""

    def __init__(self, max: int) -> None:
        super().__init__(
            f"the value is longer than the {max} bytes that this map accepts: split it, or raise"
            " `--max-value`"
        )
        self.max: Final = max


class InvalidTtl(Error, ValueError):
    """The TTL is zero, negative, or longer than the clock of a map."""


class Full(Error):
    """The limit on entries, bytes or pins is reached, or that of a batch."""

    def __init__(self) -> None:
        super().__init__(
            "the map is full: delete entries, use shorter TTLs, release pins, or raise its limits"
        )


class Conflict(Error):
    """The condition of the write does not hold."""

    def __init__(self, current: int | None) -> None:
        found = "absent" if current is None else f"present with version {current}"
        super().__init__(f"the key is {found}: read it again, then retry")
        self.current: Final = current
        """The version of the present value; `None` if the key is absent."""


class NotACounter(Error):
    """The value to increment is not 8 bytes long."""

    def __init__(self) -> None:
        super().__init__(
            "the value is not a counter (8 bytes): use another key, or delete this one first"
        )


class Overflow(Error, OverflowError):
    """The sum does not fit into 64 bits."""

    def __init__(self) -> None:
        super().__init__(
            "the counter would exceed the range of a 64-bit integer: set it to a new value"
        )


class PinReleased(Error, ValueError):
    """The pin has been released."""

    def __init__(self) -> None:
        super().__init__("the pin has been released: read its value within `with`, or pin again")


class Change:
    """One change of a batch, with the arguments of the method of `LocalMap` of the same name."""

    __slots__ = ("_key", "_sent", "_size")

    def __init__(self, sent: _map.Change, key: bytes, value: bytes = b"") -> None:
        self._sent, self._key, self._size = sent, key, len(key) + len(value)

    @staticmethod
    def set(key: Data, value: Data, ttl: Ttl = DEFAULT) -> Change:
        """Stores a value. The outcome is its version."""
        name, data = _bytes("key", key), _bytes("value", value)
        sent = _map.SetChange(_cut(name), data, _ttl(ttl))
        return Change(_map.Change_Set(sent), name, data)

    @staticmethod
    def set_if(
        key: Data, value: Data, ttl: Ttl = DEFAULT, *, condition: Condition | int
    ) -> Change:
        """Stores a value if `condition` holds, and fails otherwise. The outcome is its version."""
        name, data = _bytes("key", key), _bytes("value", value)
        sent = _map.SetIfChange(_cut(name), data, _ttl(ttl), _condition(condition))
        return Change(_map.Change_SetIf(sent), name, data)

    @staticmethod
    def increment(key: Data, delta: int = 1, ttl: Ttl = DEFAULT) -> Change:
        """Adds `delta` to a counter. The outcome is the sum."""
        name = _bytes("key", key)
        sent = _map.IncrementChange(_cut(name), _delta(delta), _ttl(ttl))
        return Change(_map.Change_Increment(sent), name)

    @staticmethod
    def touch(key: Data, ttl: Ttl = DEFAULT) -> Change:
        """Gives an entry a new TTL. The outcome is `False` if the key was absent."""
        name = _bytes("key", key)
        return Change(_map.Change_Touch(_map.TouchChange(_cut(name), _ttl(ttl))), name)

    @staticmethod
    def delete(key: Data) -> Change:
        """Deletes `key`. The outcome is `False` if it was absent."""
        name = _to_read(key)
        return Change(_map.Change_Delete(name), name)

    @staticmethod
    def delete_if(key: Data, version: int) -> Change:
        """Deletes `key` if its value has this version, and fails otherwise. The outcome is `True`."""
        name = _to_read(key)
        sent = _map.DeleteIfChange(name, _version(version))
        return Change(_map.Change_DeleteIf(sent), name)


class Pinned:
    """A value that stays readable until it is released, whatever happens to its key.

    Use it in a `with`, which releases it. It counts as one of `max-pins`, and its bytes towards
    `max-bytes`.
    """

    __slots__ = ("_handle",)

    def __init__(self, handle: _map.Pinned) -> None:
        self._handle: _map.Pinned | None = handle

    @property
    def value(self) -> bytes:
        """Returns a copy of the value. Raises `PinReleased` after the end of the pin."""
        return self._held().value()

    @property
    def version(self) -> int:
        """Returns the version of the value. Raises `PinReleased` after the end of the pin."""
        return self._held().version()

    def release(self) -> None:
        """Releases the value. Does nothing if that was done before."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.__exit__(None, None, None)

    def __enter__(self) -> Pinned:
        self._held()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()  # of a pin without a `with`

    def _held(self) -> _map.Pinned:
        if self._handle is None:
            raise PinReleased
        return self._handle


class LocalMap:
    """The map of this component instance. All values of this type are the same map.

    It starts empty, except for entries that the host stored in advance, and ends with the
    instance. Keys have 1 to 128 bytes, or up to 512 if the host allows it. Reads never fail: a key
    that the map cannot store is absent.
    """

    __slots__ = ()

    def get(self, key: Data) -> bytes | None:
        """Returns the value of `key`, or `None` if it is absent.

        A counter is read with `int.from_bytes(value, "little", signed=True)`.
        """
        return _map.get(_to_read(key))

    def get_entry(self, key: Data) -> Entry | None:
        """Returns the value of `key` with its version and remaining time, or `None`."""
        found = _map.get_entry(_to_read(key))
        if found is None:
            return None
        return Entry(found.value, found.version, _span(found.expires_in))

    def get_many(self, keys: Iterable[Data]) -> list[bytes | None]:
        """Returns the values of several keys, in their order.

        All are read at the same instant if the keys, plus 8 bytes each, take at most 32 KiB and
        the values at most 1 MiB. Otherwise the rest is read by further calls.
        """
        if isinstance(keys, (str, bytes, bytearray, memoryview)):
            raise TypeError(f"keys is a list of keys, not {_type(keys)}: use get() for one key")
        names = [_to_read(key) for key in keys]
        values: list[bytes | None] = []
        while len(values) < len(names):
            some, size = [], 0
            for name in names[len(values) :]:
                size += len(name) + 8
                if size > _MAX_KEYS:
                    break
                some.append(name)
            values += _map.get_many(some)
        return values

    def contains(self, key: Data) -> bool:
        """Returns `True` if `key` is present, as `key in map` does. Is neither a hit nor a miss."""
        return _map.contains(_to_read(key))

    __contains__ = contains

    def set(self, key: Data, value: Data, ttl: Ttl = DEFAULT) -> int:
        """Stores a value and returns its version. Replaces the value and the TTL that `key` had.

        Raises `InvalidKey`, `ValueTooLarge`, `InvalidTtl` or `Full`.
        """
        name, data, span = _to_write(key), _bytes("value", value), _ttl(ttl)
        _check_size(name, len(data))
        return _call(_map.set, name, data, span)

    def set_if(
        self, key: Data, value: Data, ttl: Ttl = DEFAULT, *, condition: Condition | int
    ) -> int:
        """Stores a value as `set` does, if `condition` holds.

        The condition is `Condition.ABSENT`, `Condition.PRESENT`, or the version that the value
        must have. Raises what `set` raises, and `Conflict` if it does not hold.
        """
        name, data, span = _to_write(key), _bytes("value", value), _ttl(ttl)
        expected = _condition(condition)
        _check_size(name, len(data))
        return _call(_map.set_if, name, data, span, expected)

    def increment(self, key: Data, delta: int = 1, ttl: Ttl = DEFAULT) -> int:
        """Adds `delta` to a counter and returns the sum.

        A counter that is absent starts from 0 with `ttl`, and one that is present keeps its
        deadline, so a TTL makes a fixed window that begins with the first `increment`.

        Raises `InvalidKey`, `InvalidTtl`, `Full`, `NotACounter` or `Overflow`.
        """
        return _call(_map.increment, _to_write(key), _delta(delta), _ttl(ttl))

    def touch(self, key: Data, ttl: Ttl = DEFAULT) -> bool:
        """Gives an entry a new TTL, counted from now. Returns `False` if `key` is absent.

        Raises `InvalidKey`, `InvalidTtl` or `Full`.
        """
        return _call(_map.touch, _to_write(key), _ttl(ttl))

    def take(self, key: Data) -> bytes | None:
        """Deletes `key` and returns its value, or `None` if it was absent: for one-time tokens."""
        return _map.take(_to_read(key))

    def delete(self, key: Data) -> bool:
        """Deletes `key`. Returns `True` if it was present."""
        return _map.delete(_to_read(key))

    def delete_if(self, key: Data, version: int) -> None:
        """Deletes `key` if its value has this version, and raises `Conflict` otherwise."""
        _call(_map.delete_if, _to_read(key), _version(version))

    def apply(self, changes: Iterable[Change]) -> list[int | bool]:
        """Makes all changes or none of them, at one instant. Returns one outcome per change.

        Each change sees those before it. Deleting or touching an absent key is no error. A batch
        has at most `MAX_CHANGES` changes, and at most 64 KiB of keys and values more than 1 MiB or
        the map's largest value; the first change beyond is `Full`.

        Raises the error of the first change that fails, with its `index`.
        """
        batch = list(changes)
        for change in batch:
            if not isinstance(change, Change):
                raise TypeError(f"a change is a Change, not {_type(change)}: use Change.set(...)")
        _check_batch(batch)
        try:
            return [outcome.value for outcome in _map.apply([change._sent for change in batch])]
        except Err as failure:
            index, error = failure.value
            raise _of_batch(_error(error, batch[index]._key), index) from None

    def pin(self, key: Data) -> Pinned | None:
        """Pins the value of `key`, or returns `None` if it is absent.

            if pinned := cache.pin("rates"):
                with pinned:
                    print(pinned.value)

        An entry is not evicted while its value is pinned. It still expires. Raises `Full` if the
        map has as many pins as `--max-pins` allows (1,024 by default).
        """
        handle = _call(_map.pin, _to_read(key))
        return None if handle is None else Pinned(handle)

    def scan(self, prefix: Data = b"") -> Iterator[Scanned]:
        """Returns an iterator over the entries whose keys begin with `prefix`, in no order.

        The map may change meanwhile. Each entry that exists throughout the scan is returned
        once, and one that is created or removed meanwhile may be returned or not.
        """
        return self._pages(_bytes("prefix", prefix))

    def _pages(self, prefix: bytes) -> Iterator[Scanned]:
        cursor: int | None = 0
        while cursor is not None:
            page = self.scan_page(prefix, cursor)
            yield from page.entries
            cursor = page.next

    def scan_page(self, prefix: Data = b"", cursor: int = 0, limit: int = 256) -> Page:
        """Returns one page of a scan, which visits at most some `limit` entries (1 to 4,096).

        Start with a `cursor` of 0 and go on with `next` until that is `None`.
        """
        start = _bytes("prefix", prefix)
        at, most = _integer("cursor", cursor, 0, _MAX_U64), _integer("limit", limit, 0, 2**32 - 1)
        if len(start) > MAX_KEY_LEN:  # no key begins with it
            return Page([], None)
        page = _map.scan(start, at, most)
        entries = [
            Scanned(found.value, found.version, _span(found.expires_in), found.key)
            for found in page.entries
        ]
        return Page(entries, page.next)

    def __len__(self) -> int:
        """Returns the number of entries that have not expired."""
        return _map.len()


_MAX_U64: Final = 2**64 - 1
_MICROSECOND: Final = timedelta(microseconds=1)
_NOT_PAST: Final = "use at least a microsecond, or delete the key instead"
# The bytes of keys that go into one call, of the 64 KiB that every map takes.
_MAX_KEYS: Final = 32 * 1024
# A value, or the size of a batch less 64 KiB, that every map takes. A larger one can end the
# instance while it is sent, so `_larger_value` first asks for the limit with one byte more.
_MAX_UNASKED: Final = 1024 * 1024

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _call(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    try:
        return function(*args, **kwargs)
    except Err as failure:
        raise _error(failure.value) from None


def _error(given: _map.Error, key: bytes = b"") -> Error:
    match given:
        case _map.Error_InvalidKey(_map.KeyFault_Empty()):
            return InvalidKey(f"the key is empty: use 1 to {DEFAULT_MAX_KEY_LEN} bytes")
        case _map.Error_InvalidKey(_map.KeyFault_TooLong(length)):
            return _too_long(max(length, len(key)))
        case _map.Error_InvalidKey():
            return InvalidKey(
                "the key is not UTF-8, which this map requires: encode it, for example in"
                " hexadecimal"
            )
        case _map.Error_ValueTooLarge(most):
            return ValueTooLarge(most)
        case _map.Error_InvalidTtl():
            return InvalidTtl(f"the TTL is zero: {_NOT_PAST}")
        case _map.Error_Conflict(current):
            return Conflict(current)
        case _map.Error_NotACounter():
            return NotACounter()
        case _map.Error_Overflow():
            return Overflow()
        case _:
            return Full()


def _too_long(length: int) -> InvalidKey:
    return InvalidKey(
        f"the key has {length} bytes: shorten it to {DEFAULT_MAX_KEY_LEN}, or use a hash of it and"
        " keep the whole key in the value"
    )


def _of_batch(error: Error, index: int) -> Error:
    error.index = index
    error.args = (f"change {index} of the batch: {error}",)
    return error


def _type(given: object) -> str:
    return type(given).__name__


def _bytes(what: str, given: Data) -> bytes:
    if isinstance(given, bytes):
        return given
    if isinstance(given, str):
        return given.encode()
    if isinstance(given, (bytearray, memoryview)):
        return bytes(given)
    raise TypeError(f"a {what} is str or bytes, not {_type(given)}: convert it first")


def _to_read(key: Data) -> bytes:
    """Replaces a key that is too long to exist by the empty key, which does not exist either."""
    name = _bytes("key", key)
    return name if len(name) <= MAX_KEY_LEN else b""


def _to_write(key: Data) -> bytes:
    name = _bytes("key", key)
    if len(name) > MAX_KEY_LEN:
        raise _too_long(len(name))
    return name


def _cut(key: bytes) -> bytes:
    """Cuts a key so that the map still rejects it, in its turn: a change before may fail first."""
    return key[: MAX_KEY_LEN + 1]


def _integer(what: str, given: int, least: int, most: int) -> int:
    try:
        number = operator.index(given)
    except TypeError:
        raise TypeError(f"a {what} is an int, not {_type(given)}") from None
    if not least <= number <= most:
        raise ValueError(f"a {what} is between {least} and {most}, not {number}")
    return number


def _delta(delta: int) -> int:
    return _integer("delta", delta, -(2**63), 2**63 - 1)


def _version(version: int) -> int:
    return _integer("version", version, 0, _MAX_U64)


def _condition(condition: Condition | int) -> _map.Condition:
    if condition is Condition.ABSENT:
        return _map.Condition_Absent()
    if condition is Condition.PRESENT:
        return _map.Condition_Present()
    if isinstance(condition, bool) or not isinstance(condition, int):
        raise TypeError(
            "a condition is Condition.ABSENT, Condition.PRESENT or a version (an int),"
            f" not {_type(condition)}"
        )
    return _map.Condition_Version(_version(condition))


def _ttl(ttl: Ttl) -> _map.Ttl:
    if ttl is DEFAULT:
        return _map.Ttl_Default()
    if ttl is NEVER:
        return _map.Ttl_Never()
    if not isinstance(ttl, timedelta):
        raise TypeError(
            f"a TTL is a timedelta, NEVER or DEFAULT, not {_type(ttl)}: for seconds, use"
            " timedelta(seconds=...)"
        )
    microseconds = ttl // _MICROSECOND
    if microseconds < 0:  # the map itself refuses zero
        raise InvalidTtl(f"a TTL of {ttl.total_seconds()} s is in the past: {_NOT_PAST}")
    # That of an entry, which is rounded up, may be written back.
    if microseconds > _MAX_U64 // 1000 + 1:
        raise InvalidTtl(f"a TTL of {ttl.days} days is longer than 584 years: use NEVER")
    return _map.Ttl_After(min(microseconds * 1000, _MAX_U64))


def _span(nanoseconds: int | None) -> timedelta | None:
    return None if nanoseconds is None else -(-nanoseconds // 1000) * _MICROSECOND


def _check_size(key: bytes, size: int) -> None:
    """Raises the error of a value that the map would reject, if sending it could be the end."""
    if size > _MAX_UNASKED and (error := _larger_value(key)):
        raise error


def _check_batch(batch: list[Change]) -> None:
    """Raises the error of a batch beyond the limits, if sending it could be the end."""
    if len(batch) > MAX_CHANGES:
        raise _of_batch(Full(), MAX_CHANGES)
    size = 0
    for index, change in enumerate(batch):
        size += change._size
        if size > _MAX_UNASKED + 64 * 1024:
            if _larger_value(b"k"):
                raise _of_batch(Full(), index)
            return


def _larger_value(key: bytes) -> Error | None:
    """Returns the error of a value of a byte more than `_MAX_UNASKED`, without storing it."""
    never = _map.Condition_Version(_MAX_U64)
    value = bytes(_MAX_UNASKED + 1)
    try:
        _map.apply([_map.Change_SetIf(_map.SetIfChange(key, value, _map.Ttl_Never(), never))])
    except Err as failure:
        error: Error = _error(failure.value[1])
        return None if isinstance(error, Conflict) else error
    return None
