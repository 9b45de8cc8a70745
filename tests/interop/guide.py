"""Turns a section of the docs into a shell script, with its commands and its files.

    python guide.py GUIDE SECTION

The script differs from the docs in two points: it uses the clone REPOSITORY and the program
LOCALMAP, both from its environment.
"""

import re
import sys

BLOCK = re.compile(r"(?P<before>[^\n]*)\n\n```(?P<kind>\w+)\n(?P<body>.*?)\n```", re.DOTALL)
FILE = re.compile(r"`([\w/]+\.\w+)`")
CLONE = re.compile(r"^git clone .* https://\S+/localmap$", re.MULTILINE)
PROGRAM = re.compile(r"\blocalmap (?=(?:new|run) )")


def main(guide, title):
    text = open(guide, encoding="utf-8").read()
    section = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    commands = 0
    for block in BLOCK.finditer(section):
        body = block["body"]
        if block["kind"] == "sh":
            body, count = PROGRAM.subn('"$LOCALMAP" ', body)
            commands += count
            print(CLONE.sub('ln -s "$REPOSITORY" localmap', body))
            continue
        if block["kind"] == "text":
            continue  # what is printed
        named = FILE.findall(block["before"])
        if not named:
            sys.exit(f"Error: {guide}, {title}: the text before this block names no file: {body[:60]!r}")
        print(f"cat > {named[-1]} <<'END OF FILE'\n{body}\nEND OF FILE")
    if commands == 0:
        sys.exit(f"Error: {guide}, {title}: no command runs localmap")


if __name__ == "__main__":
    main(*sys.argv[1:])
