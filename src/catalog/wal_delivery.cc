#include "catalog/wal_delivery.h"

#include "codec/frame_stream.h"

namespace walkback::catalog {

namespace {

constexpr int kWorkers = 2;
constexpr uint64_t kLargestFile = 1 << 30;

// The server never sees half a file: it is written beside its name and renamed when whole.
class Delivery {
 public:
  Delivery(FileSystem& files, std::string path)
      : files_(files), path_(std::move(path)), temporary_(path_ + ".walkback") {}

  Result<void> begin() {
    if (TRY(files_.link_status(temporary_))) TRY(files_.remove(temporary_));
    file_ = TRY(files_.create(temporary_, 0600));
    return success();
  }
  Result<void> write(uint64_t offset, ByteView content) { return file_->write_at(offset, content); }
  Result<void> finish() {
    file_.reset();
    return files_.rename(temporary_, path_);
  }
  void abandon() {
    file_.reset();
    (void)files_.remove(temporary_);
  }

 private:
  FileSystem& files_;
  const std::string path_;
  const std::string temporary_;
  std::unique_ptr<File> file_;
};

Result<void> decode(ByteView stored, const std::string& name, const WalArchive& archive,
                    Delivery& delivery) {
  const bool segment = pg::wal_file_kind(name) == pg::WalFileKind::kSegment;
  const uint64_t limit = segment ? archive.segment_bytes() : kLargestFile;
  const std::vector<codec::StreamFrame> frames = TRY(codec::split_stream(stored, limit));
  if (segment &&
      (frames.empty() || frames.back().content_offset + frames.back().content_bytes != limit)) {
    return make_error(ErrorKind::kCorrupt, "it does not hold a whole segment");
  }
  return codec::decode_frames(frames, kWorkers,
                              [&](uint64_t offset, ByteView content) -> Result<void> {
                                // The first page says whose segment this is: what was stored is
                                // what is asked for.
                                if (segment && offset == 0) {
                                  TRY(archive.check_segment_header(name, content));
                                }
                                return delivery.write(offset, content);
                              });
}

}  // namespace

Result<bool> deliver_wal_file(const WalArchive& archive, const std::string& name,
                              const std::string& path, FileSystem& files) {
  const std::optional<Bytes> stored = TRY(archive.get_stored(name));
  if (!stored) return false;
  Delivery delivery(files, path);
  TRY(delivery.begin());
  Result<void> delivered = decode(*stored, name, archive, delivery);
  if (!delivered.ok()) {
    delivery.abandon();
    return std::move(delivered).error().with_context(archive.layout().wal_file(name).text());
  }
  TRY(delivery.finish());
  return true;
}

Result<void> deliver(ByteView content, const std::string& path, FileSystem& files) {
  Delivery delivery(files, path);
  TRY(delivery.begin());
  TRY(delivery.write(0, content));
  return delivery.finish();
}

}  // namespace walkback::catalog
