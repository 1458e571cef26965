#include "node/proxy/tls_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "tests/unit/node/proxy/certificates.h"
#include "tests/unit/node/proxy/log_capture.h"

namespace fedcarbon::node {
namespace {

using testing::Authority;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::KeyPair;
using testing::LogCapture;
using ::testing::StartsWith;

class TlsContextTest : public ::testing::Test {
 protected:
  /// Of a server with `files_`.
  std::unique_ptr<TlsContext> Create() {
    const TlsServerOptions options{files_.certificate, files_.key, ""};
    return *TlsContext::Create([options] { return MakeServerContext(options); },
                               {options.certificate, options.key, options.client_ca}, &clock_);
  }

  void Overwrite(const std::string& file, const std::string& text) { std::ofstream(file) << text; }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  Authority authority_;
  const KeyPair files_ = authority_.Issue("DNS:proxy.example.org");
};

TEST_F(TlsContextTest, StaysTheSameWhileTheFilesDo) {
  const auto context = Create();
  const SslContext first = context->Get();
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(context->Get(), first);
}

TEST_F(TlsContextTest, IsMadeAnewWhenTheFilesHaveChanged) {
  const auto context = Create();
  const SslContext first = context->Get();
  authority_.Issue("DNS:proxy.example.org");
  clock_.Advance(TlsContext::kLookInterval - absl::Nanoseconds(1));
  EXPECT_EQ(context->Get(), first);  // it does not look at each connection
  clock_.Advance(absl::Nanoseconds(1));
  const SslContext second = context->Get();
  EXPECT_NE(second, first);
  clock_.Advance(TlsContext::kLookInterval);
  EXPECT_EQ(context->Get(), second);
}

// As tools that renew certificates do.
TEST_F(TlsContextTest, SeesFilesThatWereMovedIntoPlace) {
  const auto context = Create();
  const SslContext first = context->Get();
  const KeyPair renewed = authority_.Issue("DNS:proxy.example.org", "renewed");
  std::filesystem::rename(renewed.certificate, files_.certificate);
  std::filesystem::rename(renewed.key, files_.key);
  clock_.Advance(TlsContext::kLookInterval);
  EXPECT_NE(context->Get(), first);
}

TEST_F(TlsContextTest, KeepsTheOldOneWhileNewFilesCannotBeUsed) {
  const LogCapture log;
  const auto context = Create();
  const SslContext first = context->Get();
  Overwrite(files_.certificate, "half a certifi");
  for (int i = 0; i < 3; ++i) {
    clock_.Advance(TlsContext::kLookInterval);
    EXPECT_EQ(context->Get(), first);
  }
  EXPECT_THAT(log.lines(),
              ElementsAre(StartsWith("changed certificate files are not used: TLS certificate '" +
                                     files_.certificate + "': ")));
  // Only one of two has been replaced.
  const KeyPair renewed = authority_.Issue("DNS:proxy.example.org", "renewed");
  std::filesystem::rename(renewed.certificate, files_.certificate);
  clock_.Advance(TlsContext::kLookInterval);
  EXPECT_EQ(context->Get(), first);
  std::filesystem::rename(renewed.key, files_.key);
  clock_.Advance(TlsContext::kLookInterval);
  EXPECT_NE(context->Get(), first);
}

TEST_F(TlsContextTest, OutlivesFilesThatGo) {
  const LogCapture log;
  const auto context = Create();
  const SslContext first = context->Get();
  std::filesystem::remove(files_.certificate);
  clock_.Advance(TlsContext::kLookInterval);
  EXPECT_EQ(context->Get(), first);
}

TEST_F(TlsContextTest, NamesTheFileThatCannotBeUsed) {
  const auto expect_error = [](const absl::StatusOr<SslContext>& context, const std::string& start,
                               const std::string& why) {
    EXPECT_EQ(context.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(context.status().message()), StartsWith(start + "': "));
    EXPECT_THAT(std::string(context.status().message()), HasSubstr(why));
  };
  const KeyPair other = authority_.Issue("DNS:other.example.org", "other");
  const std::string none = files_.key + ".none";
  expect_error(MakeServerContext({none, files_.key, ""}), "TLS certificate '" + none, "No such file");
  expect_error(MakeServerContext({files_.key, files_.key, ""}), "TLS certificate '" + files_.key,
               "no start line");
  expect_error(MakeServerContext({files_.certificate, none, ""}), "TLS key '" + none, "No such file");
  expect_error(MakeServerContext({files_.certificate, other.key, ""}), "TLS key '" + other.key,
               "key values mismatch");
  expect_error(MakeServerContext({files_.certificate, files_.key, none}), "TLS client_ca '" + none, "");
  expect_error(MakeClientContext({none, "", "", ""}), "TLS ca '" + none, "");
  expect_error(MakeClientContext({"", files_.certificate, none, ""}), "TLS key '" + none, "No such file");
}

}  // namespace
}  // namespace fedcarbon::node
