"""One case of a script: its own map, and the answers of operations, as tokens."""

from wasmtime.component import Variant

from answers import (
    check_page, check_stats, entry, found, limit_tokens, outcomes, refused, result, truth,
)
from host import Map, record
from tokens import Fault

# Values for `configure` other than numbers and the names of policies.
NAMED = {"none": None, "true": True, "false": False}


class Case:
    def __init__(self, host):
        self.host = host
        self.map = Map(host)
        self.host.now = 0
        self.pins = {}  # by name
        self.scanned, self.cursor = [], 0

    def operation(self, name, tokens):
        """Performs the operation of a line, and returns the answer."""
        operation = OPERATIONS.get(name)
        if operation is None:
            raise Fault(f"no operation `{name}`")
        return operation(self, tokens)

    def clock(self, now):
        self.host.now = min(max(now, 0), 2**64 - 1)
        return []

    def set(self, tokens):
        return result(self.map.call("set", tokens.bytes(), tokens.bytes(), ttl(tokens)), "version")

    def set_if(self, tokens):
        key, value = tokens.bytes(), tokens.bytes()
        stored = self.map.call("set-if", key, value, ttl(tokens), condition(tokens))
        return result(stored, "version")

    def increment(self, tokens):
        return result(self.map.call("increment", tokens.bytes(), tokens.number(), ttl(tokens)))

    def touch(self, tokens):
        there = self.map.call("touch", tokens.bytes(), ttl(tokens))
        return refused(there) if isinstance(there, Variant) else truth(there)

    def get_entry(self, tokens):
        there = self.map.call("get-entry", tokens.bytes())
        return ["none"] if there is None else entry(there)

    def get_many(self, tokens):
        keys = []
        while tokens.more():
            keys.append(tokens.bytes())
        return [token for value in self.map.get_many(keys) for token in found(value)]

    def delete_if(self, tokens):
        refusal = self.map.call("delete-if", tokens.bytes(), tokens.labelled("version"))
        return ["ok"] if refusal is None else refused(refusal)

    def apply(self, tokens):
        changes = []
        while tokens.more():
            changes.append(change(tokens))
            if tokens.more():
                tokens.literal(";")
        return outcomes(self.map.call("apply", changes))

    def apply_fill(self, tokens):
        keys, value, of = filled(tokens), tokens.bytes(), ttl(tokens)
        changes = [Variant("set", record(key=key, value=value, ttl=of)) for key in keys]
        answer = self.map.call("apply", changes)
        if isinstance(answer, list) and len(answer) == len(changes):
            return ["ok"]
        return outcomes(answer)

    def fill(self, tokens):
        keys, value, of = filled(tokens), tokens.bytes(), ttl(tokens)
        for key in keys:
            answer = self.map.call("set", key, value, of)
            if isinstance(answer, Variant):
                return refused(answer)
        return ["ok"]

    def pin(self, tokens):
        name = tokens.name()
        pin = self.map.call("pin", tokens.bytes())
        if isinstance(pin, Variant):
            return refused(pin)
        if pin is None:
            return ["none"]
        if name in self.pins:
            self.map.unpin(self.pins[name])
        self.pins[name] = pin
        return ["ok"]

    def pinned(self, tokens):
        name = tokens.name()
        if name not in self.pins:
            raise Fault(f"no pin `{name}`")
        value, version = self.map.pinned(self.pins[name])
        return [value, "version", version]

    def unpin(self, tokens):
        name = tokens.name()
        if name not in self.pins:
            raise Fault(f"no pin `{name}`")
        self.map.unpin(self.pins.pop(name))
        return ["ok"]

    def page(self, prefix, limit):
        """Scans one page. Returns `False` at the end of the scan."""
        page = self.map.call("scan", prefix, self.cursor, limit)
        check_page(page, prefix, limit)
        self.scanned += page.entries
        self.cursor = page.next or 0
        return page.next is not None

    def scan(self, tokens):
        """Scans to the end. Returns all entries, sorted by key."""
        prefix, limit = tokens.bytes(), tokens.labelled("limit")
        pages = 0
        while self.page(prefix, limit):
            pages += 1
            if pages > 100_000:
                raise Fault("the scan does not end")
        scanned, self.scanned = self.scanned, []
        return sorted(scanned, key=lambda there: there.key)

    def one_page(self, tokens):
        self.page(tokens.bytes(), tokens.labelled("limit"))
        return []

    def scan_count(self, tokens):
        keys = [there.key for there in self.scan(tokens)]
        if len(set(keys)) < len(keys):
            raise Fault("the scan returned a key twice")
        return [len(keys)]

    def scan_entries(self, tokens):
        return [token for there in self.scan(tokens) for token in [there.key, *entry(there)]]

    def statistics(self):
        stats = self.map.control("stats")
        check_stats(stats, self.map.control("current-limits"))
        return stats

    def stats(self, tokens):
        stats = self.statistics()
        return [known(stats, name) for name in names(tokens)]

    def at_least(self, tokens):
        return truth(known(self.statistics(), tokens.name()) >= tokens.number())

    def limits(self, tokens):
        limits = self.map.control("current-limits")
        return [token for name in names(tokens) for token in limit_tokens(known(limits, name))]

    def configure(self, tokens):
        limits = self.map.control("current-limits")
        while tokens.more():
            setting = tokens.name()
            known(limits, setting)
            value = tokens.next((str, int))
            setattr(limits, setting, NAMED.get(value, value))
        refusal = self.map.control("configure", limits)
        return ["ok"] if refusal is None else ["error", refusal.tag, refusal.payload]

    def clear(self, _tokens):
        self.map.control("clear")
        return ["ok"]


