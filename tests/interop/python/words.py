"""The words of a line of `tests/vectors`: names are `str`, numbers `int`, bytes `bytes`.

The format is told in `tests/vectors/README.md`.
"""

import re

WORD = re.compile(
    rb"""[ =]+
    | "(?P<quoted>(?:[^"\\]|\\x[0-9a-fA-F]{2}|\\["\\])*)" (?:\*(?P<times>[0-9]+))?
    | (?P<plain>[^ ="]+)""",
    re.VERBOSE,
)
NUMBER = re.compile(r"(-?[0-9]+)(ns|us|ms|s|m|h|)")
UNITS = {"": 1, "ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
ESCAPE = re.compile(rb'\\(?:x(..)|(["\\]))')


class Fault(Exception):
    """What is wrong with a line, or with what the map answers to it."""


def parse(line):
    """The words before the arrow, and those behind it."""
    words, at = [], 0
    while at < len(line):
        match = WORD.match(line, at)
        if not match:
            raise Fault(f"cannot read {line[at:]!r}")
        at = match.end()
        if match["quoted"] is not None:
            words.append(ESCAPE.sub(unescape, match["quoted"]) * int(match["times"] or 1))
        elif match["plain"] is not None:
            words.append(plain(match["plain"].decode()))
    arrow = words.index("->") if "->" in words else len(words)
    return Words(words[:arrow]), words[arrow + 1 :]


def unescape(escape):
    return bytes([int(escape[1], 16)]) if escape[1] else escape[2]


def plain(word):
    """A number, or a name."""
    if word == "max":
        return 2**64 - 1
    number = NUMBER.fullmatch(word)
    return int(number[1]) * UNITS[number[2]] if number else word


class Words:
    """The arguments of an operation, taken one by one."""

    def __init__(self, words):
        self.words = words

    def more(self):
        return bool(self.words)

    def next(self, kind):
        if not self.words:
            raise Fault("a word is missing")
        word = self.words.pop(0)
        if not isinstance(word, kind):
            raise Fault(f"{word!r} is not {kind}")
        return word

    def name(self):
        return self.next(str)

    def number(self):
        return self.next(int)

    def bytes(self):
        return self.next(bytes)

    def literal(self, expected):
        name = self.name()
        if name != expected:
            raise Fault(f"`{expected}` is expected, not `{name}`")

    def labelled(self, label):
        """The number in `label=N`."""
        self.literal(label)
        return self.number()

    def end(self):
        if self.words:
            raise Fault(f"too many words: {self.words}")
