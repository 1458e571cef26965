# The programs of a demo: started in the background, stopped in the opposite order, so that the coordinator hears the
# others' last words. Sourced by run.sh and flower.sh. $work is a folder for their logs, gone at the end.

started=()
work=$(mktemp -d)

# stop_after COUNT: stops all but those that were started first.
stop_after() {
  local deadline
  while [ ${#started[@]} -gt "$1" ]; do
    deadline=$((SECONDS + 10))
    kill -TERM -- "-${started[-1]}" 2>/dev/null || deadline=0
    while kill -0 -- "-${started[-1]}" 2>/dev/null && [ $SECONDS -lt $deadline ]; do sleep 0.05; done
    kill -KILL -- "-${started[-1]}" 2>/dev/null || true
    wait "${started[-1]}" 2>/dev/null || true
    unset 'started[-1]'
  done
}

stop_all() {
  trap '' INT TERM  # a second Ctrl-C does not keep it from ending
  stop_after 0
  rm -rf "$work"
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# in_background PROGRAM ARGUMENT...: in a process group of its own, that its children share.
in_background() {
  set -m
  "$@" &
  set +m
  started+=($!)
}

# start NAME PROGRAM ARGUMENT...: in the background, its output in $work/NAME.log.
start() { in_background "${@:2}" >"$work/$1.log" 2>&1; }

# said NAME PATTERN: waits for a line of the last started program, and prints what the pattern's group matched.
said() {
  local deadline=$((SECONDS + 60)) found
  while [ $SECONDS -lt $deadline ]; do
    found=$(sed -nE "s/.*$2.*/\1/p" "$work/$1.log" | head -n 1)
    [ -z "$found" ] || { echo "$found"; return; }
    kill -0 "${started[-1]}" 2>/dev/null || break
    sleep 0.05
  done
  echo "$0: the $1 did not start:" >&2
  cat "$work/$1.log" >&2
  return 1
}

address='(127\.0\.0\.1:[0-9]+)'  # in a PATTERN

# start_coordinator: the one in $bin; then $page is its page, and programs find it by FEDCARBON_COORDINATOR.
start_coordinator() {
  start coordinator "$bin/fedcarbon-coordinator" --data "$work/data" --grpc 127.0.0.1:0 --http 127.0.0.1:0
  FEDCARBON_COORDINATOR=$(said coordinator "^grpc $address")
  page=http://$(said coordinator "^http $address")
  export FEDCARBON_COORDINATOR
  echo "== the coordinator's page: $page"
}

# four_hospitals: calls the demo's own hospital NODE COUNTRY FILE for each.
four_hospitals() {
  hospital cleveland USA cleveland.csv
  hospital long-beach USA va_long_beach.csv
  hospital budapest HUN hungarian.csv
  hospital zurich-basel CHE switzerland.csv
}

# build TOP TARGET...: in TOP/build, in Release.
build() {
  local top=$1 cores settings=()
  cores=$(nproc)
  # A folder that is there stays as its developer configured it.
  [ -f "$top/build/CMakeCache.txt" ] ||
    settings=(-G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_UNITY_BUILD=ON -DFEDCARBON_TESTS=OFF)
  echo "== building in $top/build with $cores cores (the first time takes some minutes)"
  cmake -S "$top" -B "$top/build" "${settings[@]}" >"$work/cmake.log" 2>&1 ||
    { cat "$work/cmake.log" >&2; return 1; }
  cmake --build "$top/build" --parallel "$cores" --target "${@:2}"
}
