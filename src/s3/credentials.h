// Who we are to the server: access keys, where they come from, and having new ones before the old
// expire.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace walkback::s3 {

// Never printed. What this object holds is wiped when it goes.
struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;         // empty for long-lived keys
  std::optional<Timestamp> expires;  // nothing: not as far as we know
  std::string source;  // "the environment", "profile backup in /root/.aws/credentials"

  Credentials() = default;
  Credentials(const Credentials&) = default;
  Credentials& operator=(const Credentials&) = default;
  Credentials(Credentials&&) = default;
  Credentials& operator=(Credentials&&) = default;
  ~Credentials();
};

// One place where credentials may lie.
class CredentialsSource {
 public:
  virtual ~CredentialsSource() = default;
  // Nothing when this place is not set up on this host; an error when it is, and does not work.
  // One thread at a time.
  virtual Result<std::optional<Credentials>> fetch() = 0;
  // "AWS_ACCESS_KEY_ID in the environment": for the list of places that were looked at.
  virtual std::string place() const = 0;
};

// Hands out credentials that hold. Thread-safe.
class CredentialsProvider {
 public:
  virtual ~CredentialsProvider() = default;
  // kDenied when no source has any; the error says where was looked.
  virtual Result<std::shared_ptr<const Credentials>> get() = 0;
  // The server says that these have expired: the next get() fetches others.
  virtual void expired(const Credentials& credentials) = 0;
};

// The first of `sources` that has credentials, which is then asked again before they expire: by one
// thread, while the others go on with the old ones.
std::unique_ptr<CredentialsProvider> make_credentials_provider(
    std::vector<std::unique_ptr<CredentialsSource>> sources, Clock& clock);

}  // namespace walkback::s3
