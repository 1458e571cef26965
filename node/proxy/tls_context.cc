#include "node/proxy/tls_context.h"

#include <openssl/err.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "fedcarbon/status/status.h"
#include "node/proxy/tls_stream.h"

namespace fedcarbon::node {
namespace {

// The first of OpenSSL's errors is the cause; those after it say where it surfaced.
std::string OpenSslError() {
  char text[256] = "unknown error";
  if (const unsigned long error = ERR_peek_error(); error != 0) ERR_error_string_n(error, text, sizeof(text));
  ERR_clear_error();
  return text;
}

absl::Status FileError(const char* what, const std::string& file) {
  return absl::InvalidArgumentError(
      absl::StrCat("TLS ", what, " '", file, "': ", OpenSslError(), "; it must be a readable PEM file"));
}

SslContext MakeContext(const SSL_METHOD* method) {
  ERR_clear_error();
  SslContext context(SSL_CTX_new(method), SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_read_ahead(context.get(), 1);  // a record's header and body in one read
  // An idle connection holds no record buffers; a write may go on from another place.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_clear_mode(context.get(), SSL_MODE_AUTO_RETRY);  // TlsStream::Read() counts how often it goes on
  return context;
}

absl::Status UseCertificate(SSL_CTX* context, const std::string& certificate, const std::string& key) {
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return FileError("certificate", certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) return FileError("key", key);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SslContext> MakeServerContext(const TlsServerOptions& options) {
  SslContext context = MakeContext(TLS_server_method());
  RETURN_IF_ERROR(UseCertificate(context.get(), options.certificate, options.key));
  if (!options.client_ca.empty()) {
    if (SSL_CTX_load_verify_file(context.get(), options.client_ca.c_str()) != 1) {
      return FileError("client_ca", options.client_ca);
    }
    SSL_CTX_set_client_CA_list(context.get(), SSL_load_client_CA_file(options.client_ca.c_str()));
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  static constexpr unsigned char kSessionContext[] = "fedcarbon";
  SSL_CTX_set_session_id_context(context.get(), kSessionContext, sizeof(kSessionContext) - 1);
  TlsStream::PauseAtClientHello(context.get());
  return context;
}

absl::StatusOr<SslContext> MakeClientContext(const TlsClientOptions& options) {
  SslContext context = MakeContext(TLS_client_method());
  if (!options.certificate.empty()) {
    RETURN_IF_ERROR(UseCertificate(context.get(), options.certificate, options.key));
  }
  const bool trusts = options.ca.empty() ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                                         : SSL_CTX_load_verify_file(context.get(), options.ca.c_str()) == 1;
  if (!trusts) return FileError("ca", options.ca);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

absl::StatusOr<std::unique_ptr<TlsContext>> TlsContext::Create(Make make, std::vector<std::string> files,
                                                               const Clock* clock) {
  // Looks at the files before it reads them: a change in between is seen later.
  std::unique_ptr<TlsContext> context(new TlsContext(std::move(make), std::move(files), clock));
  ASSIGN_OR_RETURN(SslContext made, context->make_());
  MutexLock lock(&context->mutex_);
  context->context_ = std::move(made);
  return context;
}

TlsContext::TlsContext(Make make, std::vector<std::string> files, const Clock* clock)
    : make_(std::move(make)),
      files_(std::move(files)),
      clock_(clock),
      states_(LookAtFiles()),
      looked_(clock_->Monotonic()) {}

std::vector<TlsContext::FileState> TlsContext::LookAtFiles() const {
  std::vector<FileState> states;
  for (const std::string& file : files_) {
    FileState& state = states.emplace_back();
    struct stat info;
    if (file.empty() || stat(file.c_str(), &info) != 0) continue;
    state = {info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec, info.st_size, info.st_ino};
  }
  return states;
}

SslContext TlsContext::Get() {
  {
    MutexLock lock(&mutex_);
    const absl::Duration now = clock_->Monotonic();
    if (now - looked_ < kLookInterval) return context_;
    looked_ = now;
  }
  std::vector<FileState> states = LookAtFiles();
  {
    MutexLock lock(&mutex_);
    if (states == states_) return context_;
    states_ = std::move(states);
  }
  absl::StatusOr<SslContext> made = make_();
  MutexLock lock(&mutex_);
  if (made.ok()) {
    context_ = *std::move(made);
  } else {
    spdlog::warn("changed certificate files are not used: {}", std::string(made.status().message()));
  }
  return context_;
}

}  // namespace fedcarbon::node
