#!/usr/bin/env bash
# packages.sh FOLDER: a virtual environment with Flower in FOLDER/RELEASE, for each release that is tested. Exit status 77 if
# PyPI cannot be reached: the tests are then skipped.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../../..
for requirements in "$here"/requirements/*.txt "$top/node/demo/flower/requirements.txt"; do
  release=$(sed -n 's/^flwr==//p' "$requirements")
  said=$("$top/lib/virtual_environment.sh" python3 "$requirements" "$1/$release" 2>&1) && continue
  echo "$said"
  # pip says so only after retries, and then that it knows of no version at all.
  grep -q 'from versions: none' <<<"$said" || exit 1
  echo "SKIPPED: no index of Python packages can be reached, so Flower $release is not tested"
  exit 77
done
