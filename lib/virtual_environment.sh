#!/usr/bin/env bash
# packages.sh PYTHON FOLDER: makes a virtual environment with requirements.txt in FOLDER, unless it is there.
set -euo pipefail
python=$1 folder=$2
wanted=$(dirname "$0")/requirements.txt
cmp -s "$wanted" "$folder/requirements.txt" && exit 0
"$python" -m venv --clear "$folder"
"$folder/bin/pip" --quiet --disable-pip-version-check install --only-binary :all: -r "$wanted"
cp "$wanted" "$folder/requirements.txt"
