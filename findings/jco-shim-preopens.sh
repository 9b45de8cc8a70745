#!/usr/bin/env bash
# jco's WASI shim for Node: since a patch release, it preopens nothing, and jco 1.35.0 finds no WIT.
#
# Tools: @bytecodealliance/preview2-shim 0.26.0 and 0.26.1, @bytecodealliance/jco 1.35.0, from npm.
#
# The shim gives a transpiled component its WASI under Node. Up to 0.26.0 it preopens `/`; from 0.26.1
# it preopens nothing, and a guest finds no file until the embedder adds a folder. One expects such a
# change, sensible as it is, in a new minor version at the earliest.
#
# Parts of jco are transpiled components themselves. Release 1.35.0 accepts any 0.26.x of the shim.
# With 0.26.0 it reads a folder of WIT; a plain install today brings 0.26.1, with which `jco types`
# and `jco componentize` report that the folder does not exist, although the path in the message is
# right. jco 1.24.6 uses an older series of the shim and is not affected.
#
# Seen: the lines below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > expected <<'TXT'
shim 0.26.0: 1 preopened, jco 1.35.0 reads the WIT
shim 0.26.1: 0 preopened, jco 1.35.0 does not find the WIT
TXT

mkdir wit
cat > wit/world.wit <<'WIT'
package demo:demo;

world demo {
    export hello: func() -> string;
}
WIT

for shim in 0.26.0 0.26.1; do
    mkdir "$shim"
    cat > "$shim/package.json" <<JSON
{
  "private": true,
  "dependencies": {
    "@bytecodealliance/jco": "1.35.0",
    "@bytecodealliance/preview2-shim": "$shim"
  },
  "overrides": { "@bytecodealliance/preview2-shim": "$shim" }
}
JSON
    (cd "$shim" && npm install --no-fund --no-audit --loglevel error > /dev/null)
    cat > "$shim/count.mjs" <<'JS'
import { preopens } from '@bytecodealliance/preview2-shim/filesystem';
console.log(preopens.getDirectories().length);
process.exit(0);
JS
    preopened=$(node "$shim/count.mjs")
    if "$shim/node_modules/.bin/jco" types wit --world-name demo --out-dir "$shim/types" \
        > "$shim/log" 2>&1; then
        outcome="reads the WIT"
    elif grep -q "No such file or directory" "$shim/log"; then
        outcome="does not find the WIT"
    else
        outcome="fails in another way"
    fi
    echo "shim $shim: $preopened preopened, jco 1.35.0 $outcome"
done > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
