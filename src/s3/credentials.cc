#include "s3/credentials.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <condition_variable>
#include <mutex>

namespace walkback::s3 {
namespace {

using std::chrono::minutes;
using std::chrono::nanoseconds;

// Long enough for the services that hand them out to be away for a while, and for the longest
// request to end with what it was signed with.
constexpr minutes kRefreshBeforeExpiry{5};
// After a refresh that failed while the old ones still hold.
constexpr std::chrono::seconds kAskAgainAfter{30};

class CachingProvider final : public CredentialsProvider {
 public:
  CachingProvider(std::vector<std::unique_ptr<CredentialsSource>> sources, Clock& clock)
      : sources_(std::move(sources)), clock_(clock) {}

  Result<std::shared_ptr<const Credentials>> get() override;
  void expired(const Credentials& credentials) override;

 private:
  bool hold() const;
  bool want_refresh() const;
  Result<Credentials> fetch();
  Result<std::shared_ptr<const Credentials>> refresh(std::unique_lock<std::mutex>& lock);

  const std::vector<std::unique_ptr<CredentialsSource>> sources_;
  Clock& clock_;

  std::mutex mutex_;
  std::condition_variable refreshed_;
  std::shared_ptr<const Credentials> current_;
  bool refreshing_ = false;
  nanoseconds ask_not_before_{0};
  // Where the first ones came from: new ones come from there too. Used by the refreshing thread.
  CredentialsSource* chosen_ = nullptr;
};

bool CachingProvider::hold() const {
  return current_ && (!current_->expires || clock_.now() < *current_->expires);
}

bool CachingProvider::want_refresh() const {
  return !hold() ||
         (current_->expires && clock_.now() + kRefreshBeforeExpiry >= *current_->expires &&
          clock_.monotonic() >= ask_not_before_);
}

Result<std::shared_ptr<const Credentials>> CachingProvider::get() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!want_refresh()) return current_;
    if (!refreshing_) return refresh(lock);
    if (hold()) return current_;
    refreshed_.wait(lock);
  }
}

Result<std::shared_ptr<const Credentials>> CachingProvider::refresh(
    std::unique_lock<std::mutex>& lock) {
  refreshing_ = true;
  lock.unlock();
  Result<Credentials> fetched = fetch();
  lock.lock();
  refreshing_ = false;
  refreshed_.notify_all();
  if (fetched.ok()) {
    current_ = std::make_shared<const Credentials>(std::move(*fetched));
    return current_;
  }
  if (!hold()) return std::move(fetched).error();
  ask_not_before_ = clock_.monotonic() + kAskAgainAfter;
  return current_;
}

Result<Credentials> CachingProvider::fetch() {
  if (chosen_) {
    std::optional<Credentials> renewed = TRY(chosen_->fetch());
    if (renewed) return std::move(*renewed);
    return make_error(ErrorKind::kTransient,
                      chosen_->place() + " has no credentials for S3 any more");
  }
  std::string places;
  for (const auto& source : sources_) {
    std::optional<Credentials> found = TRY(source->fetch());
    if (found) {
      chosen_ = source.get();
      return std::move(*found);
    }
    places += (places.empty() ? "" : "; ") + source->place();
  }
  return make_error(ErrorKind::kDenied, "there are no credentials for S3; looked at: " + places,
                    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in "
                    "~/.aws/credentials, for the user that walkback runs as");
}

void CachingProvider::expired(const Credentials& credentials) {
  std::lock_guard lock(mutex_);
  // Others may have fetched new ones meanwhile.
  if (current_ && current_->access_key_id == credentials.access_key_id &&
      current_->session_token == credentials.session_token) {
    current_ = nullptr;
  }
}

}  // namespace

Credentials::~Credentials() {
  OPENSSL_cleanse(secret_access_key.data(), secret_access_key.size());
  OPENSSL_cleanse(session_token.data(), session_token.size());
}

std::unique_ptr<CredentialsProvider> make_credentials_provider(
    std::vector<std::unique_ptr<CredentialsSource>> sources, Clock& clock) {
  return std::make_unique<CachingProvider>(std::move(sources), clock);
}

}  // namespace walkback::s3