def plain(name, answer):
    """Returns an operation that takes a key and formats its answer with `answer`."""
    return lambda case, tokens: answer(case.map.call(name, tokens.bytes()))


OPERATIONS = {
    "clock": lambda case, tokens: case.clock(tokens.number()),
    "advance": lambda case, tokens: case.clock(case.host.now + tokens.number()),
    "rewind": lambda case, tokens: case.clock(case.host.now - tokens.number()),
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
    "scan": lambda case, tokens: [there.key for there in case.scan(tokens)],
    "scan-entries": Case.scan_entries,
    "scan-count": Case.scan_count,
    "len": lambda case, _tokens: [case.map.call("len")],
    "sweep": lambda case, tokens: [case.map.control("sweep", tokens.number())],
    "stats": Case.stats,
    "at-least": Case.at_least,
    "limits": Case.limits,
    "configure": Case.configure,
    "clear": Case.clear,
}


def names(tokens):
    while tokens.more():
        yield tokens.name()


def known(of, name):
    if not hasattr(of, name):
        raise Fault(f"no field `{name}`")
    return getattr(of, name)


def filled(tokens):
    """Returns the keys `PREFIX0` to `PREFIX(N-1)`."""
    prefix, count = tokens.bytes(), tokens.number()
    return [prefix + str(n).encode() for n in range(count)]


def ttl(tokens):
    token = tokens.next((str, int))
    if isinstance(token, int):
        return Variant("after", token)
    if token not in ("default", "never"):
        raise Fault(f"no TTL `{token}`")
    return Variant(token)


def condition(tokens):
    name = tokens.name()
    if name == "version":
        return Variant("version", tokens.number())
    if name not in ("absent", "present"):
        raise Fault(f"no condition `{name}`")
    return Variant(name)


def change(tokens):
    """Parses a change of a batch, with its arguments in the order of its function."""
    name, key = tokens.name(), tokens.bytes()
    if name == "set":
        made = record(key=key, value=tokens.bytes(), ttl=ttl(tokens))
    elif name == "set-if":
        made = record(key=key, value=tokens.bytes(), ttl=ttl(tokens), condition=condition(tokens))
    elif name == "increment":
        made = record(key=key, delta=tokens.number(), ttl=ttl(tokens))
    elif name == "touch":
        made = record(key=key, ttl=ttl(tokens))
    elif name == "delete":
        made = key
    elif name == "delete-if":
        made = record(key=key, version=tokens.labelled("version"))
    else:
        raise Fault(f"no change `{name}`")
    return Variant(name, made)
