"""What the map answers, as the words of `tests/vectors`; and what holds for all answers."""

from wasmtime.component import Variant

from words import Fault


def truth(there):
    return ["true" if there else "false"]


def found(value):
    return ["none" if value is None else value]


def entry(there):
    left = getattr(there, "expires-in")
    return [there.value, "version", there.version, "expires-in", "never" if left is None else left]


def result(answer, *label):
    """A number, behind its label; or why it was refused."""
    return refused(answer) if isinstance(answer, Variant) else [*label, answer]


def refused(error):
    words = ["error", error.tag]
    if isinstance(error.payload, Variant):  # what is wrong with a key
        words.append(error.payload.tag)
        return words if error.payload.payload is None else [*words, error.payload.payload]
    if error.tag == "conflict":
        return words + found(error.payload)
    return words if error.payload is None else [*words, error.payload]


def outcomes(answer):
    """What a batch has done; or which of its changes was refused, and why."""
    if isinstance(answer, tuple):
        return ["change", answer[0], *refused(answer[1])]
    words = []
    for outcome in answer:
        done = outcome.payload
        words.append("version" if outcome.tag == "stored" else outcome.tag)
        words += truth(done) if isinstance(done, bool) else [done]
    return words


def limit_words(limit):
    return truth(limit) if isinstance(limit, bool) else found(limit)


def check_page(page, prefix, limit):
    """At most `limit` entries, or one more, which may have the hash of the last."""
    if len(page.entries) > min(max(limit, 1), 4096) + 1:
        raise Fault(f"a page of {len(page.entries)} entries")
    size = sum(len(there.key) + len(there.value) for there in page.entries)
    if size > 2**20 and len(page.entries) > 1:
        raise Fault(f"a page of {size} bytes")
    for there in page.entries:
        if not there.key.startswith(prefix):
            raise Fault(f"{there.key!r} has another prefix")


def check_stats(stats, limits):
    """What holds for statistics of every map at every time."""
    high_water = getattr(stats, "high-water")
    rules = {
        "its parts make up its bytes": stats.payload + stats.overhead + stats.free == stats.bytes,
        "it has been as large as it is": high_water >= stats.bytes,
        "what pins hold is in use": stats.pinned <= stats.payload + stats.overhead,
        "it has no more entries than it may": stats.entries <= getattr(limits, "max-entries"),
        "it has never held more bytes than it may": high_water <= getattr(limits, "max-bytes"),
    }
    for rule, holds in rules.items():
        if not holds:
            raise Fault(f"not so: {rule}: {vars(stats)} {vars(limits)}")
