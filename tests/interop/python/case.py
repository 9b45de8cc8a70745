"""One case of a script: a map of its own, and what an operation answers, as words."""

from wasmtime.component import Variant

from answers import (
    check_page, check_stats, entry, found, limit_words, outcomes, refused, result, truth,
)
from host import Map, record
from words import Fault

# What `configure` is given, other than numbers and the names of policies.
NAMED = {"none": None, "true": True, "false": False}


class Case:
    def __init__(self, host):
        self.host = host
        self.map = Map(host)
        self.host.now = 0
        self.pins = {}  # by the names that the case gives them
        self.scanned, self.cursor = [], 0

    def operation(self, name, words):
        """Does what a line says, and gives the answer."""
        operation = OPERATIONS.get(name)
        if operation is None:
            raise Fault(f"no operation `{name}`")
        return operation(self, words)

    def clock(self, now):
        self.host.now = min(max(now, 0), 2**64 - 1)
        return []

    def set(self, words):
        return result(self.map.call("set", words.bytes(), words.bytes(), ttl(words)), "version")

    def set_if(self, words):
        key, value = words.bytes(), words.bytes()
        stored = self.map.call("set-if", key, value, ttl(words), condition(words))
        return result(stored, "version")

    def increment(self, words):
        return result(self.map.call("increment", words.bytes(), words.number(), ttl(words)))

    def touch(self, words):
        there = self.map.call("touch", words.bytes(), ttl(words))
        return refused(there) if isinstance(there, Variant) else truth(there)

    def get_entry(self, words):
        there = self.map.call("get-entry", words.bytes())
        return ["none"] if there is None else entry(there)

    def get_many(self, words):
        keys = []
        while words.more():
            keys.append(words.bytes())
        return [word for value in self.map.get_many(keys) for word in found(value)]

    def delete_if(self, words):
        refusal = self.map.call("delete-if", words.bytes(), words.labelled("version"))
        return ["ok"] if refusal is None else refused(refusal)

    def apply(self, words):
        changes = []
        while words.more():
            changes.append(change(words))
            if words.more():
                words.literal(";")
        return outcomes(self.map.call("apply", changes))

    def apply_fill(self, words):
        keys, value, of = filled(words), words.bytes(), ttl(words)
        changes = [Variant("set", record(key=key, value=value, ttl=of)) for key in keys]
        answer = self.map.call("apply", changes)
        if isinstance(answer, list) and len(answer) == len(changes):
            return ["ok"]
        return outcomes(answer)

    def fill(self, words):
        keys, value, of = filled(words), words.bytes(), ttl(words)
        for key in keys:
            answer = self.map.call("set", key, value, of)
            if isinstance(answer, Variant):
                return refused(answer)
        return ["ok"]

    def pin(self, words):
        name = words.name()
        pin = self.map.call("pin", words.bytes())
        if isinstance(pin, Variant):
            return refused(pin)
        if pin is None:
            return ["none"]
        if name in self.pins:
            self.map.unpin(self.pins[name])
        self.pins[name] = pin
        return ["ok"]

    def pinned(self, words):
        name = words.name()
        if name not in self.pins:
            raise Fault(f"no pin `{name}`")
        value, version = self.map.pinned(self.pins[name])
        return [value, "version", version]

    def unpin(self, words):
        name = words.name()
        if name not in self.pins:
            raise Fault(f"no pin `{name}`")
        self.map.unpin(self.pins.pop(name))
        return ["ok"]

    def page(self, prefix, limit):
        """One page further. False: the scan is at its end."""
        page = self.map.call("scan", prefix, self.cursor, limit)
        check_page(page, prefix, limit)
        self.scanned += page.entries
        self.cursor = page.next or 0
        return page.next is not None

    def scan(self, words):
        """To the end of the scan: all that it has come by, by their keys."""
        prefix, limit = words.bytes(), words.labelled("limit")
        pages = 0
        while self.page(prefix, limit):
            pages += 1
            if pages > 100_000:
                raise Fault("a scan without an end")
        scanned, self.scanned = self.scanned, []
        return sorted(scanned, key=lambda there: there.key)

    def one_page(self, words):
        self.page(words.bytes(), words.labelled("limit"))
        return []

    def scan_count(self, words):
        keys = [there.key for there in self.scan(words)]
        if len(set(keys)) < len(keys):
            raise Fault("a key was given twice")
        return [len(keys)]

    def scan_entries(self, words):
        return [word for there in self.scan(words) for word in [there.key, *entry(there)]]

    def statistics(self):
        stats = self.map.control("stats")
        check_stats(stats, self.map.control("current-limits"))
        return stats

    def stats(self, words):
        stats = self.statistics()
        return [known(stats, name) for name in names(words)]

    def at_least(self, words):
        return truth(known(self.statistics(), words.name()) >= words.number())

    def limits(self, words):
        limits = self.map.control("current-limits")
        return [word for name in names(words) for word in limit_words(known(limits, name))]

    def configure(self, words):
        limits = self.map.control("current-limits")
        while words.more():
            setting = words.name()
            known(limits, setting)
            value = words.next((str, int))
            setattr(limits, setting, NAMED.get(value, value))
        refusal = self.map.control("configure", limits)
        return ["ok"] if refusal is None else ["error", refusal.tag, refusal.payload]

    def clear(self, _words):
        self.map.control("clear")
        return ["ok"]


