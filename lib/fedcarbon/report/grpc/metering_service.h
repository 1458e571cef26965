// Metering with a coordinator behind it: a Meter, a Reporter and their connection in one object. What a
// program needs:
//
// ```cpp
// #include <fedcarbon/meter/grpc/metered.h>
//
// void Train(std::shared_ptr<grpc::Channel> aggregator);  // the program's own
//
// absl::Status Run(const std::string& target) {
//   // Reads FEDCARBON_*.
//   const absl::StatusOr<std::unique_ptr<MeteringService>> metering = MeteringService::Start({});
//   if (!metering.ok()) return metering.status();
//   Train(CreateMeteredChannel(target, grpc::InsecureChannelCredentials(), (*metering)->meter()));
//   return (*metering)->Flush(absl::Seconds(10));
// }
// ```
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fedcarbon/meter/meter.h"

namespace fedcarbon {

class Reporter;

/// Each empty field is taken from the environment variable named beside it.
struct MeteringServiceOptions {
  std::string node;         // FEDCARBON_NODE: lower-case DNS name. Required
  std::string coordinator;  // FEDCARBON_COORDINATOR: HOST:PORT of the report service, default 127.0.0.1:7433
  std::string country;      // FEDCARBON_COUNTRY: ISO 3166 alpha-3
  std::string link;         // FEDCARBON_LINK: fixed, mobile, lan or datacentre
  std::optional<double> pue;  // FEDCARBON_PUE: power usage effectiveness that the site measured, 1.0 to 10.0
  std::string keep;           // FEDCARBON_KEEP: a directory that gets a copy of each sealed batch as a file
  std::optional<bool> disabled;  // FEDCARBON_DISABLED=1: records and sends nothing
  std::optional<bool> insecure;  // FEDCARBON_INSECURE=1: the coordinator may be on another machine

  /// False: measures, and drops the facts. There is no coordinator then, and nothing to keep.
  bool report = true;

  /// Whose CPU time is fedcarbon's own; must outlive everything.
  const CpuClock* cpu = CpuClock::System();

  size_t batch_bytes = 60'000;                          // a batch is sealed at this size: 1,000 to 65,535
  absl::Duration batch_interval = absl::Seconds(1);     // and at this age
  Bytes queue_bytes = Bytes(64'000'000);                // of sealed batches held until they are acknowledged
  absl::Duration shutdown_deadline = absl::Seconds(2);  // what the destructor waits for the last answer
};

/// Thread-safe. The destructor stops the Meter, flushes for at most `shutdown_deadline` and closes the
/// connection. A program ended by SIGTERM calls Flush from its own way of shutting down: a library installs
/// no signal handler. Calls and spans may outlive it; what they record then is ignored. In a forked child,
/// the parent's MeteringService records and sends nothing; start another.
class MeteringService {
 public:
  /// INVALID_ARGUMENT names the field, the variable and the remedy. An unreachable coordinator is no error.
  static absl::StatusOr<std::unique_ptr<MeteringService>> Start(MeteringServiceOptions options);

  /// The same, for programs that go on without: where Start fails, one warning says why, and what is returned
  /// records and sends nothing, as with `disabled`. Never null.
  static std::unique_ptr<MeteringService> StartOrDisabled(MeteringServiceOptions options);

  ~MeteringService();

  const std::shared_ptr<Meter>& meter() const { return meter_; }

  /// Seals what was recorded and waits until the coordinator has committed it. DEADLINE_EXCEEDED names what
  /// is left. OK at once if nothing is reported.
  absl::Status Flush(absl::Duration deadline);

 private:
  static std::unique_ptr<MeteringService> Disabled();
  MeteringService(std::shared_ptr<Meter> meter, std::shared_ptr<Reporter> reporter,
                  absl::Duration shutdown_deadline);

  std::shared_ptr<Meter> meter_;
  std::shared_ptr<Reporter> reporter_;  // null: nothing is reported
  absl::Duration shutdown_deadline_;
};

}  // namespace fedcarbon
