# The Debian packages that fedcarbon needs, and install_packages to get those that are missing. Sourced by
# node/demo/run.sh and tests/run.sh.

build_packages=(
  g++ cmake ninja-build pkg-config
  protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libgrpc++-dev libabsl-dev
  libsqlite3-dev libcpp-httplib-dev libssl-dev prometheus-cpp-dev libjs-chart.js
  libtomlplusplus-dev libcli11-dev libspdlog-dev libnghttp2-dev libboost1.81-dev
)

test_packages=(
  libgtest-dev libgmock-dev nlohmann-json3-dev libbenchmark-dev libhttp-parser-dev libwslay-dev
  clang-14 lld-14 libclang-rt-14-dev libfuzzer-14-dev clang-format-14 clang-tidy-14
  chromium chromium-driver python3 python3-venv curl sqlite3 procps
)

# What tests/bench/run.sh compares the proxy with, and loads it with.
bench_packages=(nginx-full haproxy nghttp2-proxy nghttp2-server nghttp2-client openssl)

# For gRPC's interop programs in Go and Java, where no toolchain of these is there already.
interop_packages=()
command -v go >/dev/null || interop_packages+=(golang-go)
command -v java >/dev/null || interop_packages+=(default-jdk-headless)
command -v mvn >/dev/null || interop_packages+=(maven)

# install_packages PACKAGE...: installs those that are not there, as root or with sudo.
install_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0

  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
      echo "$0: missing packages: ${missing[*]}. Install them as root: apt-get install ${missing[*]}" >&2
      return 1
    }
    as_root=(sudo)
  fi
  echo "Installing ${missing[*]}" >&2
  "${as_root[@]}" apt-get -qq update >&2 &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" >&2
}
