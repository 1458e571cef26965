#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests. README.md in this folder says which stage looks at what, and why there.
#   smoke     style, the programs and the unit tests, in five minutes: before each commit
#   style     formatting, links of documents
#   address   clang with -Wthread-safety, AddressSanitizer and UndefinedBehaviorSanitizer
#   thread    clang with ThreadSanitizer: what starts threads, without gRPC, which Debian does not instrument
#   release   g++, the programs as they are shipped
#   tidy      clang-tidy over the sources that differ from SINCE (a commit, in the environment; HEAD^), after smoke
#   long      everything in all three trees, clang-tidy over all, and what takes hours; its trees are stages of their own,
#             long-address, long-thread and long-release
# Without an argument style, address, thread and release. Exit status 0 if every test passed.
set -euo pipefail
cd "$(dirname "$0")/.."
source lib/packages.sh

usage() {
  echo "usage: tests/run.sh [smoke|style|address|thread|release|tidy|long|long-address|long-thread|long-release]..." >&2
  exit 2
}

stages=()
for stage in "${@:-all}"; do
  case $stage in
    all) stages+=(style address thread release) ;;
    smoke) stages+=(style smoke) ;;
    long) stages+=(smoke style long-address long-thread long-release tidy) SINCE=$(git hash-object -t tree /dev/null) ;;
    style | address | thread | release | tidy | long-address | long-thread | long-release) stages+=("$stage") ;;
    *) usage ;;
  esac
done

install_packages "${build_packages[@]}" "${test_packages[@]}" "${interop_packages[@]}"

passed=0 failed=0 skipped=0 begun=$(date +%s)

# However it ends, the last line says what was found.
summary() {
  local status=$?
  [ $status -eq 0 ] || [ $failed -gt 0 ] || failed=1
  echo "== all: $(minutes $begun)"
  echo "$passed passed, $failed failed$([ $skipped -eq 0 ] || echo ", $skipped skipped")"
  [ $failed -eq 0 ] || exit 1
}
trap summary EXIT

# minutes SINCE: how long ago that was.
minutes() {
  local seconds=$(($(date +%s) - $1))
  printf '%d min %02d s' $((seconds / 60)) $((seconds % 60))
}

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

# check NAME COMMAND...: one more that passed or failed.
check() {
  local name=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    echo "FAILED: $name" >&2
    failed=$((failed + 1))
  fi
}

# In units of several files, as README.md builds, in half the time; `long-release` compiles file by file.
# Under clang lines for stack traces, and no more.
clang=(-DCMAKE_CXX_COMPILER=clang++-14 -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-g1 -DCMAKE_UNITY_BUILD=ON
  -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld-14)
sanitized=("${clang[@]}" -DCMAKE_CXX_FLAGS=-O1)

# run STAGE TARGET... -- OPTION...: builds the targets in a tree of its own and runs the tests whose names match $only but
# not $but. Ends with the bill.
run() {
  local stage=$1 targets=()
  shift
  while [ "$1" != -- ]; do targets+=("$1"); shift; done
  shift
  local build=build/tests-$stage since configured built
  since=$(date +%s)
  mkdir -p "$build"
  echo "== $stage: build"
  cmake -S . -B "$build" -G Ninja -DFEDCARBON_TESTS=ON "$@" >"$build/configure.log" 2>&1 ||
    { cat "$build/configure.log"; exit 1; }
  configured=$(minutes "$since") built=$(date +%s)
  ninja -C "$build" --quiet "${targets[@]}"
  built="$(minutes "$built")"
  local tested
  tested=$(date +%s)
  echo "== $stage: test"
  rm -f "$build/results.xml"
  ctest --test-dir "$build" -R "${only:-.}" -E "${but:-^$}" --output-on-failure -j3 --output-junit "$PWD/$build/results.xml" || true
  count "$build/results.xml"
  echo "== $stage: configure $configured, build $built, test $(minutes "$tested")"
  python3 tests/bill.py "$build" "$since"
}

for stage in "${stages[@]}"; do
  case $stage in
    style)
      echo "== style"
      check clang-format bash -c "find lib node server tests -name '*.h' -o -name '*.cc' | xargs clang-format-14 --dry-run -Werror"
      check links python3 -B tests/interop/links_test.py
      ;;
    smoke)
      only='^unit\.' run smoke fedcarbon fedcarbon-node fedcarbon-coordinator unit_tests -- "${clang[@]}"
      ;;
    address)
      only='^(unit|simulation|crash|fuzz)|^conformance\.(packages|hostile|privacy|grpc\.(cpp\.h2|h2\.cpp))|flower\.(packages|1\.41\.0\.message)$' \
        run address fedcarbon fedcarbon-node fedcarbon-coordinator conformance_peer conformance_schema unit_tests fuzzers -- "${sanitized[@]}" -DFEDCARBON_SANITIZE=address
      ;;
    thread)
      only='^(unit|simulation)\.' run thread unit_tests -- "${sanitized[@]}" -DFEDCARBON_SANITIZE=thread
      ;;
    release)
      only='^(conformance|interop|web)\.' but='^conformance\.(hostile|privacy)|flower\.1\.41\.0\.message$' \
        run release all -- -DCMAKE_BUILD_TYPE=Release -DCMAKE_UNITY_BUILD=ON
      ;;
    long-address)
      run long-address all unit_tests fuzzers -- "${sanitized[@]}" -DFEDCARBON_SANITIZE=address -DFEDCARBON_LONG=ON
      for fuzzer in build/tests-long-address/fuzz/fuzz.*; do  # what was found becomes part of the corpus
        name=${fuzzer##*/fuzz.}
        "$fuzzer" -merge=1 "tests/fuzz/corpus/$name" "build/tests-long-address/tests/fuzz/$name" 2>/dev/null
      done
      ;;
    long-thread)
      run long-thread all unit_tests -- "${sanitized[@]}" -DFEDCARBON_SANITIZE=thread -DFEDCARBON_LONG=ON
      ;;
    long-release)
      run long-release all unit_tests -- -DCMAKE_BUILD_TYPE=Release -DFEDCARBON_BENCH=ON -DFEDCARBON_LONG=ON
      ;;
    tidy)
      echo "== tidy"
      check clang-tidy bash -c "git diff --name-only --diff-filter=d ${SINCE:-HEAD^} -- 'lib/*.cc' 'node/*.cc' 'server/*.cc' |
        xargs -r -P2 -n8 clang-tidy-14 --quiet -p build/tests-smoke"
      ;;
  esac
done
