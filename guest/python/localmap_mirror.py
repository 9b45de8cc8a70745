"""Reads mirrors in Python: copies of data that other machines own, such as a prefix of etcd.

    from localmap_mirror import Mirror, MirrorError

    flags = Mirror("flags")
    try:
        read = flags.get("dark-mode")
        on = read.found is not None and read.found.value == b"on"
    except MirrorError:
        on = False  # there is no copy that is young enough

This file is all of the module and needs nothing but the bindings that componentize-py makes for
a world with `import localmap:core/mirror@0.1.0`. Put it next to your app. `localmap serve --mirror
flags=etcd://HOST:2379/flags/` gives the guest its mirror.

- Keys are `str`, which is read as UTF-8, or bytes: those of the source without the prefix. Values
  are `bytes`.
- A read sees the copy as it was at one revision of its source, `as_of`, and says how old the copy
  is at most, `age`. The host has a maximum (5 s unless it is given another), beyond which a read
  raises `TooStale` instead of returning an old value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Generic, Literal, ParamSpec, TypeAlias, TypeVar

try:
    from componentize_py_types import Err
    from wit_world.imports import mirror as _mirror
except (ModuleNotFoundError, ImportError) as missing:
    raise ImportError(
        "localmap_mirror works inside a component: run this folder with `localmap serve --mirror"
        " NAME=etcd://HOST:2379/PREFIX/ FOLDER`, and import `localmap:core/mirror@0.1.0` in its world"
    ) from missing

__all__ = [
    "Changing", "Data", "DoesNotFit", "Ended", "Entry", "Mirror", "MirrorError", "NotReady", "Omitted",
    "OmittedReason", "OtherCluster", "Read", "State", "Status", "TooStale", "UnknownMirror",
]  # fmt: skip

Data: TypeAlias = "str | bytes | bytearray | memoryview"
"""A key. Text is encoded as UTF-8."""
State: TypeAlias = Literal[
    "starting", "listing", "live", "reconnecting", "does-not-fit", "other-cluster", "ended"
]
"""What a mirror does."""
OmittedReason: TypeAlias = Literal["empty-key", "key-too-long", "not-utf8", "value-too-large"]
"""Why a key of the source is not in a mirror."""

_T = TypeVar("_T")
_P = ParamSpec("_P")

_MAX_KEYS: Final = 1024
"""The maximum number of keys of one call."""
_TRIES: Final = 10
"""The number of times that `Mirror.get_many` begins, if the copy changes while it reads."""
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True)
class Entry:
    """An entry of a mirror."""

    value: bytes
    mod_revision: int
    """The revision at which the source has stored this value."""


@dataclass(frozen=True)
class Read(Generic[_T]):
    """The result of a read, and how old it is."""

    found: _T
    """What was read."""
    as_of: int
    """The revision of the copy."""
    age: timedelta
    """The age of the copy, at most: all that was committed that long ago is in it."""
    is_fresh: bool
    """Whether the mirror is connected to its source, and hears from it in time."""


@dataclass(frozen=True)
class Status:
    """What a mirror does, and how old its copy is."""

    state: State
    revision: int | None
    """The revision of the copy; `None` if there is none."""
    age: timedelta | None
    """The age of the copy, at most, even if it is too old to be read; `None` if there is none."""
    entries: int
    omitted: int
    """The number of keys of the source that the mirror cannot hold."""


class MirrorError(Exception):
    """A read returns no value, neither an old one."""


class UnknownMirror(MirrorError, LookupError):
    """The host has no mirror with this name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the host has no mirror `{name}`: give it one with `localmap serve --mirror"
            f" {name}=etcd://HOST:2379/PREFIX/`"
        )
        self.name: Final = name


class NotReady(MirrorError):
    """There is no copy yet."""

    def __init__(self) -> None:
        super().__init__("the mirror has no copy yet: try again in a moment")


class TooStale(MirrorError):
    """The copy is older than the host allows."""

    def __init__(self, age: timedelta) -> None:
        super().__init__(
            f"the mirror may be {age // timedelta(milliseconds=1)} ms old, which is too much: its host"
            " has lost the source"
        )
        self.age: Final = age


class Omitted(MirrorError):
    """The source has a value that the mirror cannot hold."""

    def __init__(self, index: int, reason: OmittedReason) -> None:
        super().__init__(f"key {index} of the read is not in the mirror: {reason}")
        self.index: Final = index
        """The index of the key among those of the read; 0 for a read of one key."""
        self.reason: Final = reason


class DoesNotFit(MirrorError):
    """The entries of the source do not fit into the mirror, so it holds none."""

    def __init__(self) -> None:
        super().__init__(
            "the source does not fit into the mirror: raise the limits of the mirror on its host"
        )


class OtherCluster(MirrorError):
    """The source has become another one, and the copy of the earlier one is too old."""

    def __init__(self) -> None:
        super().__init__("the source of the mirror has become another one")


