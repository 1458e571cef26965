// A leg inside TLS: OpenSSL around the socket, ended and begun again at this proxy.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "node/proxy/byte_stream.h"
#include "node/proxy/tls_context.h"

namespace fedcarbon::node {

class TlsStream : public ByteStream {
 public:
  enum class Handshake {
    kDone,
    kWaiting,      // for the peer
    kClientHello,  // a client has said what it offers, and waits for Choose()
    kFailed,
  };

  /// The proxy as a server. The handshake pauses at the ClientHello.
  static std::unique_ptr<TlsStream> Accept(const SslContext& context, int fd);

  /// The proxy as a client of `server_name` (a host name or an address), offering `alpn`, a ProtocolList();
  /// empty: none.
  static std::unique_ptr<TlsStream> Connect(const SslContext& context, int fd, const std::string& server_name,
                                            const std::string& alpn);

  /// As TLS writes it (RFC 7301): each name behind its length in one byte.
  static std::string ProtocolList(const std::vector<std::string>& names);

  /// For contexts that Accept() gets.
  static void PauseAtClientHello(SSL_CTX* context);

  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  /// Goes on with the handshake as far as it gets.
  Handshake ContinueHandshake();

  /// Why the handshake failed, for people: OpenSSL's words, nothing of the peer's.
  std::string Failure() const;

  /// What the client offers, at kClientHello: a ProtocolList(), which may be malformed. It is up to 64 KiB
  /// long, and not kept here.
  std::string TakeOffered() { return std::move(offered_); }

  /// Lets the client's handshake go on, with the first of `preferred` that it offers; none of them: no
  /// protocol is named.
  void Choose(const std::vector<std::string>& preferred);

  /// The protocol that the handshake came to; empty: none.
  std::string protocol() const;

  /// A DNS name of the certificate that the peer showed, a lower-case one; empty: none.
  std::string PeerName() const;

  ReadResult Read(char* buffer, size_t size, bool ending) override;
  WriteResult Write(std::string_view bytes) override;
  bool FinishWriting(bool truncated) override;
  Bytes transport_sent() const override;
  Bytes transport_received() const override;

  /// FinishWriting() found that the peer has reset the connection. The kernel says so once, and after that
  /// its socket looks as if the peer had ended in order.
  bool is_reset() const { return is_reset_; }

 private:
  struct SslFree {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  TlsStream(const SslContext& context, int fd);
  static int OnClientHello(SSL* ssl, int* alert, void* context);
  static int OnChooseProtocol(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                              const unsigned char* offered, unsigned int offered_size, void* context);

  const int fd_;
  const std::unique_ptr<SSL, SslFree> ssl_;
  bool has_chosen_ = false;
  bool is_reset_ = false;
  std::string offered_;
  std::string preferred_;
};

}  // namespace fedcarbon::node
