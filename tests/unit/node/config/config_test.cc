#include "node/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace fedcarbon::node {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// A folder with the files that configurations name; gone at the end.
class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    std::string pattern = testing::TempDir() + "fedcarbon-config-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    for (const char* file :
         {"node.pem", "node.key", "clients.pem", "server-ca.pem", "client.pem", "client.key"}) {
      Write(file, "PEM");
    }
  }
  ~ConfigTest() override {
    for (const std::string& file : files_) unlink(file.c_str());
    rmdir(folder_.c_str());
  }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = absl::StrCat(folder_, "/", name);
    std::ofstream(path, std::ios::binary) << text;
    files_.insert(path);
    return path;
  }

  // $DIR in the text is the folder.
  absl::StatusOr<NodeConfig> Parse(const std::string& text, const Flags& flags = {}) const {
    return ParseConfig(absl::StrReplaceAll(text, {{"$DIR", folder_}}), "node.toml", flags);
  }

  std::string ErrorOf(const std::string& text, const Flags& flags = {}) const {
    const absl::StatusOr<NodeConfig> config = Parse(text, flags);
    EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument) << text;
    return std::string(config.status().message());
  }

  std::string folder_;
  std::set<std::string> files_;
};

Flags Minimal() {
  Flags flags;
  flags.node = "hospital-a";
  flags.listen = "127.0.0.1:9092";
  flags.upstream = "fl.example.org:443";
  return flags;
}

constexpr char kMinimal[] =
    "node = 'hospital-a'\n"
    "[[listener]]\n"
    "listen = '127.0.0.1:9092'\n"
    "upstream = 'fl.example.org:443'\n";

std::string FlagsError(const Flags& flags) {
  const absl::StatusOr<NodeConfig> config = LoadConfig(flags);
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(config.status().message());
}

std::string ReadmeExample() {
  std::ifstream file(FEDCARBON_SOURCE_DIR "/node/README.md");
  std::stringstream readme;
  readme << file.rdbuf();
  const std::string text = readme.str();
  const size_t begin = text.find("```toml\n") + 8;
  return text.substr(begin, text.find("```\n", begin) - begin);
}

TEST_F(ConfigTest, FlagsAloneAreEnough) {
  const absl::StatusOr<NodeConfig> config = LoadConfig(Minimal());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->node, "hospital-a");
  EXPECT_FALSE(config->coordinator.has_value());
  EXPECT_EQ(config->http.text(), "127.0.0.1:7481");
  EXPECT_FALSE(config->pue.has_value());
  ASSERT_EQ(config->proxy.listeners.size(), 1u);
  EXPECT_EQ(config->proxy.listeners[0].listen.text(), "127.0.0.1:9092");
  EXPECT_EQ(config->proxy.listeners[0].upstream.text(), "fl.example.org:443");
  EXPECT_EQ(config->proxy.listeners[0].side, v1::END_CLIENT);
}

TEST_F(ConfigTest, EveryFlagIsRead) {
  Flags flags = Minimal();
  flags.coordinator = "[::1]:7433";
  flags.http = "localhost:0";
  flags.country = "CHE";
  flags.link = "lan";
  flags.pue = "1.25";
  flags.keep = folder_;
  flags.socket = "/run/local.sock";
  flags.threads = "4";
  flags.listen = "unix:/run/fl.sock";
  flags.upstream_address = "192.0.2.1:444";
  flags.upstream_node = "aggregator";
  flags.side = "client";
  const absl::StatusOr<NodeConfig> config = LoadConfig(flags);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->coordinator->text(), "[::1]:7433");
  EXPECT_EQ(config->http.text(), "localhost:0");
  EXPECT_EQ(config->country, "CHE");
  EXPECT_EQ(config->link, "lan");
  EXPECT_EQ(config->pue, 1.25);
  EXPECT_EQ(config->keep, folder_);
  EXPECT_EQ(config->socket, "/run/local.sock");
  EXPECT_EQ(config->proxy.threads, 4);
  EXPECT_EQ(config->proxy.listeners[0].listen.unix_path, "/run/fl.sock");
  EXPECT_EQ(config->proxy.listeners[0].upstream_address->text(), "192.0.2.1:444");
  EXPECT_EQ(config->proxy.listeners[0].upstream_node, "aggregator");
  flags.side = "server";
  flags.upstream_node.clear();
  EXPECT_EQ(LoadConfig(flags)->proxy.listeners[0].side, v1::END_SERVER);
}

