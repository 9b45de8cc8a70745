#!/usr/bin/env bash
# Generates access.log with a real nginx, real clients on loopback, and a clock for nginx that this
# script sets, so that a day takes seconds. README.md explains it.
#
# usage: make-access-log.sh > access.log
# needs (Debian): nginx libfaketime curl wget python3 apache2-utils
set -euo pipefail
export LC_ALL=C TZ=UTC PATH="$PATH:/usr/sbin"

port=8321
home=127.0.0.1:$port
dir=$(mktemp -d)
nginx=
trap 'if [ -n "$nginx" ]; then kill "$nginx"; wait "$nginx" || true; fi; rm -rf "$dir"' EXIT

# --- the site -----------------------------------------------------------------

made='Sun, 01 Mar 2026 00:00:00 GMT' # Every file is from the day before.
mkdir -p "$dir"/{site/{img,docs},tmp}
page() { # NAME LINES LINK...
    local name=$1 lines=$2
    shift 2
    {
        echo "<!doctype html><title>$name</title><link rel=stylesheet href=/style.css>"
        for link; do echo "<a href='$link'>$link</a>"; done
        seq "$lines"
    } >"$dir/site/$name"
}
docs=()
for n in $(seq 12); do
    page "docs/$n.html" $((n * 137)) "/docs/$((n % 12 + 1)).html" /img/logo.png
    docs+=("/docs/$n.html")
done
page index.html 200 "${docs[@]}" /img/logo.png /img/map.png /old
seq 300 >"$dir/site/style.css"
seq 900 >"$dir/site/app.js"
seq 2000 >"$dir/site/img/logo.png"
seq 9000 >"$dir/site/img/map.png"
printf 'User-agent: *\nDisallow: /search\n' >"$dir/site/robots.txt"

cat >"$dir/nginx.conf" <<CONF
daemon off;
master_process off;
pid tmp/pid;
error_log stderr crit;
# nginx clears its environment, but libfaketime reads these variables repeatedly.
env FAKETIME_TIMESTAMP_FILE; env FAKETIME_FMT; env FAKETIME_NO_CACHE;
env FAKETIME_DONT_FAKE_MONOTONIC; env NO_FAKE_STAT;
events {}
http {
    access_log access.log combined;
    client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp;
    uwsgi_temp_path tmp; scgi_temp_path tmp;
    types { text/html html; text/css css; text/javascript js; image/png png; }
    server {
        listen 127.0.0.1:$port;
        listen [::1]:$port;
        # Lets addresses such as 127.0.0.2 reach it.
        root site;
        location = /health { return 204; }
        location = /login { return 303 /; }
        location = /old { return 301 /; }
        location = /search { default_type text/plain; return 200 "nothing found\n"; }
        location /private/ { return 403; }
    }
}
CONF

# --- the plan: lines of SECOND CLIENT ACTION [ARG] ----------------------------

day=1772409600 # 2026-03-02 00:00:00 UTC, a Monday
at() { echo $((day + $1 * 3600 + $2 * 60 + ${3:-0})); } # HOUR MINUTE [SECOND]

# A reader looks at some pages, with pauses in between.
visit() { # SECOND CLIENT PAGES
    local t=$1 client=$2 pages=$3
    echo "$t $client page /"
    echo "$t $client asset /style.css"
    echo "$((t + 1)) $client asset /img/logo.png"
    for _ in $(seq "$pages"); do
        t=$((t + 5 + RANDOM % 400))
        echo "$t $client page ${docs[RANDOM % 12]}"
        if ((RANDOM % 3 == 0)); then echo "$t $client asset /app.js"; fi
    done
}

