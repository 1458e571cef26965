#include "node/proxy/route.h"

#include <utility>

#include "node/frameworks/flower/flower.h"

namespace fedcarbon::node {

absl::StatusOr<std::shared_ptr<Route>> Route::Create(ListenerOptions options) {
  auto route = std::make_shared<Route>();
  if (options.tls.has_value()) {
    const TlsServerOptions& tls = *options.tls;
    absl::StatusOr<std::unique_ptr<TlsContext>> context = TlsContext::Create(
        [tls] { return MakeServerContext(tls); }, {tls.certificate, tls.key, tls.client_ca});
    if (!context.ok()) return context.status();
    route->tls = *std::move(context);
  }
  if (options.upstream_tls.has_value()) {
    const TlsClientOptions& tls = *options.upstream_tls;
    absl::StatusOr<std::unique_ptr<TlsContext>> context =
        TlsContext::Create([tls] { return MakeClientContext(tls); }, {tls.ca, tls.certificate, tls.key});
    if (!context.ok()) return context.status();
    route->upstream_tls = *std::move(context);
  }
  route->headers = HeaderNames::Standard();
  for (std::string& name : Flower::HeaderFields()) route->headers.names.push_back(std::move(name));
  for (const std::string& name : {options.run_header, options.round_header}) {
    if (!name.empty()) route->headers.names.push_back(name);
  }
  route->options = std::move(options);
  return route;
}

}  // namespace fedcarbon::node