TEST_F(ConfigTest, TheReadmesExampleHoldsEveryKey) {
  const absl::StatusOr<NodeConfig> config = Parse(absl::StrReplaceAll(
      ReadmeExample(), {{"/etc/fedcarbon", "$DIR"}, {"/var/lib/fedcarbon/batches", "$DIR"}}));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->node, "hospital-a.example.org");
  EXPECT_EQ(config->coordinator->text(), "127.0.0.1:7433");
  EXPECT_EQ(config->http.text(), "127.0.0.1:7481");
  EXPECT_FALSE(config->insecure);
  EXPECT_EQ(config->country, "CHE");
  EXPECT_EQ(config->link, "fixed");
  EXPECT_EQ(config->pue, 1.4);
  EXPECT_EQ(config->keep, folder_);
  EXPECT_EQ(config->socket, "/run/fedcarbon/local.sock");
  ASSERT_EQ(config->proxy.listeners.size(), 2u);
  const ListenerOptions& client = config->proxy.listeners[0];
  EXPECT_EQ(client.listen.text(), "127.0.0.1:9092");
  EXPECT_EQ(client.upstream.text(), "fl.example.org:9092");
  EXPECT_EQ(client.upstream_address->text(), "192.0.2.10:9092");
  EXPECT_EQ(client.side, v1::END_CLIENT);
  EXPECT_EQ(client.upstream_node, "aggregator");
  EXPECT_THAT(client.alpn, ElementsAre("h2"));
  EXPECT_EQ(client.run_header, "x-fl-run");
  EXPECT_EQ(client.round_header, "x-fl-round");
  EXPECT_TRUE(client.decode);
  ASSERT_TRUE(client.tls.has_value());
  EXPECT_EQ(client.tls->certificate, folder_ + "/node.pem");
  EXPECT_EQ(client.tls->key, folder_ + "/node.key");
  EXPECT_EQ(client.tls->client_ca, folder_ + "/clients.pem");
  ASSERT_TRUE(client.upstream_tls.has_value());
  EXPECT_EQ(client.upstream_tls->ca, folder_ + "/server-ca.pem");
  EXPECT_EQ(client.upstream_tls->certificate, folder_ + "/client.pem");
  EXPECT_EQ(client.upstream_tls->key, folder_ + "/client.key");
  EXPECT_EQ(client.upstream_tls->server_name, "fl.example.org");
  const ListenerOptions& server = config->proxy.listeners[1];
  EXPECT_EQ(server.listen.text(), "0.0.0.0:8443");
  EXPECT_EQ(server.upstream.unix_path, "/run/fl-server.sock");
  EXPECT_EQ(server.side, v1::END_SERVER);
  EXPECT_FALSE(server.tls.has_value());
  EXPECT_FALSE(server.upstream_tls.has_value());
}

TEST_F(ConfigTest, TheReadmesExampleHoldsTheDefaults) {
  const absl::StatusOr<NodeConfig> config = Parse(absl::StrReplaceAll(
      ReadmeExample(), {{"/etc/fedcarbon", "$DIR"}, {"/var/lib/fedcarbon/batches", "$DIR"}}));
  ASSERT_TRUE(config.ok()) << config.status();
  const NodeConfig defaults;
  EXPECT_EQ(config->http.text(), defaults.http.text());
  EXPECT_EQ(config->insecure, defaults.insecure);
  EXPECT_EQ(config->proxy.threads, defaults.proxy.threads);
  EXPECT_EQ(config->proxy.connections, defaults.proxy.connections);
  EXPECT_EQ(config->proxy.buffer, defaults.proxy.buffer);
  EXPECT_EQ(config->proxy.connect_timeout, defaults.proxy.connect_timeout);
  EXPECT_EQ(config->proxy.handshake_timeout, defaults.proxy.handshake_timeout);
  EXPECT_EQ(config->proxy.drain, defaults.proxy.drain);
  const ListenerOptions& listener = config->proxy.listeners[0];
  EXPECT_EQ(listener.side, ListenerOptions().side);
  EXPECT_EQ(listener.decode, ListenerOptions().decode);
  EXPECT_EQ(listener.wire.streams, WireLimits().streams);
  EXPECT_EQ(listener.wire.header_block, WireLimits().header_block);
  EXPECT_EQ(listener.wire.header_table, WireLimits().header_table);
}

