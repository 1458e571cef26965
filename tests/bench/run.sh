#!/usr/bin/env bash
# Builds and runs the benchmarks, and prints medians and ratios. Arms are interleaved at random within one run, because
# machines are noisy: believe the ratios.
#   tests/bench/run.sh [rpc|record|decode|ingest|query|proxy|rules]... [--quick]
# proxy: fedcarbon-node beside other proxies, in ten minutes; --quick tries it out in two.
# rules: what Flower's rules cost in it, in two minutes; --quick makes a tenth of the rounds.
set -euo pipefail
cd "$(dirname "$0")/../.."
source lib/packages.sh

micro=() nodes=() quick=()
for name in "$@"; do
  case $name in
    proxy | rules) nodes+=("$name") ;;
    --quick) quick=(--quick) ;;
    *) micro+=("$name") ;;
  esac
done
[ $# -gt 0 ] || micro=(rpc record decode ingest query)

packages=("${build_packages[@]}" libbenchmark-dev libgtest-dev libgmock-dev python3)
targets=("${micro[@]/%/_bench}")
[ ${#nodes[@]} -eq 0 ] || targets+=(fedcarbon-node fedcarbon-coordinator)
if [[ " ${nodes[*]} " == *" proxy "* ]]; then
  packages+=("${bench_packages[@]}")
  targets+=(grpc_bulk)
fi
install_packages "${packages[@]}"
build=build/bench
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_UNITY_BUILD=ON -DFEDCARBON_BENCH=ON >"$build.log" 2>&1 ||
  { cat "$build.log"; exit 1; }
ninja -C "$build" --quiet "${targets[@]}"
for bench in "${micro[@]}"; do
  echo "== $bench" >&2
  "$build/bench/${bench}_bench" --benchmark_enable_random_interleaving=true --benchmark_out="$build/$bench.json" \
    --benchmark_out_format=json >/dev/null
done
[ ${#micro[@]} -eq 0 ] || python3 tests/bench/report.py "${micro[@]/#/$build/}"
for name in "${nodes[@]}"; do
  case $name in
    proxy) python3 tests/bench/proxy/main.py "${quick[@]}" "$build/bin" ;;
    rules) python3 tests/bench/proxy/rules.py "${quick[@]}" "$build/bin" ;;
  esac
done
