// The messages that peers exchange, and what a peer counts of them: the same in C++ and in payload.py.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace fedcarbon::conformance {

/// As much metadata as a case may want.
inline constexpr int kMaxMetadataBytes = 1 << 20;

/// The `index`th message of one direction of a call: bytes 0 to 250 over and over, the first eight replaced
/// by the index, big-endian. Shorter ones hold the index's last bytes.
std::string Payload(uint64_t index, size_t size);

/// Messages still to be sent: [[count, size], ...].
class Outbox {
 public:
  explicit Outbox(const nlohmann::json& groups) : groups_(groups) {}

  /// False: nothing is left.
  bool Next(std::string* message);

 private:
  std::vector<std::pair<uint64_t, size_t>> groups_;
  size_t group_ = 0;
  uint64_t sent_of_group_ = 0;
  uint64_t index_ = 0;
};

/// How many messages, how many bytes, and a SHA-256 over each message's length (8 bytes, big-endian) and
/// content.
class Tally {
 public:
  Tally();
  void Add(const std::string& message);
  uint64_t messages() const { return messages_; }

  /// {"messages", "bytes", "digest"}
  nlohmann::json ToJson() const;

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> hash_;
  uint64_t messages_ = 0;
  uint64_t bytes_ = 0;
};

/// Binary metadata is base64 in JSON, without padding.
bool IsBinary(const std::string& key);
std::string ValueToJson(const std::string& key, const std::string& value);
std::string ValueFromJson(const std::string& key, const std::string& value);

}  // namespace fedcarbon::conformance
