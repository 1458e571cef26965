#!/usr/bin/env bash
# Installs the build in $1 into a temporary folder, and builds and runs a project that finds it there.
set -euo pipefail
build=$1 source=$(cd "$(dirname "$0")" && pwd)/package
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
DESTDIR= cmake --install "$build" --prefix "$folder/installed" >"$folder/install.log"
test -s "$folder/installed/lib/systemd/system/fedcarbon-node.service"
cmake -S "$source" -B "$folder/build" -G Ninja -DCMAKE_PREFIX_PATH="$folder/installed" \
  -DCMAKE_CXX_COMPILER="$2" -DCMAKE_CXX_FLAGS="$3" >"$folder/configure.log" || { cat "$folder/configure.log"; exit 1; }
cmake --build "$folder/build"
FEDCARBON_COORDINATOR=127.0.0.1:1 "$folder/build/metered"
