// A real S3 server for tests: Ceph's gateway, started by tests/s3/radosgw.sh, ended with the
// process. Test code only.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/curl_client.h"
#include "s3/store.h"
#include "s3/testing/fixed_credentials.h"

namespace walkback::s3::testing {

// An S3 server that runs somewhere.
class Server {
 public:
  Server(std::string endpoint, std::string ca_file, std::unique_ptr<FixedCredentials> credentials);
  // The one that S3_ENDPOINT, S3_CA_FILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY describe, as
  // the env files of tests/s3/*.sh do; nothing when there is no S3_ENDPOINT.
  static std::optional<Server> of_environment();

  const std::string& endpoint() const { return endpoint_; }
  const std::string& ca_file() const { return ca_file_; }
  CredentialsProvider& credentials() { return *credentials_; }

  // Options for a bucket that was just made for the caller.
  S3Options new_bucket();
  // An environment with the host's clock and this server's credentials.
  S3Environment environment(net::HttpClient& http);

 private:
  std::string endpoint_;
  std::string ca_file_;
  std::unique_ptr<FixedCredentials> credentials_;
};

class Radosgw {
 public:
  static bool is_installed();
  // The one that all tests of this process share, started at the first call. Throws with the
  // script's words when it does not start.
  static Server& shared();
  // Another one; `tls`: https with a certificate of its own.
  explicit Radosgw(bool tls);
  ~Radosgw();
  Radosgw(const Radosgw&) = delete;
  Radosgw& operator=(const Radosgw&) = delete;

  Server& server() { return *server_; }

 private:
  std::string directory_;
  std::optional<Server> server_;
};

}  // namespace walkback::s3::testing
