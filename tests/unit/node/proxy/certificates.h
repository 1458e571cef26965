// Certificates of a test: made when it runs, in a folder that goes with it.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

namespace fedcarbon::node::testing {

/// Paths of PEM files.
struct KeyPair {
  std::string certificate;
  std::string key;
};

/// Signs certificates.
class Authority {
 public:
  Authority() {
    std::string path = ::testing::TempDir() + "certificates.XXXXXX";
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    folder_ = path;
    X509_gmtime_adj(X509_getm_notAfter(certificate_.get()), kValidSeconds);
    Name(certificate_.get(), std::filesystem::path(folder_).filename());  // as no other
    X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get()));
    X509_set_pubkey(certificate_.get(), key_.get());
    Extend(certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
    EXPECT_GT(X509_sign(certificate_.get(), key_.get(), EVP_sha256()), 0);
    Write(ca(), [this](FILE* file) { return PEM_write_X509(file, certificate_.get()); });
  }
  ~Authority() { std::filesystem::remove_all(folder_); }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  /// Its own certificate.
  std::string ca() const { return folder_ + "/ca.pem"; }

  /// A certificate for `names`, as OpenSSL writes them: "DNS:a.example.org,IP:127.0.0.1". Another one of the
  /// same `file` takes its place.
  KeyPair Issue(const std::string& names, const std::string& file = "end") const {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate = Blank();
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kValidSeconds);
    Name(certificate.get(), file);
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get()));
    X509_set_pubkey(certificate.get(), key.get());
    Extend(certificate.get(), NID_subject_alt_name, names);
    EXPECT_GT(X509_sign(certificate.get(), key_.get(), EVP_sha256()), 0);
    KeyPair pair{folder_ + "/" + file + ".pem", folder_ + "/" + file + ".key"};
    Write(pair.certificate, [&](FILE* out) { return PEM_write_X509(out, certificate.get()); });
    Write(pair.key, [&](FILE* out) {
      return PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    return pair;
  }

 private:
  static constexpr long kValidSeconds = 3'600;

  static std::unique_ptr<X509, decltype(&X509_free)> Blank() {
    static long serial = 0;
    std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kValidSeconds);
    return certificate;
  }

  static void Name(X509* certificate, const std::string& name) {
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  }

  static void Extend(X509* certificate, int extension, const std::string& value) {
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> made(
        X509V3_EXT_conf_nid(nullptr, nullptr, extension, value.c_str()), X509_EXTENSION_free);
    EXPECT_EQ(X509_add_ext(certificate, made.get(), -1), 1) << value;
  }

  template <typename Writer>
  static void Write(const std::string& path, Writer writer) {
    FILE* const file = std::fopen(path.c_str(), "w");
    EXPECT_EQ(writer(file), 1);
    std::fclose(file);
  }

  std::string folder_;
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_{EVP_EC_gen("P-256"), EVP_PKEY_free};
  const std::unique_ptr<X509, decltype(&X509_free)> certificate_ = Blank();
};

}  // namespace fedcarbon::node::testing
