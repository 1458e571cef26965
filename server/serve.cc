#include "server/serve.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "fedcarbon/carbon/factor.h"
#include "fedcarbon/files/read_file.h"
#include "fedcarbon/http/http_server.h"
#include "fedcarbon/report/batch_format.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/sync/grpc/deadline.h"
#include "server/ingest/extract_totals.h"
#include "server/ingest/grpc/report_service.h"
#include "server/ingest/ingestor.h"
#include "server/query/grpc/footprint_service.h"
#include "server/store/sqlite/sqlite_store.h"
#include "server/web/site.h"

namespace fedcarbon::server {
namespace {

// How long a stop waits for calls under way; then they are cut off.
constexpr absl::Duration kDrainTimeout = absl::Seconds(2);

absl::Status CheckExposure(const char* option, const Address& address, bool allow_remote) {
  if (address.is_loopback()) return absl::OkStatus();
  if (!allow_remote) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, " ", address.text(),
                     " can be reached from other machines, and nothing here is "
                     "encrypted or authenticated yet: use a loopback address, or add --insecure"));
  }
  spdlog::warn("{} {}: anybody who reaches this address can read and report; nothing is encrypted", option,
               address.text());
  return absl::OkStatus();
}

// The text of the factors file; empty if there is none.
absl::StatusOr<std::string> ReadFactors(const std::string& path) {
  if (path.empty()) return std::string();
  absl::StatusOr<std::string> text = ReadFile(path, kMaxFactorsText);
  if (text.ok()) return text;
  return absl::InvalidArgumentError(absl::StrCat("--factors: ", text.status().message()));
}

void Announce(const char* service, const Address& address) {
  std::printf("%s %s\n", service, address.text().c_str());
  std::fflush(stdout);
}

absl::StatusOr<std::unique_ptr<grpc::Server>> StartGrpc(const Address& address,
                                                        const std::vector<grpc::Service*>& services,
                                                        int* port) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address.text(), grpc::InsecureServerCredentials(), port);
  // Otherwise a second coordinator could share the port of the first.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // A node that vanished without a word is found out.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  // Room for a query's factors file; and for a batch that is too large, so that the service can say so
  // itself.
  builder.SetMaxReceiveMessageSize(static_cast<int>(kMaxFactorsText + kMaxSealedBatchBytes));
  for (grpc::Service* service : services) builder.RegisterService(service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || *port == 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", address.text(),
                                               ": is the port in use, and the address this machine's? "
                                               "Choose another with --grpc"));
  }
  return server;
}

}  // namespace

absl::Status Serve(const ServeOptions& options, const sigset_t& signals) {
  for (const auto& [option, address] :
       {std::pair("--grpc", options.grpc), std::pair("--http", options.http)}) {
    RETURN_IF_ERROR(CheckExposure(option, address, options.allow_remote));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<SqliteStore> store,
                   SqliteStore::Open(options.data, ExtractStoredTotals));
  ASSIGN_OR_RETURN(const std::string factors, ReadFactors(options.factors));
  ASSIGN_OR_RETURN(const std::unique_ptr<FootprintQuery> query,
                   FootprintQuery::Create(store.get(), Clock::System(), factors, options.factors));

  Metrics metrics;
  Ingestor ingestor(store.get(), Clock::System(), &metrics);
  ReportServiceImpl reports(&ingestor, Clock::System(), &metrics);
  FootprintServiceImpl footprints(query.get());
  int grpc_port = 0;
  ASSIGN_OR_RETURN(const std::unique_ptr<grpc::Server> server,
                   StartGrpc(options.grpc, {&reports, &footprints}, &grpc_port));

  Site site(query.get(), &metrics);
  ASSIGN_OR_RETURN(const std::unique_ptr<HttpServer> http,
                   HttpServer::Start(options.http, HttpLimits(), &site));
  Announce("grpc", {options.grpc.host, grpc_port});
  Announce("http", http->listening());

  int signal = 0;
  sigwait(&signals, &signal);
  reports.Drain();
  server->Shutdown(DeadlineAfter(kDrainTimeout));
  return absl::OkStatus();
}

}  // namespace fedcarbon::server
