#!/usr/bin/env bash
# Tests guests in other languages, and the map component in other hosts. `just interop` and CI run it.
#
#   tests/interop/run.sh [python|javascript|node|wasmtime-py]...   all of them by default
#
# Needs cargo, python3 (3.10 or newer) with venv, node (20 or newer) and npm, and reports the one
# that is missing. It installs pinned versions below the target folder. Set LOCALMAP to the path of
# a built `localmap` to use that instead of building one.
set -Eeuo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
work=$target/interop
log=tests/data/access.log
python_example=guest/examples/python
javascript_example=guest/examples/javascript

say() { printf '\n-- %s\n' "$*"; }
die() {
    printf '\nINTEROP TESTS HAVE NOT PASSED: %s\n' "$*" >&2
    exit 1
}
trap 'die "line $LINENO of tests/interop/run.sh failed"' ERR

# same WHAT EXPECTED FOUND: compares two files, which must not be empty.
same() {
    [ -s "$2" ] || die "$1: nothing to compare with in $2"
    cmp "$2" "$3" || die "$1: $3 differs from $2"
    echo "$1: $(wc -l < "$2") lines, as expected"
}

# need WHAT COMMAND...: fails unless the command succeeds, which shows that WHAT is installed.
need() {
    local what=$1
    shift
    "$@" > /dev/null 2>&1 || die "$what is missing: install it"
}

# Builds the program, and guests in Rust to compare with.
program() {
    say "localmap and guests in Rust"
    cargo build --locked -p limiter -p sessions --profile guest --target wasm32-wasip2
    guests=$target/wasm32-wasip2/guest
    if [ -z "${LOCALMAP:-}" ]; then
        cargo build --locked --release -p localmap-cli
        LOCALMAP=$target/release/localmap
    fi
    "$LOCALMAP" --version
}

# Installs packages from PyPI, in a virtual environment that is recreated when a version changes.
python_tools() {
    need "Python 3.10 or newer" python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))'
    need "Python's venv (on Debian: python3-venv)" python3 -c 'import venv, ensurepip'
    venv=$work/py
    cat "$python_example/requirements.txt" tests/interop/python/requirements.txt > "$work/requirements.txt"
    if ! cmp -s "$work/requirements.txt" "$venv/installed"; then
        say "Python packages"
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$work/requirements.txt"
        cp "$work/requirements.txt" "$venv/installed"
    fi
    export PYTHONDONTWRITEBYTECODE=1
}

# Installs packages from npm, with the lock file of the example.
javascript_tools() {
    need "Node 20 or newer" node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'
    need "npm" npm --version
    modules=$work/js
    if ! cmp -s "$javascript_example/package-lock.json" "$modules/installed"; then
        say "npm packages"
        rm -rf "$modules"
        mkdir -p "$modules"
        cp "$javascript_example"/package{,-lock}.json "$modules"
        npm ci --prefix "$modules" --no-fund --no-audit --loglevel error
        cp "$javascript_example/package-lock.json" "$modules/installed"
    fi
    jco=$modules/node_modules/.bin/jco
}

# newcomer LANGUAGE: follows the guide in an empty folder, including its installations.
newcomer() {
    say "docs/guests.md, in $1"
    local folder=$work/newcomer-$1
    rm -rf "$folder"
    mkdir "$folder"
    python3 tests/interop/guide.py docs/guests.md "In $1" > "$folder/steps.sh"
    printf 'tea: 1\ntea: 2\nmilk: 1\n' > "$folder/expected.txt"
    (
        export LOCALMAP REPOSITORY=$PWD
        LOCALMAP=$(realpath "$LOCALMAP")
        cd "$folder"
        bash -euo pipefail steps.sh > printed.txt
    )
    tail -n 3 "$folder/printed.txt" > "$folder/found.txt"
    same "the guide in $1" "$folder/expected.txt" "$folder/found.txt"
    rm -rf "$folder"
}

# Checks that a guest in Python prints what the same guest in Rust prints.
python() {
    newcomer Python
    say "a guest in Python, under localmap"
    "$venv/bin/componentize-py" -d "$python_example/wit" -w limiter \
        componentize -p "$python_example" app -o "$work/limiter.py.wasm"
    "$LOCALMAP" run --clock clf "$guests/limiter.wasm" --limit 10 --window 60s < "$log" > "$work/limiter.rust.txt"
    "$LOCALMAP" run --clock clf "$work/limiter.py.wasm" --limit 10 --window 60s < "$log" > "$work/limiter.py.txt"
    same "limiter in Python" "$work/limiter.rust.txt" "$work/limiter.py.txt"
}

# Checks that a guest in JavaScript prints what the same guest in Rust prints.
javascript() {
    newcomer JavaScript
    say "a guest in JavaScript, under localmap"
    # The command of the example, with its output below the target folder.
    "$jco" componentize "$javascript_example/sessions.js" --wit "$javascript_example/wit" \
        --world-name sessions --disable http fetch-event --out "$work/sessions.js.wasm"
    "$LOCALMAP" run --clock clf "$guests/sessions.wasm" --idle 30m < "$log" > "$work/sessions.rust.txt"
    "$LOCALMAP" run --clock clf "$work/sessions.js.wasm" --idle 30m < "$log" > "$work/sessions.js.txt"
    same "sessions in JavaScript" "$work/sessions.rust.txt" "$work/sessions.js.txt"
}

# Plugs a guest, so that it needs only WASI, and records its output. Its windows last a day, so
# that the real clock of other hosts makes no difference.
plugged=(--limit 10 --window 24h)
plug() {
    "$LOCALMAP" plug "$guests/limiter.wasm" -o "$work/plugged.wasm"
    "$LOCALMAP" run "$guests/limiter.wasm" "${plugged[@]}" < "$log" > "$work/plugged.txt"
}

# Runs the committed component under Node.
node_host() {
    say "the map component under Node"
    "$jco" transpile host/localmap/src/artifact/map.wasm --instantiation sync --name map --out-dir "$work/map" --quiet
    node tests/interop/node/vectors.mjs "$work/map/map.js" tests/vectors
    plug
    "$jco" run "$work/plugged.wasm" "${plugged[@]}" < "$log" > "$work/plugged.node.txt"
    same "a plugged guest under Node" "$work/plugged.txt" "$work/plugged.node.txt"
}

# Runs the committed component under wasmtime for Python.
wasmtime_py() {
    say "the map component under wasmtime for Python"
    "$venv/bin/python" tests/interop/python/vectors.py host/localmap/src/artifact/map.wasm tests/vectors
    plug
    "$venv/bin/python" tests/interop/python/command.py "$work/plugged.wasm" "${plugged[@]}" \
        < "$log" > "$work/plugged.py.txt"
    same "a plugged guest under wasmtime for Python" "$work/plugged.txt" "$work/plugged.py.txt"
}

[ $# -gt 0 ] || set -- python javascript node wasmtime-py
mkdir -p "$work"
# Check and install tools first, so that a missing one is reported before anything is built.
for part in "$@"; do
    case $part in
        python | wasmtime-py) python_tools ;;
        javascript | node)
            need "Python 3" python3 --version
            javascript_tools
            ;;
        *) die "no part \`$part\`: expected python, javascript, node or wasmtime-py" ;;
    esac
done
program
for part in "$@"; do
    case $part in
        python) python ;;
        javascript) javascript ;;
        node) node_host ;;
        wasmtime-py) wasmtime_py ;;
    esac
done
say "interop: $* passed"
