#include "s3/writer.h"

#include <fmt/format.h>

#include <algorithm>

namespace walkback::s3 {
namespace {

using store::ObjectKey;
using store::PutOutcome;

constexpr uint64_t kLaterPartFactor = 8;

// What a writer and its parts on their way share.
class PartsUnderWay {
 public:
  void begin(int number) {
    std::lock_guard lock(mutex_);
    ++running_;
    etags_.resize(static_cast<size_t>(number));
  }
  void end(int number, Result<std::string> etag) {
    std::lock_guard lock(mutex_);
    if (etag.ok()) {
      etags_[static_cast<size_t>(number) - 1] = std::move(*etag);
    } else if (!error_) {
      error_ = std::move(etag).error();
      stop_.request_stop();
    }
    --running_;
    ended_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&] { return running_ == 0; });
  }
  Result<void> failure() {
    std::lock_guard lock(mutex_);
    if (error_) return *error_;
    return success();
  }
  void stop() { stop_.request_stop(); }
  std::stop_token token() const { return stop_.get_token(); }
  const std::vector<std::string>& etags() const { return etags_; }  // after wait()

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::stop_source stop_;
  int running_ = 0;
  std::vector<std::string> etags_;
  std::optional<Error> error_;
};

class Writer final : public store::ObjectWriter {
 public:
  Writer(Objects& objects, UploadPool& pool, ObjectKey key)
      : objects_(objects), pool_(pool), key_(std::move(key)), write_(objects.new_write()) {}

  ~Writer() override {
    parts_.stop();
    parts_.wait();
    // What cannot be ended now, unfinished_uploads() finds later.
    if (!upload_id_.empty()) (void)objects_.abort_upload(objects_.full_key(key_), upload_id_);
  }

  Result<void> append(ByteView data) override {
    CHECK(!finished_);
    while (!data.empty()) {
      TRY(parts_.failure());
      if (buffer_.size() == next_part_bytes()) TRY(send_part());
      size_t size = std::min<uint64_t>(data.size(), next_part_bytes() - buffer_.size());
      buffer_.insert(buffer_.end(), data.begin(), data.begin() + static_cast<ptrdiff_t>(size));
      data = data.subspan(size);
    }
    return success();
  }

  Result<PutOutcome> finish() override {
    CHECK(!finished_);
    finished_ = true;
    TRY(parts_.failure());
    if (number_ == 0) return objects_.put(key_, buffer_);
    TRY(send_part());
    parts_.wait();
    TRY(parts_.failure());
    PutOutcome outcome = TRY(objects_.complete_upload(key_, write_, {upload_id_, parts_.etags()}));
    upload_id_.clear();
    return outcome;
  }

 private:
  uint64_t next_part_bytes() const { return part_bytes(objects_.client().options(), number_ + 1); }

  Result<void> send_part() {
    const S3Options& options = objects_.client().options();
    if (number_ == options.max_parts) {
      return make_error(ErrorKind::kUnsupported,
                        fmt::format("{}: it is larger than {} parts",
                                    objects_.doing("storing", key_.text()), options.max_parts),
                        "raise the part size");
    }
    if (upload_id_.empty()) upload_id_ = TRY(objects_.begin_upload(key_, write_));
    int number = ++number_;
    parts_.begin(number);
    Bytes part;
    part.swap(buffer_);
    pool_.submit(std::move(part), [this, number](ByteView data) {
      parts_.end(number, objects_.put_part(key_, upload_id_, number, data, parts_.token()));
    });
    return success();
  }

  Objects& objects_;
  UploadPool& pool_;
  const ObjectKey key_;
  const std::string write_;
  std::string upload_id_;  // empty before the first part and after the end
  Bytes buffer_;           // of the next part
  int number_ = 0;         // of the last part sent
  bool finished_ = false;
  PartsUnderWay parts_;
};

}  // namespace

uint64_t part_bytes(const S3Options& options, int number) {
  return number <= options.max_parts / 2 ? options.part_bytes
                                         : options.part_bytes * kLaterPartFactor;
}

std::unique_ptr<store::ObjectWriter> make_writer(Objects& objects, UploadPool& pool,
                                                 ObjectKey key) {
  return std::make_unique<Writer>(objects, pool, std::move(key));
}

}  // namespace walkback::s3
