#!/usr/bin/env bash
# Builds and runs the benchmarks, and prints medians and ratios. Arms are interleaved at random within one run, because
# machines are noisy: believe the ratios.
#   tests/bench/run.sh [rpc|record|ingest|query]...
set -euo pipefail
cd "$(dirname "$0")/../.."
source lib/packages.sh
install_packages "${build_packages[@]}" libbenchmark-dev libgtest-dev libgmock-dev python3

benches=("$@")
[ ${#benches[@]} -gt 0 ] || benches=(rpc record ingest query)
build=build/bench
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DFEDCARBON_BENCH=ON >"$build.log" 2>&1 || { cat "$build.log"; exit 1; }
ninja -C "$build" --quiet "${benches[@]/%/_bench}"
for bench in "${benches[@]}"; do
  echo "== $bench" >&2
  "$build/bench/${bench}_bench" --benchmark_enable_random_interleaving=true --benchmark_out="$build/$bench.json" \
    --benchmark_out_format=json >/dev/null
done
python3 tests/bench/report.py "${benches[@]/#/$build/}"
