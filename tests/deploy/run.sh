#!/usr/bin/env bash
# Checks the files in `deploy`, without a cluster: `just deploy` and CI run it.
#
# The manifests must fit Kubernetes' published schemas, their options must be those of the program, and
# what they ask for must fit into what they limit. Manifests with a mistake must be rejected. As root,
# also runs the containers of the manifest, from the files of the image alone.
#
# Needs python3 with venv, and cargo. Set LOCALMAP to the path of a built `localmap` to use that instead
# of building one.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
work=$target/deploy
requirements=tests/deploy/requirements.txt
mkdir -p "$work"

if ! cmp -s "$requirements" "$work/py/installed"; then
    rm -rf "$work/py"
    python3 -m venv "$work/py"
    "$work/py/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$work/py/installed"
fi
if [ -z "${LOCALMAP:-}" ]; then
    cargo build --locked --release -p localmap-cli
    LOCALMAP=$target/release/localmap
fi
export PYTHONDONTWRITEBYTECODE=1
"$work/py/bin/python" tests/deploy/manifests.py "$LOCALMAP" deploy/kubernetes/*.yaml

# The libraries that docs/kubernetes.md names, and no others.
expected=$(printf '%s\n' ld-linux libc.so.6 libgcc_s.so.1 libm.so.6)
needed=$(ldd "$LOCALMAP" | grep -o '/[^ ]*' | sed 's|.*/||; s|^ld-linux.*|ld-linux|' | sort -u)
[ "$needed" = "$expected" ] || {
    printf 'the program needs other libraries than expected:\n%s\n' "$needed" >&2
    exit 1
}

image=$work/image
rm -rf "$image"
deploy/image.sh "$LOCALMAP" "$image"
cargo build --locked --quiet -p http-limiter --profile guest --target wasm32-wasip2
install -m 644 "$target/wasm32-wasip2/guest/http-limiter.wasm" "$image/guest.wasm"
if [ "$(id -u)" = 0 ]; then
    for manifest in deploy/kubernetes/*.yaml; do
        "$work/py/bin/python" tests/deploy/containers.py "$image" "$manifest"
    done
else
    echo "NOT RUN: the containers of the manifest, which needs root" >&2
fi
