// Credentials that a test gives. Test code only.
#pragma once

#include <atomic>

#include "s3/credentials.h"

namespace walkback::s3::testing {

class FixedCredentials final : public CredentialsProvider {
 public:
  FixedCredentials(std::string id, std::string secret, std::string token = "") {
    Credentials credentials;
    credentials.access_key_id = std::move(id);
    credentials.secret_access_key = std::move(secret);
    credentials.session_token = std::move(token);
    credentials.source = "a test";
    credentials_ = std::make_shared<const Credentials>(std::move(credentials));
  }

  Result<std::shared_ptr<const Credentials>> get() override { return credentials_; }
  void expired(const Credentials&) override { ++expirations_; }
  int expirations() const { return expirations_; }  // how often somebody said so

 private:
  std::shared_ptr<const Credentials> credentials_;
  std::atomic<int> expirations_ = 0;
};

}  // namespace walkback::s3::testing