def plain(name, answer):
    """An operation that takes a key, and answers as `answer` says."""
    return lambda case, words: answer(case.map.call(name, words.bytes()))


OPERATIONS = {
    "clock": lambda case, words: case.clock(words.number()),
    "advance": lambda case, words: case.clock(case.host.now + words.number()),
    "rewind": lambda case, words: case.clock(case.host.now - words.number()),
    "set": Case.set,
    "set-if": Case.set_if,
    "increment": Case.increment,
    "touch": Case.touch,
    "get": plain("get", found),
    "take": plain("take", found),
    "contains": plain("contains", truth),
    "delete": plain("delete", truth),
    "get-entry": Case.get_entry,
    "get-many": Case.get_many,
    "delete-if": Case.delete_if,
    "apply": Case.apply,
    "apply-fill": Case.apply_fill,
    "fill": Case.fill,
    "pin": Case.pin,
    "pinned": Case.pinned,
    "unpin": Case.unpin,
    "page": Case.one_page,
    "scan": lambda case, words: [there.key for there in case.scan(words)],
    "scan-entries": Case.scan_entries,
    "scan-count": Case.scan_count,
    "len": lambda case, _words: [case.map.call("len")],
    "sweep": lambda case, words: [case.map.control("sweep", words.number())],
    "stats": Case.stats,
    "at-least": Case.at_least,
    "limits": Case.limits,
    "configure": Case.configure,
    "clear": Case.clear,
}


def names(words):
    while words.more():
        yield words.name()


def known(of, name):
    if not hasattr(of, name):
        raise Fault(f"no field `{name}`")
    return getattr(of, name)


def filled(words):
    """The keys `PREFIX0` to `PREFIX(N-1)`."""
    prefix, count = words.bytes(), words.number()
    return [prefix + str(n).encode() for n in range(count)]


def ttl(words):
    word = words.next((str, int))
    if isinstance(word, int):
        return Variant("after", word)
    if word not in ("default", "never"):
        raise Fault(f"no TTL `{word}`")
    return Variant(word)


def condition(words):
    name = words.name()
    if name == "version":
        return Variant("version", words.number())
    if name not in ("absent", "present"):
        raise Fault(f"no condition `{name}`")
    return Variant(name)


def change(words):
    """A change of a batch, with its arguments in the order of its function."""
    name, key = words.name(), words.bytes()
    if name == "set":
        made = record(key=key, value=words.bytes(), ttl=ttl(words))
    elif name == "set-if":
        made = record(key=key, value=words.bytes(), ttl=ttl(words), condition=condition(words))
    elif name == "increment":
        made = record(key=key, delta=words.number(), ttl=ttl(words))
    elif name == "touch":
        made = record(key=key, ttl=ttl(words))
    elif name == "delete":
        made = key
    elif name == "delete-if":
        made = record(key=key, version=words.labelled("version"))
    else:
        raise Fault(f"no change `{name}`")
    return Variant(name, made)
