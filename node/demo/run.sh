#!/usr/bin/env bash
# The demo: four hospitals train together, and what it cost stands at the coordinator. Installs what is missing, builds,
# runs, and leaves the page up until Ctrl-C. README.md in this folder explains what it shows.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: node/demo/run.sh [--once] [--model mlp|logistic] [--rounds N] [--seed N] [--bin DIR]
  --once    end by itself; without it the page stays up until Ctrl-C
  --model   mlp, 270,337 parameters (default), or logistic, 14
  --rounds  1 to 10000 (default 15)
  --seed    decides the split into training and held-out rows, and all else that is drawn (default 1)
  --bin     programs that are already built there: installs and builds nothing
EOF
}

top=$(cd "$(dirname "$0")/../.." && pwd)
source "$top/node/demo/options.sh"
once=false model=mlp rounds=15 seed=1 bin=
read_options 10000 "$@"

data=$top/node/demo/data
programs=(fedcarbon fedcarbon-coordinator fedcarbon-demo-aggregator fedcarbon-demo-hospital fedcarbon-demo-pooled
  fedcarbon-demo-summary)

source "$top/node/demo/processes.sh"
if [ -z "$bin" ]; then
  source "$top/lib/packages.sh"
  install_packages "${build_packages[@]}"
  build "$top" "${programs[@]}"
  bin=$top/build/bin
fi
for program in "${programs[@]}"; do
  [ -x "$bin/$program" ] || misused "no program $program in $bin"
done

# What would be the hospitals' and the aggregator's own lines; all of this runs on one machine.
export FEDCARBON_LINK=fixed

start_coordinator

# The aggregator's country is made up; the hospitals' are their own.
start aggregator "$bin/fedcarbon-demo-aggregator" --listen 127.0.0.1:0 --country DEU --model "$model" --rounds "$rounds" \
  --seed "$seed" --record "$work/aggregator.record"
training=("${started[-1]}")
aggregator_address=$(said aggregator "listening on $address")

# hospital NODE COUNTRY FILE
hospital() {
  start "$1" "$bin/fedcarbon-demo-hospital" --node "$1" --country "$2" --data "$data/$3" --aggregator "$aggregator_address" \
    --record "$work/$1.record"
  training+=("${started[-1]}")
}
four_hospitals

in_background "$bin/fedcarbon" watch
watch=${started[-1]}

while [ ${#training[@]} -gt 0 ]; do
  if ! wait -n -p ended "${training[@]}"; then
    echo "$0: the training failed:" >&2
    tail -n 5 "$work"/*.log >&2
    exit 1
  fi
  for i in "${!training[@]}"; do [ "${training[i]}" != "$ended" ] || unset "training[i]"; done
done
# It ends with the run, once the last facts are in.
for ((i = 0; i < 100; i++)); do kill -0 "$watch" 2>/dev/null && sleep 0.05 || break; done

run=$(sed -n 's/^run //p' "$work/aggregator.record")
echo
echo "== the training, per round and per node"
"$bin/fedcarbon" footprint --run "$run"
echo
echo "== accuracy beside carbon and bytes; the hospitals' own count of bytes beside the coordinator's"
"$bin/fedcarbon-demo-pooled" --model "$model" --rounds "$rounds" --seed "$seed" --record "$work/pooled.record" \
  "$data"/{cleveland,va_long_beach,hungarian,switzerland}.csv >/dev/null
"$bin/fedcarbon-demo-summary" --coordinator "$FEDCARBON_COORDINATOR" "$work"/*.record
echo
echo "== the same run as CUMULATOR counted it in 2020"
"$bin/fedcarbon" footprint --run "$run" --model cumulator/2020 | sed -n '/^####/,$p'
echo
if $once; then exit 0; fi
echo "== the page stays at $page until Ctrl-C"
wait "${started[0]}"
