#!/usr/bin/env bash
# The demo for Flower: the same four hospitals train in Python, and know nothing of fedcarbon. Installs what is missing,
# builds, runs, and leaves the page up until Ctrl-C. README.md in this folder explains what it shows.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: node/demo/flower.sh [--once] [--model mlp|logistic] [--rounds N] [--seed N] [--bin DIR]
  --once    end by itself; without it the page stays up until Ctrl-C
  --model   mlp, 270,337 parameters (default), or logistic, 14
  --rounds  1 to 1000 (default 5)
  --seed    decides the split into training and held-out rows, and all else that is drawn (default 1)
  --bin     programs that are already built there: installs and builds nothing but the Python packages
EOF
}

top=$(cd "$(dirname "$0")/../.." && pwd)
source "$top/node/demo/options.sh"
once=false model=mlp rounds=5 seed=1 bin=
read_options 1000 "$@"

data=$top/node/demo/data
app=$top/node/demo/flower
programs=(fedcarbon fedcarbon-coordinator fedcarbon-node)

source "$top/node/demo/processes.sh"
if [ -z "$bin" ]; then
  source "$top/lib/packages.sh"
  install_packages "${build_packages[@]}" python3 python3-venv
  build "$top" "${programs[@]}"
  bin=$top/build/bin
fi
for program in "${programs[@]}"; do
  [ -x "$bin/$program" ] || misused "no program $program in $bin"
done
packages=${FEDCARBON_FLOWER:-$top/build/flower}  # a virtual environment that is shared, or one of its own
[ -d "$packages" ] || echo "== installing Flower in $packages (the first time takes some minutes)"
"$top/lib/virtual_environment.sh" python3 "$app/requirements.txt" "$packages"

# Flower's programs start each other by name. They are to ask nobody outside.
export PATH=$packages/bin:$PATH FLWR_HOME=$work/flower PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
export FLWR_TELEMETRY_ENABLED=0 FLWR_DISABLE_UPDATE_CHECK=1 FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION=1
unset {http,https,all}_proxy {HTTP,HTTPS,ALL}_PROXY

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# What would be the hospitals' own lines; all of this runs on one machine.
export FEDCARBON_LINK=fixed

start_coordinator

superlink=127.0.0.1:$(free_port)
start superlink flower-superlink --insecure --host "${superlink%:*}" --port "${superlink#*:}"
said superlink "running on (http)" >/dev/null
mkdir -p "$FLWR_HOME"
cat >"$FLWR_HOME/config.toml" <<EOF
[superlink]
default = "demo"
[superlink.demo]
address = "$superlink"
insecure = true
EOF

# hospital NODE COUNTRY FILE: its SuperNode, which is told the address of its fedcarbon-node instead of the SuperLink's.
hospital() {
  start "$1-node" "$bin/fedcarbon-node" --node "$1" --country "$2" --listen 127.0.0.1:0 --upstream "$superlink" \
    --upstream-node aggregator --http 127.0.0.1:0
  start "$1" flower-supernode --insecure --superlink "$(said "$1-node" "^listen $address")" --host 127.0.0.1 \
    --port "$(free_port)" --node-config "data=\"$data/$3\""
}
four_hospitals

in_background "$bin/fedcarbon" watch
start training flwr run "$app" demo --stream \
  --run-config "num-server-rounds=$rounds num-hospitals=4 model=\"$model\" seed=$seed"
training=${started[-1]}
if ! wait "$training" || ! grep -q "accuracy of round $rounds:" "$work/training.log"; then
  echo "$0: the training failed:" >&2
  tail -n 20 "$work"/*.log >&2
  exit 1
fi
stop_after 1  # the nodes hand over what they still hold

echo
echo "== the training, per round and per node"
"$bin/fedcarbon" footprint
echo
echo "== accuracy on the held-out patients of all hospitals"
grep -o 'accuracy of round .*' "$work/training.log"
echo
if $once; then exit 0; fi
echo "== the page stays at $page until Ctrl-C"
wait "${started[0]}"
