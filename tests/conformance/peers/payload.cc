#include "tests/conformance/peers/payload.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"

namespace fedcarbon::conformance {

namespace {

std::string BigEndian(uint64_t number) {
  std::string bytes(8, '\0');
  for (int i = 7; i >= 0; --i, number >>= 8) bytes[i] = static_cast<char>(number & 0xff);
  return bytes;
}

}  // namespace

std::string Payload(uint64_t index, size_t size) {
  std::string message(size, '\0');
  for (size_t i = 0; i < size; ++i) message[i] = static_cast<char>(i % 251);
  const std::string head = BigEndian(index);
  const size_t n = std::min(size, head.size());
  message.replace(0, n, head, head.size() - n, n);
  return message;
}

bool Outbox::Next(std::string* message) {
  while (group_ < groups_.size() && sent_of_group_ == groups_[group_].first) {
    ++group_;
    sent_of_group_ = 0;
  }
  if (group_ == groups_.size()) return false;
  ++sent_of_group_;
  *message = Payload(index_++, groups_[group_].second);
  return true;
}

Tally::Tally() : hash_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  EVP_DigestInit_ex(hash_.get(), EVP_sha256(), nullptr);
}

void Tally::Add(const std::string& message) {
  const std::string size = BigEndian(message.size());
  EVP_DigestUpdate(hash_.get(), size.data(), size.size());
  EVP_DigestUpdate(hash_.get(), message.data(), message.size());
  ++messages_;
  bytes_ += message.size();
}

nlohmann::json Tally::ToJson() const {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> copy(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  EVP_MD_CTX_copy_ex(copy.get(), hash_.get());
  EVP_DigestFinal_ex(copy.get(), reinterpret_cast<unsigned char*>(digest.data()), &size);
  return {
      {"messages", messages_}, {"bytes", bytes_}, {"digest", absl::BytesToHexString(digest.substr(0, size))}};
}

bool IsBinary(const std::string& key) { return absl::EndsWith(key, "-bin"); }

std::string ValueToJson(const std::string& key, const std::string& value) {
  if (!IsBinary(key)) return value;
  std::string text = absl::Base64Escape(value);
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

std::string ValueFromJson(const std::string& key, const std::string& value) {
  if (!IsBinary(key)) return value;
  std::string bytes;
  absl::Base64Unescape(value, &bytes);
  return bytes;
}

}  // namespace fedcarbon::conformance
