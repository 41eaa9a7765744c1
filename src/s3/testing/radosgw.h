// A real S3 server for tests: Ceph's gateway, started by tests/s3/radosgw.sh, ended with the
// process. Test code only.
#pragma once

#include <memory>
#include <string>

#include "net/curl_client.h"
#include "s3/store.h"
#include "s3/testing/fixed_credentials.h"

namespace walkback::s3::testing {

class Radosgw {
 public:
  static bool is_installed();
  // The one that all tests of this process share, started at the first call. Throws with the
  // script's words when it does not start.
  static Radosgw& shared();
  // Another one; `tls`: https with a certificate of its own.
  explicit Radosgw(bool tls);
  ~Radosgw();
  Radosgw(const Radosgw&) = delete;
  Radosgw& operator=(const Radosgw&) = delete;

  const std::string& endpoint() const { return endpoint_; }
  const std::string& directory() const { return directory_; }
  std::string ca_file() const { return directory_ + "/tls.crt"; }
  CredentialsProvider& credentials() { return *credentials_; }

  // Options for a bucket that was just made for the caller.
  S3Options new_bucket();
  // An environment with the host's clock and this server's credentials.
  S3Environment environment(net::HttpClient& http);

 private:
  std::string directory_;
  std::string endpoint_;
  std::unique_ptr<FixedCredentials> credentials_;
};

}  // namespace walkback::s3::testing
