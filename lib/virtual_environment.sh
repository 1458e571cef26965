#!/usr/bin/env bash
# virtual_environment.sh PYTHON REQUIREMENTS FOLDER: makes a virtual environment with these packages in FOLDER, unless it
# is there.
set -euo pipefail
python=$1 wanted=$2
folder=$(readlink -f "$3")  # venv takes no link
cmp -s "$wanted" "$folder/requirements.txt" && exit 0
"$python" -m venv --clear "$folder"
"$folder/bin/pip" --quiet --disable-pip-version-check install --only-binary :all: -r "$wanted"
cp "$wanted" "$folder/requirements.txt"
