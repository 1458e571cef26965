// Certificates and keys from PEM files, read again when the files change.
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "fedcarbon/sync/clock.h"
#include "fedcarbon/sync/mutex.h"
#include "node/proxy/options.h"

namespace fedcarbon::node {

using SslContext = std::shared_ptr<SSL_CTX>;

/// TLS 1.2 and 1.3 with OpenSSL's own choice of ciphers; no renegotiation, no compression. INVALID_ARGUMENT
/// names the file and what OpenSSL says of it.
absl::StatusOr<SslContext> MakeServerContext(const TlsServerOptions& options);
absl::StatusOr<SslContext> MakeClientContext(const TlsClientOptions& options);

/// The context of one listener's leg. Thread-safe.
class TlsContext {
 public:
  using Make = std::function<absl::StatusOr<SslContext>()>;

  /// `make` reads `files`. Fails as `make` does. `clock` must outlive this.
  static absl::StatusOr<std::unique_ptr<TlsContext>> Create(Make make, std::vector<std::string> files,
                                                            const Clock* clock = Clock::System());

  static constexpr absl::Duration kLookInterval = absl::Seconds(1);

  /// The one to begin a connection with. Looks whether the files have changed, once in kLookInterval; while
  /// new ones cannot be read the old one stays in use, and the log says so once.
  SslContext Get();

 private:
  struct FileState {
    int64_t modified_ns = 0;
    int64_t size = 0;
    uint64_t inode = 0;
    friend bool operator==(const FileState& a, const FileState& b) {
      return a.modified_ns == b.modified_ns && a.size == b.size && a.inode == b.inode;
    }
  };

  TlsContext(Make make, std::vector<std::string> files, const Clock* clock);
  std::vector<FileState> LookAtFiles() const;

  const Make make_;
  const std::vector<std::string> files_;
  const Clock* const clock_;
  Mutex mutex_;
  SslContext context_ ABSL_GUARDED_BY(mutex_);
  std::vector<FileState> states_ ABSL_GUARDED_BY(mutex_);
  absl::Duration looked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fedcarbon::node
