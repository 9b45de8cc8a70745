"""Checks each row of "What surprises in Python" in docs/guests.md, with the guest in this folder.

    python check.py LOCALMAP GUEST

where LOCALMAP is the program, and GUEST the component that `app.py` was built into.
"""

import subprocess
import sys

ENDED, REFUSED, GOES_ON = 134, 1, 0

# The row, the exit code, and what standard output or error contains.
BINDINGS = [
    ("text", ENDED, "CastError"),
    ("text-value", ENDED, "CastError"),
    ("bytearray", ENDED, "CastError"),
    ("none", ENDED, "CastError"),
    ("float", ENDED, "TypeError"),
    ("negative-ttl", ENDED, "OverflowError"),
    ("delta", ENDED, "OverflowError"),
    ("seconds", ENDED, "KeyError"),
    ("pin-after", ENDED, "TypeError"),
    ("pins", GOES_ON, "3000 pins\nErr after 1024 pins\n"),
    ("refusal", GOES_ON, "caught Err: Error_InvalidKey(value=KeyFault_Empty())"),
    ("manager", GOES_ON, "caught FrozenInstanceError"),
    ("uncaught-other", ENDED, "ZeroDivisionError: division by zero"),
    ("exit", REFUSED, "Error: of the guest"),
    ("exit-code", REFUSED, ""),
    ("late-import", GOES_ON, "caught ModuleNotFoundError"),
]
MODULE = [
    ("text", GOES_ON, ""),
    ("none", GOES_ON, "caught TypeError: a key is str or bytes, not NoneType"),
    ("float", GOES_ON, "caught TypeError: a delta is an int, not float"),
    ("negative-ttl", GOES_ON, "caught InvalidTtl: a TTL of -1.0 s is in the past"),
    ("delta", GOES_ON, "caught ValueError: a delta is between"),
    ("seconds", GOES_ON, "caught TypeError: a TTL is a timedelta, NEVER or DEFAULT, not int"),
    ("large", GOES_ON, "caught ValueTooLarge: the value is longer than the 1048576 bytes"),
    ("pins", GOES_ON, "3000 pins\nFull after 1024 pins\n"),
    ("pin-after", GOES_ON, "caught PinReleased: the pin has been released"),
    ("manager", GOES_ON, "caught InvalidKey: the key is empty"),
    ("uncaught", ENDED, "localmap.InvalidKey: the key is empty: use 1 to 128 bytes"),
]


def run(arguments, options=(), given=""):
    command = [LOCALMAP, "run", *options, GUEST, *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True)


def expect(condition, what, done):
    if not condition:
        sys.exit(f"Error: {what}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")


def main():
    for before, rows in [([], BINDINGS), (["module"], MODULE)]:
        for name, code, words in rows:
            done = run([*before, name])
            what = f"{' '.join([*before, name])}: expected exit code {code} and {words!r}"
            expect(done.returncode == code and words in done.stdout + done.stderr, what, done)
            expect(("the guest goes on" in done.stdout) == (code == GOES_ON), what, done)
    done = run(["uncaught"])
    silent = "returned an error" in done.stderr and "InvalidKey" not in done.stderr
    expect(done.returncode == REFUSED and silent, "uncaught: nothing names the refusal", done)
    done = run(["mark"], ["--clock", "unix"], "1000000000\n")
    expect("imported after now" in done.stdout, "mark: a time taken at import is of the build", done)
    first, second = run(["random"]), run(["random"])
    expect(first.stdout == second.stdout, "random: a number taken at import is of the build", second)
    print(f"what surprises in Python: {len(BINDINGS) + len(MODULE) + 3} rows, as expected")


if __name__ == "__main__":
    LOCALMAP, GUEST = sys.argv[1:]
    main()
