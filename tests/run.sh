#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests:
#   release   g++, the whole suite
#   address   clang with -Wthread-safety, AddressSanitizer and UndefinedBehaviorSanitizer, the whole suite
#   thread    clang with ThreadSanitizer: what is threaded, without gRPC, which Debian does not instrument
# Without an argument all three. Exit status 0 if every test passed.
set -euo pipefail
cd "$(dirname "$0")/.."
source lib/packages.sh

usage() {
  echo "usage: tests/run.sh [release|address|thread]..." >&2
  exit 2
}

stages=("$@")
[ ${#stages[@]} -gt 0 ] || stages=(release address thread)
for stage in "${stages[@]}"; do
  case $stage in release | address | thread) ;; *) usage ;; esac
done

install_packages "${build_packages[@]}" "${test_packages[@]}" "${interop_packages[@]}"

passed=0 failed=0 skipped=0

# However it ends, the last line says what was found.
summary() {
  local status=$?
  [ $status -eq 0 ] || [ $failed -gt 0 ] || failed=1
  echo "$passed passed, $failed failed$([ $skipped -eq 0 ] || echo ", $skipped skipped")"
  [ $failed -eq 0 ] || exit 1
}
trap summary EXIT

# count FILE: adds up the results of a JUnit file. A test that could not be started has failed.
count() {
  local passes failures skips
  read -r passes failures skips < <(python3 - "$1" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
cases = list(tree.parse(sys.argv[1]).getroot().iter('testcase'))
passes = sum(case.get('status') == 'run' for case in cases)
skips = sum(any('SKIP' in skip.get('message', '') for skip in case.iter('skipped')) for case in cases)
print(passes, len(cases) - passes - skips, skips)
PYTHON
)
  passed=$((passed + passes))
  failed=$((failed + failures))
  skipped=$((skipped + skips))
}

for stage in "${stages[@]}"; do
  build=build/tests-$stage
  options=(-G Ninja -DFEDCARBON_TESTS=ON)
  case $stage in
    release) options+=(-DCMAKE_BUILD_TYPE=Release -DFEDCARBON_BENCH=ON) ;;
    address) options+=(-DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS=-O1 -g1" -DFEDCARBON_SANITIZE=address
      -DCMAKE_CXX_COMPILER=clang++-14) ;;
    thread) options+=(-DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS=-O1 -g1" -DFEDCARBON_SANITIZE=thread
      -DCMAKE_CXX_COMPILER=clang++-14) ;;
  esac
  mkdir -p "$build"
  echo "== $stage: build"
  cmake -S . -B "$build" "${options[@]}" >"$build/configure.log" 2>&1 || { cat "$build/configure.log"; exit 1; }
  ninja -C "$build" --quiet
  echo "== $stage: test"
  rm -f "$build/results.xml"
  ctest --test-dir "$build" --output-on-failure -j2 --output-junit "$PWD/$build/results.xml" || true
  count "$build/results.xml"
done

echo "== style"
if find lib node server tests \( -name '*.h' -o -name '*.cc' \) -print0 | xargs -0 clang-format-14 --dry-run -Werror; then
  passed=$((passed + 1))
else
  failed=$((failed + 1))
fi
