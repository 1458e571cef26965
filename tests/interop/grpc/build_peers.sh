#!/usr/bin/env bash
# build_peers.sh FOLDER: gRPC's interop programs in Go (FOLDER/go/) and Java (FOLDER/java/*.jar), of the versions that go.mod and
# pom.xml name. Does nothing if they are there.
set -euo pipefail
cd "$(dirname "$0")"
folder=$1
wanted=$(cat go.mod go.sum pom.xml | sha256sum)
[ "$(cat "$folder/wanted" 2>/dev/null)" != "$wanted" ] || exit 0
mkdir -p "$folder"
go build -o "$folder/go/" google.golang.org/grpc/interop/client google.golang.org/grpc/interop/server
mvn --quiet --batch-mode -f pom.xml dependency:copy-dependencies -DoutputDirectory="$folder/java"
echo "$wanted" >"$folder/wanted"
