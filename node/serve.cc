#include "node/serve.h"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "fedcarbon/report/grpc/metering_service.h"
#include "fedcarbon/status/status.h"
#include "node/local/grpc/local_service.h"
#include "node/proxy/proxy.h"
#include "node/status/status_server.h"

namespace fedcarbon::node {
namespace {

constexpr absl::Duration kFlushDeadline = absl::Seconds(2);

// Two descriptors per connection, and some for the rest.
void RaiseDescriptorLimit(size_t connections) {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max / 2 < connections) {
    spdlog::warn("{} descriptors are allowed, for fewer than {} connections: those past it will wait",
                 limit.rlim_max, connections);
  }
}

MeteringServiceOptions ToMeteringServiceOptions(const NodeConfig& config) {
  MeteringServiceOptions options;
  options.node = config.node;
  options.report = config.coordinator.has_value();
  if (config.coordinator) options.coordinator = config.coordinator->text();
  options.country = config.country;
  options.link = config.link;
  options.pue = config.pue;
  options.keep = config.keep;
  options.insecure = config.insecure;
  options.cpu = CpuClock::SystemAllOwn();
  options.shutdown_deadline = kFlushDeadline;
  return options;
}

// The first setting that only a restart changes, if it differs.
absl::Status CheckRestartSettings(const NodeConfig& before, const NodeConfig& after) {
  const auto text = [](const std::optional<Address>& address) { return address ? address->text() : ""; };
  for (const auto& [key, same] :
       {std::pair("node", before.node == after.node),
        std::pair("coordinator", text(before.coordinator) == text(after.coordinator)),
        std::pair("http", before.http.text() == after.http.text()),
        std::pair("country", before.country == after.country), std::pair("link", before.link == after.link),
        std::pair("pue", before.pue == after.pue), std::pair("keep", before.keep == after.keep),
        std::pair("local.socket", before.socket == after.socket),
        std::pair("insecure", before.insecure == after.insecure),
        std::pair("threads", before.proxy.threads == after.proxy.threads)}) {
    if (!same) {
      return absl::InvalidArgumentError(absl::StrCat(key, ": it has changed, and only a restart changes it"));
    }
  }
  return absl::OkStatus();
}

absl::Status Reload(const Flags& flags, const NodeConfig& running, Proxy* proxy) {
  if (flags.config.empty()) return absl::InvalidArgumentError("there is no --config to read again");
  ASSIGN_OR_RETURN(const NodeConfig config, LoadConfig(flags));
  RETURN_IF_ERROR(CheckRestartSettings(running, config));
  return proxy->Reload(config.proxy);
}

std::string Listening(const Proxy& proxy) {
  return absl::StrJoin(proxy.listening(), ", ", [](std::string* out, const Endpoint& endpoint) {
    absl::StrAppend(out, endpoint.text());
  });
}

void Announce(const Proxy& proxy, const std::string& socket, const StatusServer& status) {
  for (const Endpoint& endpoint : proxy.listening()) std::printf("listen %s\n", endpoint.text().c_str());
  if (!socket.empty()) std::printf("local %s\n", socket.c_str());
  std::printf("http %s\n", status.listening().text().c_str());
  std::fflush(stdout);
}

// Until a signal to stop.
void ObeySignals(const Flags& flags, const NodeConfig& config, const sigset_t& signals, Proxy* proxy) {
  for (int signal = 0; sigwait(&signals, &signal) == 0 && signal == SIGHUP;) {
    const absl::Status reloaded = Reload(flags, config, proxy);
    if (reloaded.ok()) {
      spdlog::info("{} was read again; listening at {}", flags.config, Listening(*proxy));
    } else {
      spdlog::error("the configuration stays as it was: {}", std::string(reloaded.message()));
    }
  }
}

// Waits until the connections have ended, or until a second signal to stop.
void Drain(const sigset_t& signals, Proxy* proxy) {
  const pthread_t waiting = pthread_self();
  std::atomic<bool> drained{false};
  std::thread drain([&] {
    proxy->Drain();
    drained = true;
    pthread_kill(waiting, SIGTERM);
  });
  for (int signal = SIGHUP; signal == SIGHUP;) sigwait(&signals, &signal);
  if (!drained) {
    spdlog::warn("a second signal: what is open is cut");
    proxy->EndDrain();
  }
  drain.join();
}

}  // namespace

absl::Status Serve(const Flags& flags, const NodeConfig& config, const sigset_t& signals) {
  RaiseDescriptorLimit(config.proxy.connections);
  if (!config.http.is_loopback()) {
    spdlog::warn("http {}: anybody who reaches this address can read health and metrics", config.http.text());
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<MeteringService> metering,
                   MeteringService::Start(ToMeteringServiceOptions(config)));
  if (!metering->meter()->enabled()) {
    spdlog::warn("FEDCARBON_DISABLED is set: what passes is forwarded, and reported to nobody");
  } else if (!config.coordinator) {
    spdlog::warn("no coordinator: what is counted is seen at http {} alone", config.http.text());
  }
  ProxyMetrics metrics;
  ASSIGN_OR_RETURN(const std::unique_ptr<StatusServer> status, StatusServer::Start(config.http, &metrics));
  ASSIGN_OR_RETURN(const std::unique_ptr<Proxy> proxy,
                   Proxy::Start(config.proxy, metering->meter(), &metrics));
  std::unique_ptr<LocalService> local;  // ends before the proxy, whose rounds it names
  if (!config.socket.empty()) {
    ASSIGN_OR_RETURN(local, LocalService::Start(config.socket, metering->meter(), proxy->open_rounds()));
  }
  status->set_serving(true);
  Announce(*proxy, config.socket, *status);

  ObeySignals(flags, config, signals, proxy.get());
  status->set_serving(false);
  spdlog::info("stopping: waiting for {} connections to end", metrics.connections_open.load());
  Drain(signals, proxy.get());
  return absl::OkStatus();
}

}  // namespace fedcarbon::node
