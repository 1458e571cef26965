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

install_packages "${build_packages[@]}" "${test_packages[@]}"

passed=0 failed=0 skipped=0

# count FILE: adds up the results of a JUnit file.
count() {
  local tests failures skips
  read -r tests failures skips < <(python3 - "$1" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
cases = tree.parse(sys.argv[1]).getroot().iter('testcase')
status = [case.get('status') for case in cases]
print(len(status), sum(s == 'fail' for s in status), sum(s in ('notrun', 'disabled') for s in status))
PYTHON
)
  passed=$((passed + tests - failures - skips))
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
  echo "== $stage: build"
  cmake -S . -B "$build" "${options[@]}" >"$build.log" 2>&1 || { cat "$build.log"; exit 1; }
  ninja -C "$build" --quiet
  echo "== $stage: test"
  ctest --test-dir "$build" --output-on-failure -j2 --output-junit "$PWD/$build/results.xml" || true
  count "$build/results.xml"
done

echo "== style"
if git ls-files '*.h' '*.cc' | xargs clang-format-14 --dry-run -Werror; then
  passed=$((passed + 1))
else
  failed=$((failed + 1))
fi

summary="$passed passed, $failed failed"
[ $skipped -eq 0 ] || summary+=", $skipped skipped"
echo "$summary"
[ $failed -eq 0 ]
