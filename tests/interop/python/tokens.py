"""Parses a line of `tests/vectors` into tokens: names are `str`, numbers `int`, bytes `bytes`.

`tests/vectors/README.md` describes the format.
"""

import re

TOKEN = re.compile(
    rb"""[ =]+
    | "(?P<quoted>(?:[^"\\]|\\x[0-9a-fA-F]{2}|\\["\\])*)" (?:\*(?P<times>[0-9]+))?
    | (?P<plain>[^ ="]+)""",
    re.VERBOSE,
)
NUMBER = re.compile(r"(-?[0-9]+)(ns|us|ms|s|m|h|)")
UNITS = {"": 1, "ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
ESCAPE = re.compile(rb'\\(?:x(..)|(["\\]))')


class Fault(Exception):
    """An error in a line, or in the map's answer to it."""


def parse(line):
    """Returns the tokens before the arrow, and those after it."""
    tokens, at = [], 0
    while at < len(line):
        match = TOKEN.match(line, at)
        if not match:
            raise Fault(f"cannot read {line[at:]!r}")
        at = match.end()
        if match["quoted"] is not None:
            tokens.append(ESCAPE.sub(unescape, match["quoted"]) * int(match["times"] or 1))
        elif match["plain"] is not None:
            tokens.append(plain(match["plain"].decode()))
    arrow = tokens.index("->") if "->" in tokens else len(tokens)
    return Tokens(tokens[:arrow]), tokens[arrow + 1 :]


def unescape(escape):
    return bytes([int(escape[1], 16)]) if escape[1] else escape[2]


def plain(token):
    """Parses a number or a name."""
    if token == "max":
        return 2**64 - 1
    number = NUMBER.fullmatch(token)
    return int(number[1]) * UNITS[number[2]] if number else token


class Tokens:
    """The arguments of an operation, consumed one by one."""

    def __init__(self, tokens):
        self.tokens = tokens

    def more(self):
        return bool(self.tokens)

    def next(self, kind):
        if not self.tokens:
            raise Fault("a token is missing")
        token = self.tokens.pop(0)
        if not isinstance(token, kind):
            raise Fault(f"{token!r} is not {kind}")
        return token

    def name(self):
        return self.next(str)

    def number(self):
        return self.next(int)

    def bytes(self):
        return self.next(bytes)

    def literal(self, expected):
        name = self.name()
        if name != expected:
            raise Fault(f"expected `{expected}`, found `{name}`")

    def labelled(self, label):
        """Returns the number in `label=N`."""
        self.literal(label)
        return self.number()

    def end(self):
        if self.tokens:
            raise Fault(f"too many tokens: {self.tokens}")
