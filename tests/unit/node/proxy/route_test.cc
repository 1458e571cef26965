#include "node/proxy/route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/unit/node/proxy/certificates.h"

namespace fedcarbon::node {
namespace {

using testing::Authority;
using testing::KeyPair;
using ::testing::StartsWith;

TEST(RouteTest, ReadsTheHeadersThatItsListenerNames) {
  ListenerOptions options;
  options.run_header = "x-run";
  options.round_header = "x-round";
  const auto route = *Route::Create(options);
  for (const char* name : {"x-run", "x-round", ":path", "fedcarbon-bin"}) {
    EXPECT_TRUE(route->headers.Contains(name)) << name;
  }
  const auto without = *Route::Create(ListenerOptions());
  EXPECT_FALSE(without->headers.Contains("x-run"));
  EXPECT_FALSE(without->headers.Contains(""));
}

TEST(RouteTest, HasTlsWhereItsListenerHas) {
  const Authority authority;
  const KeyPair files = authority.Issue("DNS:proxy.example.org");
  ListenerOptions options;
  auto route = *Route::Create(options);
  EXPECT_EQ(route->tls, nullptr);
  EXPECT_EQ(route->upstream_tls, nullptr);

  options.tls = {files.certificate, files.key, ""};
  route = *Route::Create(options);
  EXPECT_NE(route->tls, nullptr);
  EXPECT_EQ(route->upstream_tls, nullptr);

  options.tls.reset();
  options.upstream_tls.emplace().ca = authority.ca();
  route = *Route::Create(options);
  EXPECT_EQ(route->tls, nullptr);
  EXPECT_NE(route->upstream_tls, nullptr);
}

TEST(RouteTest, RefusesCertificatesThatCannotBeUsed) {
  ListenerOptions options;
  options.tls = {"/none", "/none", ""};
  const auto downstream = Route::Create(options);
  EXPECT_EQ(downstream.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(downstream.status().message()), StartsWith("TLS certificate '/none': "));
  options.tls.reset();
  options.upstream_tls.emplace().ca = "/none";
  const auto upstream = Route::Create(options);
  EXPECT_EQ(upstream.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(upstream.status().message()), StartsWith("TLS ca '/none': "));
}

}  // namespace
}  // namespace fedcarbon::node
