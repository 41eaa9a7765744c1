// Writing one object, whole or in parts, and learning what became of it. Internal to s3.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>

#include "s3/client.h"
#include "store/object_store.h"

namespace walkback::s3 {

inline constexpr std::string_view kWriteHeader = "x-amz-meta-walkback-write";

// What a HEAD tells.
struct ObjectHead {
  uint64_t size = 0;
  std::string etag;
  std::string write;  // kWriteHeader's value
};

struct CompletedParts {
  std::string upload_id;
  std::vector<std::string> etags;  // the first is part 1
};

// Thread-safe. Keys are the store's; the prefix is added here.
class Objects {
 public:
  explicit Objects(Client& client) : client_(client) {}

  Client& client() { return client_; }
  std::string full_key(const store::ObjectKey& key) const;
  // "storing KEY in s3://bucket/prefix"
  std::string doing(std::string_view what, std::string_view key) const;
  // A random text that no other write carries.
  std::string new_write() const { return client_.environment().random.hex(16); }

  // Nothing when there is no such object.
  Result<std::optional<ObjectHead>> head(const store::ObjectKey& key);
  // One PUT, unless an object is there.
  Result<store::PutOutcome> put(const store::ObjectKey& key, ByteView data);

  // --- large objects ---
  Result<std::string> begin_upload(const store::ObjectKey& key, const std::string& write);
  // The part's ETag.
  Result<std::string> put_part(const store::ObjectKey& key, const std::string& upload_id,
                               int number, ByteView data, const std::stop_token& stop);
  // Makes the parts an object, unless one is there; then the upload is ended.
  Result<store::PutOutcome> complete_upload(const store::ObjectKey& key, const std::string& write,
                                            const CompletedParts& parts);
  // `key` with the prefix. Gone already is success.
  Result<void> abort_upload(const std::string& full_key, const std::string& upload_id);

  // Does the server refuse to replace objects? Asks it once, when nobody said so.
  Result<bool> conditional_writes();

 private:
  Call put_call(const store::ObjectKey& key, const std::string& write) const;
  std::vector<net::Header> object_headers(std::string_view key, const std::string& write) const;
  Result<bool> detect_conditional_writes();
  Result<std::optional<store::PutOutcome>> settle(const store::ObjectKey& key,
                                                  const std::string& write, const ByteView* data);
  Result<bool> holds(const store::ObjectKey& key, ByteView data);
  Result<Reply> try_completion(const store::ObjectKey& key, const CompletedParts& parts,
                               bool conditional);
  Result<store::PutOutcome> completed(const store::ObjectKey& key, const Reply& reply,
                                      size_t parts) const;

  Client& client_;
  std::mutex mutex_;  // one thread asks, the others wait
  std::optional<bool> detected_;
  std::atomic<bool> completes_unconditionally_ = false;
};

}  // namespace walkback::s3
