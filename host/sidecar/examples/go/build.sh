#!/usr/bin/env bash
# Builds the example with Debian's packages alone: build.sh OUTPUT
#
# apt-get install golang-go golang-google-grpc-dev golang-github-golang-protobuf-1-5-dev \
#     protoc-gen-go-1-5 protoc-gen-go-grpc protobuf-compiler
set -euo pipefail
output=$(realpath -m "$1")
cd "$(dirname "$0")"
gopath=$(mktemp -d)
trap 'rm -rf "$gopath"' EXIT
mkdir -p "$gopath/src/visits/pb"
cp ./*.go "$gopath/src/visits"
protoc -I . --go_out="$gopath/src/visits/pb" --go_opt=paths=source_relative,Mmaps.proto=visits/pb \
    --go-grpc_out="$gopath/src/visits/pb" --go-grpc_opt=paths=source_relative,Mmaps.proto=visits/pb maps.proto
GO111MODULE=off GOPATH=$gopath:/usr/share/gocode go build -o "$output" visits
