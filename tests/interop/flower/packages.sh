#!/usr/bin/env bash
# packages.sh FOLDER RELEASE...: a virtual environment with Flower in FOLDER/RELEASE for each.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../../..
folder=$1
shift
for release in "$@"; do
  requirements=$here/requirements/$release.txt
  [ "$release" != 1.41.0 ] || requirements=$top/node/demo/flower/requirements.txt
  "$top/lib/virtual_environment.sh" python3 "$requirements" "$folder/$release"
done
