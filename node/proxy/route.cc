#include "node/proxy/route.h"

#include <utility>

#include "fedcarbon/status/status.h"
#include "node/frameworks/flower/flower.h"

namespace fedcarbon::node {

absl::StatusOr<std::shared_ptr<Route>> Route::Create(ListenerOptions options) {
  auto route = std::make_shared<Route>();
  if (options.tls.has_value()) {
    const TlsServerOptions& tls = *options.tls;
    ASSIGN_OR_RETURN(route->tls, TlsContext::Create([tls] { return MakeServerContext(tls); },
                                                    {tls.certificate, tls.key, tls.client_ca}));
  }
  if (options.upstream_tls.has_value()) {
    const TlsClientOptions& tls = *options.upstream_tls;
    ASSIGN_OR_RETURN(route->upstream_tls, TlsContext::Create([tls] { return MakeClientContext(tls); },
                                                             {tls.ca, tls.certificate, tls.key}));
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