plan() {
    local n t minute long path
    RANDOM=20260302 # Here, and no RANDOM in a $(…): a subshell seeds itself anew.
    # Readers, before and after a lunch hour; most come back, some within half an
    # hour, some later.
    for n in $(seq 2 45); do
        minute=$((RANDOM % 200))
        t=$(at $((n % 2 ? 8 : 13)) $minute)
        visit "$t" "127.0.0.$n" $((1 + RANDOM % 4))
        if ((n % 3)); then
            visit $((t + 900 + RANDOM % 4000)) "127.0.0.$n" $((1 + RANDOM % 3))
        fi
    done
    # A reader on IPv6, morning and evening.
    visit "$(at 9 12)" ::1 5
    visit "$(at 19 40)" ::1 4
    # A night owl whose visit runs over midnight.
    for t in 0 600 1500 2400 3900 4000 7900; do
        echo "$(($(at 23 20) + t)) 127.0.0.50 page ${docs[RANDOM % 12]}"
    done
    # A monitor that sends a request every ten minutes, in working hours.
    for t in $(seq "$(at 8 0)" 600 "$(at 17 59)"); do
        if ((t < $(at 12 0) || t >= $(at 13 0))); then echo "$t 127.0.0.101 health"; fi
    done
    # A crawler reads all pages, a few seconds apart, and returns the next morning.
    for t in "$(at 10 30)" "$(at 30 15)"; do
        echo "$t 127.0.0.102 crawl /robots.txt"
        for n in $(seq 0 11); do echo "$((t + 4 * n + 3)) 127.0.0.102 crawl ${docs[n]}"; done
    done
    # A client that copies the site, one that benchmarks it, and one that reloads.
    echo "$(at 11 5) 127.0.0.103 mirror"
    echo "$(at 14 45) 127.0.0.104 bench"
    for n in $(seq 0 2 70); do echo "$(($(at 16 2) + n)) 127.0.0.105 page /"; done
    # A client with a cache: responses without a body.
    for t in 0 20 80 140; do echo "$(at 15 $t) 127.0.0.106 fresh /img/map.png"; done
    # Logins and uploads.
    for t in 10 11 70; do echo "$(at 9 $t) 127.0.0.107 login"; done
    # Searches, longer than 128 bytes; two of them differ only at the end.
    long=$(printf 'a+very+long+question+%.0s' $(seq 8))
    for t in 0 12 50 65 130; do
        echo "$(at 10 $t 7) 127.0.0.108 page /search?q=${long}one"
        echo "$(at 10 $t 9) 127.0.0.108 page /search?q=${long}two"
        echo "$(at 10 $t 9) 127.0.0.109 page /search?q=${long}one"
    done
    # A scanner: missing pages, forbidden pages, requests that are not HTTP.
    n=0
    for path in /wp-login.php /.env /admin/ /private/keys /phpmyadmin/ /cgi-bin/test /%00 \
        /backup.zip /favicon.ico /.git/config /old /xmlrpc.php; do
        echo "$(($(at 27 33) + n++)) 127.0.0.110 odd $path"
    done
    echo "$(at 27 34) 127.0.0.110 tls"
    echo "$(at 27 34 1) 127.0.0.110 raw"
}

# --- the clients --------------------------------------------------------------

get() { # CLIENT CURL-ARGUMENT...
    local client=$1 host=$home
    shift
    if [ "$client" = ::1 ]; then host=[::1]:$port; fi
    curl --silent --globoff --path-as-is --output /dev/null --max-time 10 \
        --interface "$client" "${@//@/http://$host}"
}

act() { # CLIENT ACTION [ARG]
    local client=$1 path=${3:-}
    case $2 in
        page) get "$client" "@$path" ;;
        asset) get "$client" --referer "http://localhost/" "@$path" ;;
        fresh) get "$client" --time-cond "$made" "@$path" ;;
        login) get "$client" --data 'name=reader&word=secret' "@/login" ;;
        odd) get "$client" --user-agent 'odd "agent" \ [1/Jan/2000:00:00:00 +0000] é' "@$path" ;;
        tls) get "$client" --insecure "https://$home/" || true ;;
        raw) python3 -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[2])), 10, (sys.argv[1], 0))
s.sendall(b"HELO \"there\" \\ \xff\r\n\r\n")
s.recv(4096)' "$client" "$port" ;;
        health) wget --quiet --spider --tries=1 --bind-address="$client" "http://$home/health" ;;
        mirror) wget --quiet --mirror --directory-prefix="$dir/tmp/copy" \
            --bind-address="$client" "http://$home/" || true ;;
        bench) ab -q -n 60 -c 1 -B "$client" "http://$home/docs/1.html" >/dev/null ;;
        crawl) python3 -c '
import http.client, sys
c = http.client.HTTPConnection(sys.argv[2], source_address=(sys.argv[1], 0), timeout=10)
c.request("GET", sys.argv[3], headers={"User-Agent": "crawler/1.0"})
c.getresponse().read()' "$client" "$home" "$path" ;;
        *) echo "no such action: $2" >&2 && exit 1 ;;
    esac
}

# --- the day ------------------------------------------------------------------

set_clock() { echo "$1" >"$dir/clock.new" && mv "$dir/clock.new" "$dir/clock"; }

find "$dir/site" -type f -exec touch -d "$made" {} +
set_clock "$day"
LD_PRELOAD=$(echo /usr/lib/*/faketime/libfaketime.so.1) \
    FAKETIME_TIMESTAMP_FILE="$dir/clock" FAKETIME_FMT=%s FAKETIME_NO_CACHE=1 \
    FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 \
    nginx -p "$dir" -c nginx.conf &
nginx=$!
until curl --silent --output /dev/null "http://$home/up"; do sleep 0.1; done
: >"$dir/access.log" # The log begins with the first visitor. nginx appends.

plan | sort -n -s -k1,1 >"$dir/plan"
while read -r second client action path <&3; do
    set_clock "$second"
    act "$client" "$action" "$path"
done 3<"$dir/plan"

cat "$dir/access.log"