class Ended(MirrorError):
    """The mirror has ended."""

    def __init__(self) -> None:
        super().__init__("the mirror has ended")


class Changing(MirrorError):
    """The copy has changed each time while `Mirror.get_many` read it."""

    def __init__(self) -> None:
        super().__init__(
            "the mirror changes while these keys are read: read fewer of them at a time"
        )


class Mirror:
    """A mirror of the host, by its name. If there is none, each read raises `UnknownMirror`."""

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"the name of a mirror is a str, not {_type(name)}")
        # Before the bindings end the guest at it.
        name.encode()
        self.name: Final = name

    def __repr__(self) -> str:
        return f"Mirror({self.name!r})"

    def get(self, key: Data) -> Read[Entry | None]:
        """Returns the entry of `key`; its `found` is `None` if the key is absent.

        Raises a `MirrorError` if there is no copy that is young enough, and `Omitted` if the source
        has a value that the mirror cannot hold.
        """
        found = self._call(0, _mirror.get, self.name, _bytes(key))
        age, is_fresh = _freshness(found.freshness)
        return Read(_entry(found.entry), found.as_of, age, is_fresh)

    def get_many(self, keys: Iterable[Data]) -> Read[list[Entry | None]]:
        """Returns the entries of several keys, all of one revision, in their order.

        A call of the host reads up to 1,024 keys and 1 MiB of values. If there are more, this takes
        several calls, and begins again if the copy has changed between two of them. Raises
        `Changing` if it does so each time, and the errors of `get`.
        """
        if isinstance(keys, (str, bytes, bytearray, memoryview)):
            raise TypeError(f"keys is a list of keys, not {_type(keys)}: use get() for one key")
        names = [_bytes(key) for key in keys]
        for _ in range(_TRIES):
            if read := self._try_get_many(names):
                return read
        raise Changing()

    def status(self) -> Status:
        """Returns what the mirror does. Raises only `UnknownMirror`."""
        status = self._call(0, _mirror.status, self.name)
        age = None if status.age is None else _span(status.age)
        state: State = _name(status.state)  # type: ignore[assignment]
        return Status(state, status.revision, age, status.entries, status.omitted)

    def _try_get_many(self, names: list[bytes]) -> Read[list[Entry | None]] | None:
        entries: list[Entry | None] = []
        as_of, age, is_fresh = None, timedelta(), True
        while as_of is None or len(entries) < len(names):
            first = len(entries)
            some = names[first : first + _MAX_KEYS]
            found = self._call(first, _mirror.get_many, self.name, some)
            if as_of not in (None, found.as_of) or (some and not found.entries):
                return None
            as_of = found.as_of
            entries += map(_entry, found.entries[: len(some)])
            some_age, some_fresh = _freshness(found.freshness)
            age, is_fresh = max(age, some_age), is_fresh and some_fresh
        return Read(entries, as_of, age, is_fresh)

    def _call(
        self, first: int, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Calls the host. `first` is the index of the first key of the call."""
        try:
            return function(*args, **kwargs)
        except Err as failure:
            raise self._error(failure.value, first) from None

    def _error(self, given: _mirror.Error, first: int) -> MirrorError:
        match given:
            case _mirror.Error_UnknownMirror():
                return UnknownMirror(self.name)
            case _mirror.Error_NotReady():
                return NotReady()
            case _mirror.Error_TooStale(age):
                return TooStale(_span(age))
            case _mirror.Error_Omitted(omitted):
                reason: OmittedReason = _name(omitted.reason)  # type: ignore[assignment]
                return Omitted(first + omitted.index, reason)
            case _mirror.Error_DoesNotFit():
                return DoesNotFit()
            case _mirror.Error_OtherCluster():
                return OtherCluster()
            case _:
                return Ended()


def _entry(given: _mirror.Entry | None) -> Entry | None:
    return None if given is None else Entry(given.value, given.mod_revision)


def _freshness(given: _mirror.Freshness) -> tuple[timedelta, bool]:
    return _span(given.value), isinstance(given, _mirror.Freshness_Fresh)


def _span(nanoseconds: int) -> timedelta:
    """Rounds up to a microsecond, since ages are upper bounds."""
    return -(-nanoseconds // 1000) * _MICROSECOND


def _name(case: _mirror.State | _mirror.OmittedReason) -> str:
    """Returns the name of a case of an enum in the contract."""
    return case.name.lower().replace("_", "-")


def _bytes(given: Data) -> bytes:
    if isinstance(given, bytes):
        return given
    if isinstance(given, str):
        return given.encode()
    if isinstance(given, (bytearray, memoryview)):
        return bytes(given)
    raise TypeError(f"a key is str or bytes, not {_type(given)}: convert it first")


def _type(given: object) -> str:
    return type(given).__name__