// The error for an unknown key lists the known ones.
TEST_F(ConfigTest, NoKeyIsMissingInTheReadmesExample) {
  const std::string example = ReadmeExample();
  for (const char* table : {"", "[[listener]]\n", "[[listener]]\n[listener.tls]\n",
                            "[[listener]]\n[listener.upstream_tls]\n", "[[listener]]\n[listener.limits]\n"}) {
    const std::string error = ErrorOf(absl::StrCat(table, "unheard_of_by_all = 1\n"));
    const size_t list = error.find("use ");
    ASSERT_NE(list, std::string::npos) << error;
    const std::vector<std::string> keys = absl::StrSplit(error.substr(list + 4), ", ");
    for (const std::string& key : keys) {
      EXPECT_TRUE(absl::StrContains(example, absl::StrCat("\n", key, " = ")) ||
                  absl::StartsWith(example, absl::StrCat(key, " = ")) ||
                  absl::StrContains(example, absl::StrCat("\n[listener.", key, "]")) ||
                  absl::StrContains(example, absl::StrCat("\n[", key, "]")) ||
                  absl::StrContains(example, absl::StrCat("\n[[", key, "]]")))
          << key;
    }
  }
}

TEST_F(ConfigTest, KeysThatDifferFromTheirDefaultsAreRead) {
  const absl::StatusOr<NodeConfig> config =
      Parse(absl::StrCat("insecure = true\nthreads = 3\nconnections = 7\n"
                         "buffer = 100000\nconnect_timeout = '2s'\n"
                         "handshake_timeout = '1500ms'\ndrain = '1m'\n"
                         "http = '0.0.0.0:80'\npue = 2\n",
                         kMinimal,
                         "decode = false\nrun_header = 'X-FL-Run'\n"
                         "[listener.limits]\nstreams = 5\n"
                         "header_block = 6000\nheader_table = 7000\n"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(config->insecure);
  EXPECT_EQ(config->http.text(), "0.0.0.0:80");
  EXPECT_EQ(config->pue, 2);
  EXPECT_EQ(config->proxy.threads, 3);
  EXPECT_EQ(config->proxy.connections, 7u);
  EXPECT_EQ(config->proxy.buffer, Bytes(100'000));
  EXPECT_EQ(config->proxy.connect_timeout, absl::Seconds(2));
  EXPECT_EQ(config->proxy.handshake_timeout, absl::Milliseconds(1500));
  EXPECT_EQ(config->proxy.drain, absl::Minutes(1));
  const ListenerOptions& listener = config->proxy.listeners[0];
  EXPECT_FALSE(listener.decode);
  EXPECT_EQ(listener.run_header, "x-fl-run");  // header names have no case
  EXPECT_EQ(listener.wire.streams, 5u);
  EXPECT_EQ(listener.wire.header_block, Bytes(6'000));
  EXPECT_EQ(listener.wire.header_table, Bytes(7'000));
}

TEST_F(ConfigTest, FlagsGoBeforeTheFile) {
  const std::string file = absl::StrCat("country = 'CHE'\nthreads = 2\npue = 1.5\n", kMinimal);
  Flags flags;
  flags.node = "hospital-b";
  flags.country = "HUN";
  flags.threads = "3";
  flags.http = "127.0.0.1:0";
  flags.upstream = "other.example.org:1";
  flags.upstream_node = "aggregator";
  const absl::StatusOr<NodeConfig> config = Parse(file, flags);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->node, "hospital-b");
  EXPECT_EQ(config->country, "HUN");
  EXPECT_EQ(config->pue, 1.5);  // the file's
  EXPECT_EQ(config->proxy.threads, 3);
  EXPECT_EQ(config->http.port, 0);
  ASSERT_EQ(config->proxy.listeners.size(), 1u);
  EXPECT_EQ(config->proxy.listeners[0].listen.text(), "127.0.0.1:9092");
  EXPECT_EQ(config->proxy.listeners[0].upstream.text(), "other.example.org:1");
  EXPECT_EQ(config->proxy.listeners[0].upstream_node, "aggregator");
}

TEST_F(ConfigTest, FlagsMayNameTheListenerOfAFileWithout) {
  Flags flags = Minimal();
  const absl::StatusOr<NodeConfig> config = Parse("threads = 2", flags);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->proxy.listeners.size(), 1u);
}

TEST_F(ConfigTest, FlagsOfAListenerNeedThatItIsTheOnlyOne) {
  Flags flags;
  flags.config = "node.toml";
  flags.side = "server";
  EXPECT_EQ(ErrorOf(absl::StrCat(kMinimal, "[[listener]]\nlisten = 'a:1'\nupstream = 'b:1'"), flags),
            "--side: node.toml has 2 listeners: say there what each shall do");
}

TEST_F(ConfigTest, ErrorsNamePlaceKeyAndRemedy) {
  const std::string long_node(254, 'a');
  const struct {
    std::string toml;
    const char* where;  // and the beginning of what is wrong
    const char* remedy;
  } kBad[] = {
      {"node = \n", "node.toml:1:", "node/README.md"},
      {"node = 'a'\nnode = 'b'\n", "node.toml:2:", "node/README.md"},
      {"\n  thread = 2\n", "node.toml:2:3: unknown key \"thread\"", "did you mean threads?"},
      {"address = 2\n", "node.toml:1:1: unknown key \"address\"", "use node, coordinator, http,"},
      {"[listener]\nlisten = 'a:1'\n", "node.toml:1:1: listener: write [[listener]]", "two brackets"},
      {"listener = [1]\n", "node.toml:1:12: listener: write [[listener]]", "two brackets"},
      {"listener = []\n", "node.toml:1:12: listener: write [[listener]]", "two brackets"},
      {"[[listener]]\nlistne = 'a:1'\n", "node.toml:2:1: unknown key \"listener.listne\"",
       "did you mean listen?"},
      {"[[listener]]\ntls = 5\n", "node.toml:2:7: listener.tls: a table is wanted", "write [listener.tls]"},
      {"node = 5\n", "node.toml:1:8: node: text is wanted", "quotation marks"},
      {"node = ''\n", "node.toml:1:8: node: the text is empty", "leave the key out"},
      {"node = \"a\\nb\"\n", "node.toml:1:8: node: the text holds a control character", "leave it out"},
      {"node = 'Hospital'\n", "node.toml:1:8: node: 'Hospital' is no node's name", "lower-case DNS name"},
      {"node = '" + long_node + "'\n", "node.toml:1:8: node: 'aaaa", "at most 253"},
      {"coordinator = 'fl'\n", "node.toml:1:15: coordinator: 'fl' is no address: it has no port",
       "HOST:PORT"},
      {"coordinator = 'fl:0'\n", "node.toml:1:15: coordinator: 'fl:0' cannot be connected to", "1 to 65535"},
      {"http = '127.0.0.1:65536'\n", "node.toml:1:8: http: '127.0.0.1:65536' is no address", "HOST:PORT"},
      {"country = 'Che'\n", "node.toml:1:11: country: 'Che' is no country", "alpha-3"},
      {"link = 'wifi'\n", "node.toml:1:8: link: 'wifi' is no kind of link",
       "fixed, mobile, lan or datacentre"},
      {"pue = '1.4'\n", "node.toml:1:7: pue: a number", "from 1 to 10"},
      {"pue = nan\n", "node.toml:1:7: pue: a number", "from 1 to 10"},
      {"[local]\n", "node.toml:1:1: local: socket is wanted", "leave the table out"},
      {"[local]\nsocket = 'unix:/run/a'\n", "node.toml:2:10: local.socket: 'unix:/run/a' is no place",
       "a path of 1 to 107 bytes"},
      {"keep = '$DIR/nowhere'\n", "node.toml:1:8: keep: '", "create it"},
      {"keep = '$DIR/node.pem'\n", "node.toml:1:8: keep: '", "is no folder that can be written to"},
      {"insecure = 'yes'\n", "node.toml:1:12: insecure: true or false", "without quotation marks"},
      {"threads = '4'\n", "node.toml:1:11: threads: a whole number", "from 1 to 64"},
      {"threads = 1.5\n", "node.toml:1:11: threads: a whole number", "from 1 to 64"},
      {"drain = 30\n", "node.toml:1:9: drain: a time from 0 to 24h", "\"10s\""},
      {"drain = '30'\n", "node.toml:1:9: drain: a time", "\"10s\""},
      {"drain = 'inf'\n", "node.toml:1:9: drain: a time", "\"10s\""},
      {"[[listener]]\nlisten = ':1'\n", "node.toml:2:10: listener.listen: ':1' is no address: it has no host",
       "HOST:PORT"},
      {"[[listener]]\nlisten = 'unix:'\n", "node.toml:2:10: listener.listen: 'unix:' is no Unix socket",
       "PATH"},
      {"[[listener]]\nlisten = '::1:80'\n", "node.toml:2:10: listener.listen: '::1:80'", "brackets"},
      {"[[listener]]\nupstream = 'a:0'\n", "node.toml:2:12: listener.upstream: 'a:0' cannot be",
       "1 to 65535"},
      {"[[listener]]\nupstream_address = 'a:0'\n",
       "node.toml:2:20: listener.upstream_address: 'a:0' cannot be", "1 to 65535"},
      {"[[listener]]\nside = 'both'\n", "node.toml:2:8: listener.side: 'both' is no side", "write client if"},
      {"[[listener]]\nupstream_node = 'A'\n", "node.toml:2:17: listener.upstream_node: 'A' is no node's name",
       "DNS name"},
      {"[[listener]]\nalpn = 'h2'\n", "node.toml:2:8: listener.alpn: a list of 1 to 16 names", "[\"h2\"]"},
      {"[[listener]]\nalpn = []\n", "node.toml:2:8: listener.alpn: a list of 1 to 16 names", "leave it out"},
      {"[[listener]]\nalpn = ['h2', 3]\n", "node.toml:2:15: listener.alpn: text is wanted",
       "quotation marks"},
      {"[[listener]]\nrun_header = 'x run'\n", "node.toml:2:14: listener.run_header: 'x run' is no header",
       "letters, digits and hyphens"},
      {"[[listener]]\nround_header = ':path'\n",
       "node.toml:2:16: listener.round_header: ':path' is no header", "letters"},
      {"[[listener]]\ndecode = 1\n", "node.toml:2:10: listener.decode: true or false", "quotation marks"},
      {"[[listener]]\n[listener.tls]\ncertificate = '$DIR/none.pem'\n",
       "node.toml:3:15: listener.tls.certificate: '", "No such file or directory"},
      {"[[listener]]\n[listener.tls]\nkey = '$DIR'\n", "node.toml:3:7: listener.tls.key: '", "is a folder"},
      {"[[listener]]\n[listener.tls]\nkey = '$DIR/node.key'\n",
       "node.toml:2:1: listener.tls: certificate and key are wanted", "add what is missing"},
      {"[[listener]]\n[listener.upstream_tls]\nkey = '$DIR/node.key'\n",
       "node.toml:2:1: listener.upstream_tls: certificate and key stand together", "both or neither"},
      {"[[listener]]\n[listener.upstream_tls]\nserver_name = 'a b'\n",
       "node.toml:3:15: listener.upstream_tls.server_name: 'a b' is no server's name", "DNS name"},
      {"[[listener]]\n[listener.limits]\nstream = 5\n",
       "node.toml:3:1: unknown key \"listener.limits.stream\"", "did you mean streams?"},
      // What a listener lacks, and listeners together.
      {"node = 'a'\n", "nowhere to listen", "--listen HOST:PORT --upstream HOST:PORT"},
      {"[[listener]]\nlisten = 'a:1'\nupstream = 'b:1'", "no node's name", "--node NAME"},
      {"node = 'a'\n[[listener]]\nupstream = 'b:1'\n", "node.toml:2:1: listener: no place to listen",
       "--listen"},
      {"node = 'a'\n[[listener]]\nlisten = 'b:1'\n", "node.toml:2:1: listener: no upstream", "--upstream"},
      {"node = 'a'\n[[listener]]\nlisten = 'b:1'\nupstream = 'b:1'\n",
       "node.toml:2:1: listener: it forwards to itself, b:1", "upstream_address"},
      {"node = 'a'\n[[listener]]\nlisten = 'b:1'\nupstream = 'c:1'\nupstream_address = 'b:1'",
       "node.toml:2:1: listener: it forwards to itself, b:1", "upstream_address"},
      {"node = 'a'\n[[listener]]\nlisten = 'b:1'\nupstream = 'c:1'\nside = 'server'\nupstream_node = 'd'",
       "node.toml:2:1: listener: upstream_node has no effect", "leave it out"},
      {"node = 'a'\n[[listener]]\nlisten = 'b:1'\nupstream = 'c:1'\n[[listener]]\nlisten = 'b:1'\nupstream = "
       "'d:1'",
       "node.toml:5:1: listener: b:1 is where another listener is (node.toml:2:1: listener)",
       "another place"},
      {"node = 'a'\n[[listener]]\nlisten = 'unix:/b'\nupstream = 'c:1'\n[[listener]]\nlisten = 'unix:/b'\n"
       "upstream = 'd:1'",
       "node.toml:5:1: listener: unix:/b is where another listener is", "another place"},
      {absl::StrCat("keep = '$DIR'\n", kMinimal), "keep: nothing is reported that could be kept",
       "name a coordinator"},
      // Trust.
      {absl::StrCat("coordinator = 'fl.example.org:7433'\n", kMinimal),
       "coordinator fl.example.org:7433 is not on this", "--insecure"},
      {absl::StrCat("http = '0.0.0.0:7481'\n", kMinimal), "http 0.0.0.0:7481 is not on this machine",
       "--insecure"},
  };
  for (const auto& bad : kBad) {
    EXPECT_THAT(ErrorOf(bad.toml), AllOf(StartsWith(bad.where), HasSubstr(bad.remedy))) << bad.toml;
  }
}

TEST_F(ConfigTest, ErrorsNameTheFlag) {
  const struct {
    std::string Flags::*flag;
    const char* value;
    const char* error;
  } kBad[] = {
      {&Flags::node, "Hospital", "--node: 'Hospital' is no node's name"},
      {&Flags::coordinator, "7433", "--coordinator: '7433' is no address"},
      {&Flags::http, "7481", "--http: '7481' is no address"},
      {&Flags::country, "CH", "--country: 'CH' is no country"},
      {&Flags::link, "wifi", "--link: 'wifi' is no kind"},
      {&Flags::pue, "low", "--pue: 'low' is no power usage effectiveness"},
      {&Flags::pue, "0.99", "--pue: '0.99' is no"},
      {&Flags::pue, "10.01", "--pue: '10.01' is no"},
      {&Flags::keep, "/nowhere/at/all", "--keep: '/nowhere/at/all' is no folder"},
      {&Flags::socket, "unix:/run/local.sock", "--socket: 'unix:/run/local.sock' is no place"},
      {&Flags::threads, "0", "--threads: '0' is no number of threads"},
      {&Flags::threads, "65", "--threads: '65' is no number of threads"},
      {&Flags::threads, "many", "--threads: 'many' is no number of threads"},
      {&Flags::listen, "9092", "--listen: '9092' is no address"},
      {&Flags::upstream, "fl:0", "--upstream: 'fl:0' cannot be connected to"},
      {&Flags::side, "left", "--side: 'left' is no side"},
      {&Flags::upstream_node, "A", "--upstream-node: 'A' is no node's name"},
      {&Flags::upstream_address, "a", "--upstream-address: 'a' is no address"},
      {&Flags::config, "/nowhere.toml",
       "--config: '/nowhere.toml' cannot be read: No such file or directory"},
      {&Flags::config, "/tmp", "--config: '/tmp' is a folder"},
      {&Flags::node, "", "no node's name: add --node NAME"},
      {&Flags::listen, "", "--upstream: no place to listen at: add listen (--listen)"},
      {&Flags::upstream, "", "--listen: no upstream: add upstream (--upstream)"},
  };
  for (const auto& bad : kBad) {
    Flags flags = Minimal();
    flags.*bad.flag = bad.value;
    EXPECT_THAT(FlagsError(flags), StartsWith(bad.error));
  }
}

TEST_F(ConfigTest, LimitsThemselvesPassAndOnePastThemDoesNot) {
  const struct {
    const char* before;  // the value
    const char* good[2];
    const char* bad[2];
  } kLimits[] = {
      {"threads = $", {"1", "64"}, {"0", "65"}},
      {"connections = $", {"1", "1000000"}, {"0", "1000001"}},
      {"buffer = $", {"65536", "68719476736"}, {"65535", "68719476737"}},
      {"pue = $", {"1", "10.0"}, {"0.999", "10.001"}},
      {"connect_timeout = '$'", {"1s", "1h"}, {"999ms", "3601s"}},
      {"handshake_timeout = '$'", {"1s", "1h"}, {"999ms", "3601s"}},
      {"drain = '$'", {"0", "24h"}, {"-1ns", "86401s"}},
      {"listener.limits.streams = $", {"1", "1000000"}, {"0", "1000001"}},
      {"listener.limits.header_block = $", {"1024", "1073741824"}, {"1023", "1073741825"}},
      {"listener.limits.header_table = $", {"4096", "1073741824"}, {"4095", "1073741825"}},
  };
  const auto with = [](absl::string_view line, const char* value) {
    const bool of_listener = absl::ConsumePrefix(&line, "listener.");
    const std::string text = absl::StrReplaceAll(line, {{"$", value}}) + "\n";
    return of_listener ? kMinimal + text : text + kMinimal;
  };
  for (const auto& limit : kLimits) {
    for (const char* value : limit.good) {
      EXPECT_TRUE(Parse(with(limit.before, value)).ok()) << limit.before << value;
    }
    for (const char* value : limit.bad) {
      EXPECT_THAT(ErrorOf(with(limit.before, value)), HasSubstr(" is wanted here")) << limit.before << value;
    }
  }
}

TEST_F(ConfigTest, NamesHaveTheirLimits) {
  const auto names = [](size_t count) {
    std::string list = "alpn = [";
    for (size_t i = 0; i < count; ++i) absl::StrAppend(&list, "'h", i, "',");
    return kMinimal + list + "]";
  };
  EXPECT_TRUE(Parse(names(kMaxAlpnNames)).ok());
  EXPECT_THAT(ErrorOf(names(kMaxAlpnNames + 1)), HasSubstr("a list of 1 to 16 names"));
  const auto text = [](const char* key, size_t size) {
    return absl::StrCat(kMinimal, absl::StrReplaceAll(key, {{"$", std::string(size, 'a')}}));
  };
  EXPECT_TRUE(Parse(text("alpn = ['$']", 255)).ok());
  EXPECT_THAT(ErrorOf(text("alpn = ['$']", 256)), HasSubstr("at most 255"));
  EXPECT_TRUE(Parse(absl::StrCat("local.socket = '", std::string(107, 's'), "'\n", kMinimal)).ok());
  EXPECT_THAT(ErrorOf(absl::StrCat("local.socket = '", std::string(108, 's'), "'\n", kMinimal)),
              HasSubstr("1 to 107 bytes"));
  EXPECT_TRUE(Parse(text("run_header = '$'", 128)).ok());
  EXPECT_THAT(ErrorOf(text("run_header = '$'", 129)), HasSubstr("at most 128"));
  EXPECT_TRUE(Parse(text("upstream_tls.server_name = '$'", 253)).ok());
  EXPECT_THAT(ErrorOf(text("upstream_tls.server_name = '$'", 254)), HasSubstr("at most 253"));
}

TEST_F(ConfigTest, ThereAreAtMost256Listeners) {
  const auto listeners = [](size_t count) {
    std::string text = "node = 'a'\n";
    for (size_t i = 0; i < count; ++i) {
      absl::StrAppend(&text, "[[listener]]\nlisten = 'a:", i + 1, "'\nupstream = 'b:1'\n");
    }
    return text;
  };
  const absl::StatusOr<NodeConfig> most = Parse(listeners(kMaxListeners));
  ASSERT_TRUE(most.ok()) << most.status();
  EXPECT_EQ(most->proxy.listeners.size(), kMaxListeners);
  EXPECT_EQ(most->proxy.listeners.back().listen.address.port, 256);  // in their order
  EXPECT_THAT(ErrorOf(listeners(kMaxListeners + 1)),
              StartsWith(absl::StrCat("node.toml:", 2 + 3 * 256, ":1: listener: at most 256 are allowed")));
}

TEST_F(ConfigTest, SeveralListenersMayLetTheSystemChooseTheirPort) {
  EXPECT_TRUE(Parse("node = 'a'\n[[listener]]\nlisten = 'b:0'\nupstream = 'c:1'\n"
                    "[[listener]]\nlisten = 'b:0'\nupstream = 'c:1'\n")
                  .ok());
}

TEST_F(ConfigTest, AFileHasItsLimit) {
  Flags flags = Minimal();
  flags.config = Write("node.toml", std::string(kMaxConfigText, '\n'));
  EXPECT_TRUE(LoadConfig(flags).ok());
  Write("node.toml", std::string(kMaxConfigText + 1, '\n'));
  EXPECT_THAT(FlagsError(flags), AllOf(HasSubstr("node.toml:1:1: "), HasSubstr("1048576 bytes")));
}

TEST_F(ConfigTest, AFileIsReadEachTime) {
  Flags flags;
  flags.config = Write("node.toml", kMinimal);
  EXPECT_EQ(LoadConfig(flags)->node, "hospital-a");
  Write("node.toml", absl::StrReplaceAll(kMinimal, {{"hospital-a", "hospital-b"}}));
  EXPECT_EQ(LoadConfig(flags)->node, "hospital-b");
}

TEST_F(ConfigTest, OtherMachinesNeedInsecure) {
  Flags flags = Minimal();
  flags.insecure = true;
  flags.coordinator = "fl.example.org:7433";
  flags.http = "0.0.0.0:7481";
  flags.listen = "0.0.0.0:9092";
  EXPECT_TRUE(LoadConfig(flags).ok());
  flags.insecure = false;
  EXPECT_FALSE(LoadConfig(flags).ok());
  flags.coordinator.clear();
  EXPECT_FALSE(LoadConfig(flags).ok());
  flags.http.clear();
  EXPECT_TRUE(LoadConfig(flags).ok());  // the training's listener may be anywhere
}

TEST_F(ConfigTest, IsDescribedForPeople) {
  EXPECT_EQ(DescribeConfig(*LoadConfig(Minimal())),
            "node hospital-a, reports to nobody: no coordinator; health and metrics at 127.0.0.1:7481\n"
            "listener 127.0.0.1:9092, to fl.example.org:443; the node calls as the client\n");
  EXPECT_EQ(
      DescribeConfig(*Parse(absl::StrReplaceAll(
          ReadmeExample(), {{"/etc/fedcarbon", "$DIR"}, {"/var/lib/fedcarbon/batches", "$DIR"}}))),
      "node hospital-a.example.org, reports to 127.0.0.1:7433; health and metrics at 127.0.0.1:7481\n"
      "listens to scripts at unix:/run/fedcarbon/local.sock\n"
      "listener 127.0.0.1:9092 with TLS and client certificates, to fl.example.org:9092 at 192.0.2.10:9092 "
      "with TLS and a certificate of its own; the node calls as the client of node aggregator; offers h2\n"
      "listener 0.0.0.0:8443, to unix:/run/fl-server.sock; the node answers as the server\n");
}

}  // namespace
}  // namespace fedcarbon::node
