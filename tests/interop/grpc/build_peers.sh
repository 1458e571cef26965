#!/usr/bin/env bash
# build_peers.sh FOLDER: gRPC's interop programs in Go (FOLDER/go/) and Java (FOLDER/java/*.jar), of the versions that go.mod and
# pom.xml name, with an archive of what Java's client loads, which halves its start. Does nothing if they are there.
set -euo pipefail
cd "$(dirname "$0")"
folder=$1
wanted=$(cat build_peers.sh go.mod go.sum pom.xml | sha256sum)
[ "$(cat "$folder/wanted" 2>/dev/null)" != "$wanted" ] || exit 0
mkdir -p "$folder"
go build -o "$folder/go/" google.golang.org/grpc/interop/client google.golang.org/grpc/interop/server
mvn --quiet --batch-mode -f pom.xml dependency:copy-dependencies -DoutputDirectory="$folder/java"
# A call to nobody, which fails.
java -XX:ArchiveClassesAtExit="$folder/java/classes.jsa" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$folder/java/*" \
  io.grpc.testing.integration.TestServiceClient --server_host=127.0.0.1 --server_port=9 --use_tls=false \
  --test_case=empty_unary >"$folder/archive.log" 2>&1 || true
echo "$wanted" >"$folder/wanted"
