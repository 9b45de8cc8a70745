#!/bin/sh
# Fills the root folder of an image: the program, the libraries that it needs with their loader, the
# root certificates for --allow-http, and a name for the user.
#
#   deploy/image.sh PROGRAM FOLDER
#
# The libraries are those of this machine, so build the program on it, or on one with an older glibc.
set -eu

program=$1
root=$2
certificates=/etc/ssl/certs/ca-certificates.crt

install -D -m 755 "$program" "$root/usr/bin/localmap"
# Under the names by which the loader finds them.
ldd "$program" | grep -o '/[^ ]*' | sort -u | while read -r library; do
    install -D -m 755 "$library" "$root$library"
done
# Without it, --allow-http reaches no https.
[ ! -f "$certificates" ] || install -D -m 644 "$certificates" "$root$certificates"
mkdir -p "$root/etc"
echo 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin' > "$root/etc/passwd"
echo 'nonroot:x:65532:' > "$root/etc/group"
