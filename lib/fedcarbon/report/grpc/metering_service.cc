#include "fedcarbon/report/grpc/metering_service.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "fedcarbon/meter/describe_machine.h"
#include "fedcarbon/report/grpc/coordinator_address.h"
#include "fedcarbon/report/grpc/grpc_transport.h"
#include "fedcarbon/report/log.h"
#include "fedcarbon/report/reporter.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/text/country_codes.h"
#include "fedcarbon/text/names.h"
#include "fedcarbon/units/pue.h"

namespace fedcarbon {
namespace {

constexpr char kDefaultCoordinator[] = "127.0.0.1:7433";

std::string FromEnvironment(const char* variable) {
  const char* const value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): read once, at the start
  return value != nullptr ? value : "";
}

void FillFromEnvironment(const char* variable, std::string* option) {
  if (option->empty()) *option = FromEnvironment(variable);
}

absl::Status FillFromEnvironment(const char* variable, std::optional<bool>* option) {
  if (option->has_value()) return absl::OkStatus();
  const std::string value = FromEnvironment(variable);
  if (!value.empty() && value != "0" && value != "1") {
    return absl::InvalidArgumentError(absl::StrCat(variable, "=", value, ": use 1 or 0"));
  }
  *option = value == "1";
  return absl::OkStatus();
}

absl::Status CheckNode(const std::string& node) {
  if (IsNodeName(node)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      node.empty() ? "no node name" : absl::StrCat("node \"", node, "\""),
      ": set FEDCARBON_NODE or MeteringServiceOptions.node to a lower-case DNS name of at most 253 "
      "characters, such as hospital-a.example.org"));
}

