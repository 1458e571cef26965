// Serves the page over a federation that this program makes up, for tests and pictures:
//   page_server ROUNDS HOSPITALS RUN_NAME LAST_HOSPITAL
// Prints the port. Each line on standard input adds a round; it ends with its input.
#include <iostream>
#include <string>

#include "fedcarbon/http/http_server.h"
#include "server/metrics/metrics.h"
#include "server/query/footprint_query.h"
#include "server/web/site.h"
#include "tests/web/made_up_federation.h"

namespace fedcarbon::server {
namespace {

int Main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: page_server ROUNDS HOSPITALS RUN_NAME LAST_HOSPITAL\n";
    return 2;
  }
  MadeUpFederation federation(std::stoul(argv[1]), std::stoul(argv[2]), argv[3], argv[4]);
  const auto query = FootprintQuery::Create(federation.store(), federation.clock(), "", "");
  if (!query.ok()) {
    std::cerr << query.status() << "\n";
    return 1;
  }
  Metrics metrics;
  Site site(query->get(), &metrics);
  const auto server = HttpServer::Start({"127.0.0.1", 0}, HttpLimits(), &site);
  if (!server.ok()) {
    std::cerr << server.status() << "\n";
    return 1;
  }
  std::cout << (*server)->listening().port << std::endl;
  for (std::string line; std::getline(std::cin, line);) federation.AddRound();
  return 0;
}

}  // namespace
}  // namespace fedcarbon::server

int main(int argc, char** argv) { return fedcarbon::server::Main(argc, argv); }
