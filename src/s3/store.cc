#include "s3/store.h"

#include <fmt/format.h>

#include <algorithm>

#include "s3/listing.h"
#include "s3/objects.h"
#include "s3/upload_pool.h"
#include "s3/writer.h"

namespace walkback::s3 {
namespace {

using store::ObjectInfo;
using store::ObjectKey;
using store::ObjectReader;
using store::ObjectWriter;
using store::PutOutcome;

// Above this, get() would take memory that only open() should decide about.
constexpr uint64_t kMaxGetSize = uint64_t{1} << 30;
// Larger ones go in parts, side by side.
constexpr uint64_t kMaxSinglePut = uint64_t{64} << 20;
constexpr size_t kMaxBatch = 1'000;  // keys in one DeleteObjects

class Reader final : public ObjectReader {
 public:
  Reader(Objects& objects, ObjectKey key, ObjectHead head)
      : objects_(objects), key_(std::move(key)), head_(std::move(head)) {}

  uint64_t size() const override { return head_.size; }

  Result<void> read_at(uint64_t offset, MutableBytes out) override {
    if (offset > head_.size || head_.size - offset < out.size()) {
      return make_error(ErrorKind::kCorrupt,
                        fmt::format("{}: it has {} bytes; {} were expected from offset {}", doing(),
                                    head_.size, out.size(), offset));
    }
    if (out.empty()) return success();
    Call call = range_call(offset, out.size());
    Reply reply = TRY(objects_.client().call(call));
    if (reply.error) return explain(*reply.error, call);
    if (reply.response.status != 206 && out.size() != head_.size) {
      return make_error(ErrorKind::kUnsupported, doing() + ": the server knows no ranges");
    }
    std::ranges::copy(reply.response.body, out.begin());
    return success();
  }

 private:
  std::string doing() const { return objects_.doing("reading", key_.text()); }

  Call range_call(uint64_t offset, size_t size) const {
    Call call{.action = Action::kGet,
              .doing = doing(),
              .key = objects_.full_key(key_),
              .headers = {{"Range", fmt::format("bytes={}-{}", offset, offset + size - 1)}},
              .response_limit = std::max<uint64_t>(size, kMaxErrorBytes),
              .expected_bytes = size};
    // Another object under this name is not what was opened.
    if (!head_.etag.empty()) call.headers.push_back({"If-Match", head_.etag});
    return call;
  }

  Error explain(const ServiceError& error, const Call& call) const {
    if (is_precondition_failure(error)) {
      return make_error(ErrorKind::kCorrupt,
                        doing() + ": the object was replaced while it was read",
                        "nothing of walkback replaces objects: who else writes here?");
    }
    return objects_.client().explain(error, call);
  }

  static constexpr uint64_t kMaxErrorBytes = 64u << 10;
  Objects& objects_;
  const ObjectKey key_;
  const ObjectHead head_;
};

class Store final : public S3Store {
 public:
  Store(S3Options options, S3Environment environment)
      : client_(std::move(options), std::move(environment)),
        objects_(client_),
        pool_(client_.options().uploads_in_flight,
              client_.options().part_bytes *
                  static_cast<uint64_t>(client_.options().uploads_in_flight)) {}

  Result<PutOutcome> put(const ObjectKey& key, ByteView data) override {
    if (data.size() <= std::max(kMaxSinglePut, client_.options().part_bytes)) {
      return objects_.put(key, data);
    }
    std::unique_ptr<ObjectWriter> writer = make_writer(objects_, pool_, key);
    TRY(writer->append(data));
    return writer->finish();
  }

  Result<std::unique_ptr<ObjectWriter>> create(const ObjectKey& key) override {
    return make_writer(objects_, pool_, key);
  }

  Result<std::optional<Bytes>> get(const ObjectKey& key) override {
    Call call{.action = Action::kGet,
              .doing = objects_.doing("reading", key.text()),
              .key = objects_.full_key(key),
              .response_limit = kMaxGetSize};
    Reply reply = TRY(client_.call(call));
    if (reply.error && is_absent(*reply.error)) return {std::nullopt};
    if (reply.error) return client_.explain(*reply.error, call);
    return {std::move(reply.response.body)};
  }

