"""Formats the map's answers as the tokens of `tests/vectors`, and checks what holds for every answer."""

from wasmtime.component import Variant

from tokens import Fault


def truth(there):
    return ["true" if there else "false"]


def found(value):
    return ["none" if value is None else value]


def entry(there):
    left = getattr(there, "expires-in")
    return [there.value, "version", there.version, "expires-in", "never" if left is None else left]


def result(answer, *label):
    """Returns the number after its label, or the error."""
    return refused(answer) if isinstance(answer, Variant) else [*label, answer]


def refused(error):
    tokens = ["error", error.tag]
    if isinstance(error.payload, Variant):  # the fault of a key
        tokens.append(error.payload.tag)
        return tokens if error.payload.payload is None else [*tokens, error.payload.payload]
    if error.tag == "conflict":
        return tokens + found(error.payload)
    return tokens if error.payload is None else [*tokens, error.payload]


def outcomes(answer):
    """Returns the outcomes of a batch, or the change that failed and its error."""
    if isinstance(answer, tuple):
        return ["change", answer[0], *refused(answer[1])]
    tokens = []
    for outcome in answer:
        done = outcome.payload
        tokens.append("version" if outcome.tag == "stored" else outcome.tag)
        tokens += truth(done) if isinstance(done, bool) else [done]
    return tokens


def limit_tokens(limit):
    return truth(limit) if isinstance(limit, bool) else found(limit)


def check_page(page, prefix, limit):
    """Checks a page: at most `limit` entries, or one more, which may have the same hash as the last."""
    if len(page.entries) > min(max(limit, 1), 4096) + 1:
        raise Fault(f"a page of {len(page.entries)} entries")
    size = sum(len(there.key) + len(there.value) for there in page.entries)
    if size > 2**20 and len(page.entries) > 1:
        raise Fault(f"a page of {size} bytes")
    for there in page.entries:
        if not there.key.startswith(prefix):
            raise Fault(f"{there.key!r} does not have the prefix")


def check_stats(stats, limits):
    """Checks what holds for the statistics of every map at any time."""
    high_water = getattr(stats, "high-water")
    rules = {
        "payload, overhead and free add up to bytes": stats.payload + stats.overhead + stats.free == stats.bytes,
        "the high-water mark is at least the current size": high_water >= stats.bytes,
        "pinned bytes are in use": stats.pinned <= stats.payload + stats.overhead,
        "entries are within max-entries": stats.entries <= getattr(limits, "max-entries"),
        "the high-water mark is within max-bytes": high_water <= getattr(limits, "max-bytes"),
    }
    for rule, holds in rules.items():
        if not holds:
            raise Fault(f"does not hold: {rule}: {vars(stats)} {vars(limits)}")