absl::Status CheckKeep(const std::string& directory, bool report) {
  struct stat info;
  if (directory.empty()) return absl::OkStatus();
  if (!report) {
    return absl::InvalidArgumentError(absl::StrCat(
        "FEDCARBON_KEEP=", directory,
        ": nothing is reported that could be kept; name a coordinator, or leave the variable out"));
  }
  if (stat(directory.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && access(directory.c_str(), W_OK) == 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("FEDCARBON_KEEP=", directory,
                   ": create this directory and make it writable, or leave the variable out"));
}

absl::Status ReadCountry(const std::string& text, v1::Node* node) {
  if (!text.empty() && !IsCountryCode(text)) {
    return absl::InvalidArgumentError(
        absl::StrCat("FEDCARBON_COUNTRY=", text,
                     ": use an ISO 3166-1 alpha-3 code, such as CHE, or leave it out if unknown"));
  }
  node->set_country(text);
  return absl::OkStatus();
}

absl::Status ReadLink(const std::string& text, v1::Node* node) {
  constexpr std::pair<const char*, v1::LinkKind> kLinks[] = {{"", v1::LINK_KIND_UNSPECIFIED},
                                                             {"fixed", v1::LINK_KIND_FIXED},
                                                             {"mobile", v1::LINK_KIND_MOBILE},
                                                             {"lan", v1::LINK_KIND_LAN},
                                                             {"datacentre", v1::LINK_KIND_DATACENTRE}};
  for (const auto& [name, kind] : kLinks) {
    if (text != name) continue;
    node->set_link(kind);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("FEDCARBON_LINK=", text, ": use fixed, mobile, lan or datacentre"));
}

absl::Status ReadPue(std::optional<double> pue, v1::Node* node) {
  const std::string text = pue.has_value() ? absl::StrCat(*pue) : FromEnvironment("FEDCARBON_PUE");
  if (text.empty()) return absl::OkStatus();
  if (double parsed = 0; !pue.has_value() && absl::SimpleAtod(text, &parsed)) pue = parsed;
  if (!pue.has_value() || !IsPue(*pue)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("FEDCARBON_PUE=%s: use a number from %.1f to %.1f, or leave it out if the site "
                        "measured none",
                        text, kMinPue, kMaxPue));
  }
  node->set_pue_thousandths(static_cast<uint32_t>(std::lround(*pue * 1'000)));
  return absl::OkStatus();
}

class DroppingSink : public FactSink {
 public:
  void Record(Fact) override {}
};

absl::StatusOr<std::shared_ptr<Reporter>> StartReporter(const MeteringServiceOptions& options) {
  RETURN_IF_ERROR(CheckCoordinatorAddress(options.coordinator, *options.insecure));
  if (options.queue_bytes < Bytes(options.batch_bytes)) {
    return absl::InvalidArgumentError(absl::StrCat("queue_bytes ", options.queue_bytes.count(),
                                                   ": it must hold a batch of ", options.batch_bytes,
                                                   " bytes"));
  }
  if (!CheckCoordinatorAddress(options.coordinator, /*insecure=*/false).ok()) {
    log::Warn(
        absl::StrCat("reports to ", options.coordinator, " are not encrypted: FEDCARBON_INSECURE is set"));
  }
  ReporterOptions reporter_options;
  reporter_options.node = options.node;
  reporter_options.batch_bytes = options.batch_bytes;
  reporter_options.batch_interval = options.batch_interval;
  reporter_options.keep = options.keep;
  reporter_options.shutdown_deadline = options.shutdown_deadline;
  return Reporter::Create(reporter_options, std::make_unique<GrpcTransport>(options.coordinator),
                          std::make_unique<MemoryBatchQueue>(options.queue_bytes));
}

}  // namespace

absl::StatusOr<std::unique_ptr<MeteringService>> MeteringService::Start(MeteringServiceOptions options) {
  RETURN_IF_ERROR(FillFromEnvironment("FEDCARBON_DISABLED", &options.disabled));
  RETURN_IF_ERROR(FillFromEnvironment("FEDCARBON_INSECURE", &options.insecure));
  if (*options.disabled) return Disabled();
  FillFromEnvironment("FEDCARBON_NODE", &options.node);
  FillFromEnvironment("FEDCARBON_COORDINATOR", &options.coordinator);
  FillFromEnvironment("FEDCARBON_COUNTRY", &options.country);
  FillFromEnvironment("FEDCARBON_LINK", &options.link);
  FillFromEnvironment("FEDCARBON_KEEP", &options.keep);
  if (options.coordinator.empty()) options.coordinator = kDefaultCoordinator;

  MeterOptions meter_options;
  meter_options.node = options.node;
  meter_options.description = DescribeThisMachine();
  RETURN_IF_ERROR(CheckNode(options.node));
  RETURN_IF_ERROR(CheckKeep(options.keep, options.report));
  RETURN_IF_ERROR(ReadCountry(options.country, &meter_options.description));
  RETURN_IF_ERROR(ReadLink(options.link, &meter_options.description));
  RETURN_IF_ERROR(ReadPue(options.pue, &meter_options.description));
  std::shared_ptr<Reporter> reporter;
  if (options.report) {
    ASSIGN_OR_RETURN(reporter, StartReporter(options));
  }
  std::shared_ptr<FactSink> sink = reporter;
  if (sink == nullptr) sink = std::make_shared<DroppingSink>();
  ASSIGN_OR_RETURN(std::shared_ptr<Meter> meter,
                   Meter::Create(std::move(meter_options), std::move(sink), Clock::System(), options.cpu));
  return std::unique_ptr<MeteringService>(
      new MeteringService(std::move(meter), std::move(reporter), options.shutdown_deadline));
}

std::unique_ptr<MeteringService> MeteringService::StartOrDisabled(MeteringServiceOptions options) {
  absl::StatusOr<std::unique_ptr<MeteringService>> metering = Start(std::move(options));
  if (metering.ok()) return *std::move(metering);
  log::Warn(absl::StrCat("nothing is metered: ", metering.status().ToString()));
  return Disabled();
}

std::unique_ptr<MeteringService> MeteringService::Disabled() {
  return std::unique_ptr<MeteringService>(
      new MeteringService(Meter::Disabled(), nullptr, absl::ZeroDuration()));
}

MeteringService::MeteringService(std::shared_ptr<Meter> meter, std::shared_ptr<Reporter> reporter,
                                 absl::Duration shutdown_deadline)
    : meter_(std::move(meter)), reporter_(std::move(reporter)), shutdown_deadline_(shutdown_deadline) {}

MeteringService::~MeteringService() {
  if (reporter_ == nullptr) return;
  meter_->Sample();  // channels and servers may keep the Meter alive: what it has by now goes out
  meter_.reset();
  reporter_->Stop(shutdown_deadline_);
}

absl::Status MeteringService::Flush(absl::Duration deadline) {
  if (reporter_ == nullptr) return absl::OkStatus();
  meter_->Sample();
  return reporter_->Flush(deadline);
}

}  // namespace fedcarbon
