// The ends of a TLS connection, by OpenSSL over the blocking sockets of sockets.h.
#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/unit/node/proxy/certificates.h"
#include "tests/unit/node/proxy/sockets.h"

namespace fedcarbon::node::testing {

struct TlsSettings {
  std::string ca;           // the peer must show a certificate of this authority; empty: whatever it shows
  KeyPair own;              // empty: none
  std::string server_name;  // a client's: SNI; empty: none
  std::vector<std::string> alpn;  // a client offers them; a server takes its first that was offered
  int version = TLS1_3_VERSION;
};

/// Used by one thread at a time. The handshake is over, one way or the other, once it is made.
class TlsEnd : public Receiver<TlsEnd> {
 public:
  static TlsEnd Connect(Socket socket, TlsSettings settings) {
    return TlsEnd(std::move(socket), std::move(settings), /*is_server=*/false);
  }
  static TlsEnd Accept(Socket socket, TlsSettings settings) {
    return TlsEnd(std::move(socket), std::move(settings), /*is_server=*/true);
  }

  /// Whether the handshake came to its end.
  bool is_open() const { return is_open_; }

  /// The protocol that was chosen; empty: none.
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }

  /// A server's: what the client offered, and which name it asked for.
  const std::vector<std::string>& offered() const { return state_->offered; }
  std::string asked_for() const {
    const char* const name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
  }

  std::string version() const { return SSL_get_version(ssl_.get()); }

  /// Common name of the certificate that the peer showed; empty: none.
  std::string peer_name() const {
    const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(ssl_.get()), X509_free);
    char name[256] = "";
    if (shown != nullptr)
      X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName, name, sizeof(name));
    return name;
  }
  long peer_serial() const {
    const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(ssl_.get()), X509_free);
    return shown == nullptr ? 0 : ASN1_INTEGER_get(X509_get0_serialNumber(shown.get()));
  }

  bool Send(std::string_view bytes) {
    size_t written = 0;
    return SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) == 1;
  }

  /// How the peer stopped sending: kNotified: with close_notify; kTruncated: without.
  enum class Ending { kNone, kNotified, kTruncated, kReset };
  Ending ending() const { return ending_; }
  bool ended_in_order() const { return ending_ == Ending::kNotified; }

  /// Records that change the keys and hold nothing else, one after the other. TLS 1.3.
  bool SendKeyUpdates(size_t count) {
    std::unique_ptr<BIO, decltype(&BIO_free)> records(BIO_new(BIO_s_mem()), BIO_free);
    BIO* const wire = SSL_get_wbio(ssl_.get());
    BIO_up_ref(wire);
    BIO_up_ref(records.get());
    SSL_set0_wbio(ssl_.get(), records.get());
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
      EXPECT_EQ(SSL_do_handshake(ssl_.get()), 1);
    }
    SSL_set0_wbio(ssl_.get(), wire);
    const char* bytes = nullptr;
    const long size = BIO_get_mem_data(records.get(), &bytes);
    return socket_.Send({bytes, static_cast<size_t>(size)});
  }

  /// With close_notify; can still receive.
  void FinishSending() { SSL_shutdown(ssl_.get()); }

  Socket& socket() { return socket_; }

 private:
  friend Receiver<TlsEnd>;

  // What callbacks read and write; stays where it is.
  struct State {
    std::vector<std::string> preferred;
    std::vector<std::string> offered;
  };

  TlsEnd(Socket socket, TlsSettings settings, bool is_server)
      : socket_(std::move(socket)),
        context_(SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method()), SSL_CTX_free) {
    SSL_CTX* const context = context_.get();
    SSL_CTX_set_min_proto_version(context, settings.version);
    SSL_CTX_set_max_proto_version(context, settings.version);
    if (!settings.ca.empty()) {
      EXPECT_EQ(SSL_CTX_load_verify_file(context, settings.ca.c_str()), 1);
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    if (!settings.own.certificate.empty()) {
      EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context, settings.own.certificate.c_str()), 1);
      EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context, settings.own.key.c_str(), SSL_FILETYPE_PEM), 1);
    }
    state_->preferred = settings.alpn;
    if (is_server) {
      SSL_CTX_set_alpn_select_cb(context, OnOffer, state_.get());
    } else if (!settings.alpn.empty()) {
      std::string list;
      for (const std::string& name : settings.alpn) list += static_cast<char>(name.size()) + name;
      SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(list.data()),
                              static_cast<unsigned int>(list.size()));
    }
    ssl_.reset(SSL_new(context));
    SSL_set_fd(ssl_.get(), socket_.get());
    if (!settings.server_name.empty()) SSL_set_tlsext_host_name(ssl_.get(), settings.server_name.c_str());
    ERR_clear_error();
    is_open_ = (is_server ? SSL_accept(ssl_.get()) : SSL_connect(ssl_.get())) == 1;
  }

  static int OnOffer(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                     const unsigned char* list, unsigned int list_size, void* context) {
    auto* const state = static_cast<State*>(context);
    for (unsigned int at = 0; at < list_size; at += 1 + list[at]) {
      state->offered.emplace_back(reinterpret_cast<const char*>(list) + at + 1, list[at]);
    }
    for (const std::string& name : state->preferred) {
      for (const std::string& offered : state->offered) {
        if (name != offered) continue;
        *chosen = reinterpret_cast<const unsigned char*>(name.data());
        *chosen_size = static_cast<unsigned char>(name.size());
        return SSL_TLSEXT_ERR_OK;
      }
    }
    return SSL_TLSEXT_ERR_NOACK;
  }

  bool ReceiveInto(char* buffer, size_t size, size_t* count) {
    ERR_clear_error();
    errno = 0;
    size_t received = 0;
    const int result = SSL_read_ex(ssl_.get(), buffer, size, &received);
    if (result == 1) {
      *count += received;
      return true;
    }
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_ZERO_RETURN:
        ending_ = Ending::kNotified;
        break;
      case SSL_ERROR_SSL:
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
          ending_ = Ending::kTruncated;
        break;
      case SSL_ERROR_SYSCALL:
        if (errno == ECONNRESET) ending_ = Ending::kReset;
        break;
      default:
        break;
    }
    return false;
  }

  Socket socket_;
  std::unique_ptr<State> state_ = std::make_unique<State>();
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
  bool is_open_ = false;
  Ending ending_ = Ending::kNone;
};

}  // namespace fedcarbon::node::testing
