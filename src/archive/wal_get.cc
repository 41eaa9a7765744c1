#include "archive/wal_get.h"

#include <fmt/format.h>

#include "catalog/control_file_reader.h"
#include "catalog/lineage.h"
#include "catalog/wal_archive.h"
#include "codec/frame_stream.h"
#include "pg/timeline_history.h"

namespace walkback::archive {

namespace {

constexpr int kWorkers = 2;
constexpr uint64_t kLargestFile = 1 << 30;

// A server asks from within its data directory; a person may ask from anywhere.
Result<catalog::Lineage> find_lineage(const WalGetOptions& options, FileSystem& files,
                                      store::ObjectStore& objects) {
  for (const std::string& directory : {std::string("."), options.pgdata}) {
    if (directory.empty()) continue;
    const Result<catalog::ControlFileBytes> control = catalog::read_control_file(files, directory);
    if (!control.ok()) continue;
    return catalog::get_lineage(objects, options.cluster, control->control.system_identifier);
  }
  const std::vector<catalog::Lineage> lineages =
      TRY(catalog::list_lineages(objects, options.cluster));
  if (!lineages.empty()) return lineages.back();
  return make_error(
      ErrorKind::kMissing,
      fmt::format("cluster '{}' has no WAL in {}", options.cluster, objects.description()),
      "check the cluster's name and the repository's URL in the configuration");
}

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

Result<void> deliver(ByteView stored, const std::string& name, const catalog::WalArchive& archive,
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

// For a copy whose timeline is reserved, every number below it is taken, archived or not.
bool stands_for_taken_timeline(const WalGetOptions& options) {
  if (!options.reserved_timeline) return false;
  const Result<pg::TimelineId> asked = pg::parse_history_file_name(options.name);
  return asked.ok() && asked->value < *options.reserved_timeline;
}

// "Not in the archive" ends a recovery, so it is said of an archive that can be seen only. Where
// not one file of WAL is, it is not this segment that is missing.
Result<void> check_holds_wal(const catalog::WalArchive& archive,
                             const store::ObjectStore& objects) {
  if (!TRY(archive.timelines()).empty()) return success();
  return make_error(
      ErrorKind::kMissing,
      fmt::format("there is no WAL at all in {}, below {}", objects.description(),
                  archive.layout().wal_folder()),
      "was it moved, or is its disk not mounted? `walkback list` shows what is there");
}

}  // namespace

Result<WalGetOutcome> run_wal_get(const WalGetOptions& options, FileSystem& files,
                                  store::ObjectStore& objects) {
  if (pg::wal_file_kind(options.name) == pg::WalFileKind::kOther) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("'{}' is no name of a WAL file", options.name));
  }
  const catalog::WalArchive archive(objects, options.cluster,
                                    TRY(find_lineage(options, files, objects)));
  const std::optional<Bytes> stored = TRY(archive.get_stored(options.name));
  Delivery delivery(files, options.path);
  if (!stored) {
    if (!stands_for_taken_timeline(options)) {
      TRY(check_holds_wal(archive, objects));
      return WalGetOutcome::kNotInArchive;
    }
    TRY(delivery.begin());
    TRY(delivery.write(0, as_bytes("# taken by another recovery\n")));
    TRY(delivery.finish());
    return WalGetOutcome::kDelivered;
  }
  TRY(delivery.begin());
  Result<void> delivered = deliver(*stored, options.name, archive, delivery);
  if (!delivered.ok()) {
    delivery.abandon();
    return std::move(delivered).error().with_context(
        archive.layout().wal_file(options.name).text());
  }
  TRY(delivery.finish());
  return WalGetOutcome::kDelivered;
}

}  // namespace walkback::archive