  Result<std::unique_ptr<ObjectReader>> open(const ObjectKey& key) override {
    std::optional<ObjectHead> head = TRY(objects_.head(key));
    if (!head) {
      return make_error(ErrorKind::kMissing,
                        fmt::format("there is no {} in {}", key.text(), description()));
    }
    return {std::make_unique<Reader>(objects_, key, std::move(*head))};
  }

  Result<std::optional<ObjectInfo>> info(const ObjectKey& key) override {
    std::optional<ObjectHead> head = TRY(objects_.head(key));
    if (!head) return {std::nullopt};
    return {ObjectInfo{key, head->size}};
  }

  Result<void> list(std::string_view prefix, std::string_view after,
                    const Visitor& visit) override {
    return list_objects(objects_, prefix, after, visit);
  }
  Result<std::vector<std::string>> list_folders(std::string_view folder) override {
    return s3::list_folders(objects_, folder);
  }

  Result<void> remove(const ObjectKey& key) override {
    Call call{.action = Action::kDelete,
              .doing = objects_.doing("removing", key.text()),
              .method = net::Method::kDelete,
              .key = objects_.full_key(key)};
    Reply reply = TRY(client_.call(call));
    if (!reply.error || is_absent(*reply.error)) return success();
    return client_.explain(*reply.error, call);
  }

  Result<void> remove_all(std::span<const ObjectKey> keys) override {
    for (; !keys.empty(); keys = keys.subspan(std::min(keys.size(), kMaxBatch))) {
      TRY(remove_batch(keys.first(std::min(keys.size(), kMaxBatch))));
    }
    return success();
  }

  bool conditional_put() const override {
    // Not known is not there: callers then take more care than they need.
    Result<bool> conditional = objects_.conditional_writes();
    return conditional.ok() && *conditional;
  }
  std::string description() const override { return s3_url(client_.options()); }

  Result<std::vector<UnfinishedUpload>> unfinished_uploads(Timestamp before) override {
    return list_uploads(objects_, before);
  }
  Result<void> abort_upload(const UnfinishedUpload& upload) override {
    const std::string& prefix = client_.options().prefix;
    return objects_.abort_upload(prefix.empty() ? upload.key : prefix + "/" + upload.key,
                                 upload.upload_id);
  }
  Client& client() override { return client_; }

 private:
  Result<void> remove_batch(std::span<const ObjectKey> keys) {
    std::vector<std::string> full_keys;
    for (const ObjectKey& key : keys) full_keys.push_back(objects_.full_key(key));
    std::string document = deletion_document(full_keys);
    Call call{
        .action = Action::kDelete,
        .doing = fmt::format("removing {} objects in {}", keys.size(), description()),
        .method = net::Method::kPost,
        .query = {{"delete", ""}},
        // Content-MD5 is what every server knows; newer checksums some refuse.
        .headers = {{"Content-MD5", content_md5(document)}, {"Content-Type", "application/xml"}},
        .body = {as_bytes(document)},
        .success_may_be_error = true};
    Reply reply = TRY(client_.call(call));
    if (reply.error && is_not_implemented(*reply.error)) return S3Store::remove_all(keys);
    if (reply.error) return client_.explain(*reply.error, call);
    std::vector<DeleteFailure> failures =
        TRY_CONTEXT(parse_delete_failures(reply.response.body), call.doing);
    for (const DeleteFailure& failure : failures) {
      if (failure.code != "NoSuchKey") return explain(failure, call, failures.size());
    }
    return success();
  }

  Error explain(const DeleteFailure& failure, Call call, size_t count) const {
    call.doing += fmt::format(": {} were not, the first {}", count, failure.key);
    int status = failure.code == "AccessDenied" ? 403 : 400;
    return client_.explain({.status = status, .code = failure.code, .message = failure.message},
                           call);
  }

  Client client_;
  mutable Objects objects_;
  UploadPool pool_;
};

}  // namespace

Result<std::unique_ptr<S3Store>> open_s3_store(S3Options options, S3Environment environment) {
  S3Options complete = TRY(complete_options(std::move(options)));
  return {std::make_unique<Store>(std::move(complete), std::move(environment))};
}

}  // namespace walkback::s3
