#include "node/proxy/tls_stream.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "fedcarbon/text/names.h"

namespace fedcarbon::node {
namespace {

// Of one Read(): buffers full of key updates, session tickets and the like. An honest peer sends few of them;
// who sends nothing else keeps this thread from the others.
constexpr int kMaxFruitlessReads = 32;

bool IsNumeric(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

}  // namespace

TlsStream::TlsStream(const SslContext& context, int fd) : fd_(fd), ssl_(SSL_new(context.get())) {
  SSL_set_fd(ssl_.get(), fd);
  SSL_set_app_data(ssl_.get(), this);
}

std::unique_ptr<TlsStream> TlsStream::Accept(const SslContext& context, int fd) {
  std::unique_ptr<TlsStream> stream(new TlsStream(context, fd));
  SSL_set_accept_state(stream->ssl_.get());
  return stream;
}

std::unique_ptr<TlsStream> TlsStream::Connect(const SslContext& context, int fd,
                                              const std::string& server_name, const std::string& alpn) {
  std::unique_ptr<TlsStream> stream(new TlsStream(context, fd));
  SSL* const ssl = stream->ssl_.get();
  SSL_set_connect_state(ssl);
  if (IsNumeric(server_name)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_name.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, server_name.c_str());
    SSL_set1_host(ssl, server_name.c_str());
  }
  if (!alpn.empty()) {
    SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(alpn.data()),
                        static_cast<unsigned int>(alpn.size()));
  }
  return stream;
}

std::string TlsStream::ProtocolList(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) {
    list += static_cast<char>(name.size());
    list += name;
  }
  return list;
}

void TlsStream::PauseAtClientHello(SSL_CTX* context) {
  SSL_CTX_set_client_hello_cb(context, OnClientHello, nullptr);
  SSL_CTX_set_alpn_select_cb(context, OnChooseProtocol, nullptr);
}

// Called again when the handshake goes on.
int TlsStream::OnClientHello(SSL* ssl, int*, void*) {
  auto* const stream = static_cast<TlsStream*>(SSL_get_app_data(ssl));
  if (stream->has_chosen_) return SSL_CLIENT_HELLO_SUCCESS;
  const unsigned char* extension = nullptr;
  size_t size = 0;
  constexpr size_t kListLengthBytes = 2;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &extension, &size) ==
          1 &&
      size > kListLengthBytes) {
    stream->offered_.assign(reinterpret_cast<const char*>(extension) + kListLengthBytes,
                            size - kListLengthBytes);
  }
  return SSL_CLIENT_HELLO_RETRY;
}

int TlsStream::OnChooseProtocol(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                                const unsigned char* offered, unsigned int offered_size, void*) {
  const std::string& preferred = static_cast<const TlsStream*>(SSL_get_app_data(ssl))->preferred_;
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, chosen_size, reinterpret_cast<const unsigned char*>(preferred.data()),
                            static_cast<unsigned int>(preferred.size()), offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

TlsStream::Handshake TlsStream::ContinueHandshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return Handshake::kDone;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return Handshake::kWaiting;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB:
      return Handshake::kClientHello;
    default:
      return Handshake::kFailed;
  }
}

std::string TlsStream::Failure() const {
  const unsigned long error = ERR_peek_last_error();
  if (error == 0) return "the connection ended";
  const char* const reason = ERR_reason_error_string(error);
  std::string text = reason == nullptr ? "unknown error" : reason;
  const long verified = SSL_get_verify_result(ssl_.get());
  if (verified != X509_V_OK) absl::StrAppend(&text, ": ", X509_verify_cert_error_string(verified));
  return text;
}

void TlsStream::Choose(const std::vector<std::string>& preferred) {
  preferred_ = ProtocolList(preferred);
  has_chosen_ = true;
}

std::string TlsStream::protocol() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string TlsStream::PeerName() const {
  const std::unique_ptr<X509, void (*)(X509*)> certificate(SSL_get1_peer_certificate(ssl_.get()), X509_free);
  if (certificate == nullptr) return {};
  const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const entry = sk_GENERAL_NAME_value(names.get(), i);
    if (entry->type != GEN_DNS) continue;
    std::string name(reinterpret_cast<const char*>(ASN1_STRING_get0_data(entry->d.dNSName)),
                     static_cast<size_t>(ASN1_STRING_length(entry->d.dNSName)));
    if (IsNodeName(name)) return name;
  }
  return {};
}

// OpenSSL gives a record at a time; one write to the other leg is cheaper than one per record.
ByteStream::ReadResult TlsStream::Read(char* buffer, size_t size, bool) {
  ReadResult result;
  int fruitless = 0;
  while (result.bytes < size) {
    ERR_clear_error();
    errno = 0;
    size_t count = 0;
    const int status = SSL_read_ex(ssl_.get(), buffer + result.bytes, size - result.bytes, &count);
    if (status == 1) {
      result.bytes += count;
      continue;
    }
    switch (SSL_get_error(ssl_.get(), status)) {
      case SSL_ERROR_WANT_READ:
        if (errno != EAGAIN) {  // not the kernel's word: what was read held no bytes for the other leg
          if (++fruitless < kMaxFruitlessReads) continue;
          result.after = After::kBroken;
          break;
        }
        [[fallthrough]];
      case SSL_ERROR_WANT_WRITE:  // a post-handshake message waits for room: Write() tries again
        result.after = After::kDrained;
        break;
      case SSL_ERROR_ZERO_RETURN:
        result.after = After::kEnd;
        break;
      case SSL_ERROR_SSL:
        result.after = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING
                           ? After::kTruncated
                           : After::kBroken;
        break;
      default:
        result.after = After::kBroken;
    }
    return result;
  }
  result.after = After::kMore;
  return result;
}

ByteStream::WriteResult TlsStream::Write(std::string_view bytes) {
  WriteResult result;
  while (result.bytes < bytes.size()) {
    ERR_clear_error();
    size_t count = 0;
    const int status =
        SSL_write_ex(ssl_.get(), bytes.data() + result.bytes, bytes.size() - result.bytes, &count);
    if (status != 1) {
      const int error = SSL_get_error(ssl_.get(), status);
      result.broken = error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
      break;
    }
    result.bytes += count;
  }
  return result;
}

bool TlsStream::FinishWriting(bool truncated) {
  if (!truncated) {
    ERR_clear_error();
    const int status = SSL_shutdown(ssl_.get());
    const int error = status < 0 ? SSL_get_error(ssl_.get(), status) : SSL_ERROR_NONE;
    if (error == SSL_ERROR_WANT_WRITE) return false;
    is_reset_ = error == SSL_ERROR_SYSCALL;
  }
  shutdown(fd_, SHUT_WR);
  return true;
}

Bytes TlsStream::transport_sent() const { return Bytes(BIO_number_written(SSL_get_wbio(ssl_.get()))); }

Bytes TlsStream::transport_received() const { return Bytes(BIO_number_read(SSL_get_rbio(ssl_.get()))); }

}  // namespace fedcarbon::node
