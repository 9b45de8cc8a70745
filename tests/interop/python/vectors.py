"""Runs `tests/vectors` against the map component under wasmtime for Python.

    python vectors.py MAP VECTORS

where MAP is the component and VECTORS is the folder. Exits with code 1 at the first unexpected
answer, and if a file compares nothing.

One case cannot run to its end, and the output says so. Wasmtime limits what a call may copy to
128 MiB, and counts each byte of a list as a whole value; its Python package has no function to
raise the limit. So no answer may hold more than about 2.7 million bytes.
"""

import sys
from pathlib import Path

from wasmtime import WasmtimeError

from case import Case
from host import Host
from tokens import Fault, parse

# The file and the case, and Wasmtime's message.
TOO_LARGE = ("scan.txt", "but at least one entry")
OUT_OF_FUEL = "fuel allocated for hostcalls has been exhausted"


def run(host, name, script):
    """Runs a script. Returns how many of its lines were compared, and how many were not run."""
    compared, left_out, case, title, given_up = 0, 0, None, "", False
    for number, line in enumerate(script.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith(b"#"):
            continue
        if line.startswith(b"=="):
            title, case, given_up = line[2:].strip().decode(), Case(host), False
            continue
        if given_up:
            left_out += 1
            continue
        try:
            if case is None:
                raise Fault("the first case must begin with `==`")
            tokens, expected = parse(line)
            answer = case.operation(tokens.name(), tokens)
            tokens.end()
            if answer != expected:
                raise Fault(f"answered {show(answer)}")
        except (Fault, WasmtimeError) as fault:
            if (name, title) != TOO_LARGE or OUT_OF_FUEL not in str(fault):
                raise Fault(f"{name}:{number} ({title}): {show([line])}\n  {fault}") from fault
            print(f"{name}:{number} ({title}): NOT RUN, too large for wasmtime for Python: {fault}")
            given_up, left_out = True, left_out + 1
            continue
        compared += 1
    if compared == 0:
        raise Fault(f"{name} compares nothing")
    return compared, left_out


def show(tokens):
    """Formats tokens for a message, and shortens long ones."""
    texts = [token if isinstance(token, str) else repr(token) for token in tokens]
    return " ".join(t if len(t) <= 200 else f"{t[:80]}... ({len(t)} long)" for t in texts)


def must_fail(host, name, script):
    """Checks that this runner detects a wrong answer."""
    try:
        run(host, name, script)
    except Fault:
        return
    raise Fault(f"{name}: a wrong answer was not detected")


def altered(script):
    """Returns the script up to its first answer, with one token too many."""
    head, arrow, rest = script.partition(b" -> ")
    answer = rest.partition(b"\n")[0]
    return head + arrow + answer + b' "altered"\n'


def main(component, folder):
    files = sorted(Path(folder).glob("*.txt"))
    if not files:
        raise Fault(f"no vectors in {folder}")
    host = Host(component)
    for wrong in [b"", b"== case\n", b"== case\nfly -> ok\n", b"get \"k\" -> none\n",
                  b"== case\nlen -> 1\n", b"== case\nlen ->\n", b"== case\nlen 1 -> 0\n"]:
        must_fail(host, "a wrong script", wrong)
    total = total_left_out = 0
    for file in files:
        script = file.read_bytes()
        must_fail(host, file.name, altered(script))
        compared, left_out = run(host, file.name, script)
        print(f"{file.name}: {compared} steps", flush=True)
        total, total_left_out = total + compared, total_left_out + left_out
    if total_left_out == 0:
        raise Fault(f"{TOO_LARGE} runs now: remove the exception for it")
    print(
        f"wasmtime for Python answers {total} steps of {len(files)} files as expected;"
        f" {total_left_out} not run"
    )


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Fault as fault:
        sys.exit(f"Error: {fault}")
