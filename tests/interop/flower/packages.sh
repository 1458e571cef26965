#!/usr/bin/env bash
# packages.sh FOLDER: a virtual environment with Flower in FOLDER/RELEASE, for each release that is tested.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../../..
for requirements in "$here"/requirements/*.txt "$top/node/demo/flower/requirements.txt"; do
  release=$(sed -n 's/^flwr==//p' "$requirements")
  "$top/lib/virtual_environment.sh" python3 "$requirements" "$1/$release" || {
    echo "Flower $release could not be installed. Where no package index can be reached, its tests are SKIPPED"
    exit 1
  }
done
