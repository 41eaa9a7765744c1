#include "ondemand/repository_source.h"

namespace walkback::ondemand {

namespace {

// Page maps of files of 1 GiB with a hash for each page: some 2 MiB each.
constexpr size_t kMapsKept = 32;

}  // namespace

RepositorySource::RepositorySource(store::ObjectStore& objects, const std::string& pack_prefix,
                                   catalog::ManifestIndex index)
    : index_(std::move(index)), packs_(objects, pack_prefix) {
  for (const catalog::ManifestPack& pack : index_.conclusion().packs) {
    if (!pack.maps) bytes_of_all_ += pack.live_bytes;
  }
}

Result<std::unique_ptr<RepositorySource>> RepositorySource::open(
    store::ObjectStore& objects, const catalog::LineageLayout& lineage,
    const catalog::BackupSummary& backup) {
  return std::unique_ptr<RepositorySource>(new RepositorySource(
      objects, lineage.pack_prefix(), TRY(catalog::ManifestIndex::load(objects, lineage, backup))));
}

std::optional<uint64_t> RepositorySource::size_of(const std::string& name) const {
  if (!comes_on_demand(name)) return std::nullopt;
  const auto record = index_.find(catalog::Place::kDataDirectory, name);
  if (!record) return std::nullopt;
  return record->file_bytes;
}

Result<std::shared_ptr<const MappedFile>> RepositorySource::map_of(const std::string& name) {
  {
    std::lock_guard lock(mutex_);
    if (const auto kept = by_name_.find(name); kept != by_name_.end()) {
      recent_.splice(recent_.begin(), recent_, kept->second);
      return kept->second->file;
    }
  }
  const auto record = index_.find(catalog::Place::kDataDirectory, name);
  CHECK(record);
  if (closed_) return make_error(ErrorKind::kCancelled, "interrupted");
  Result<repo::PageMap> map = index_.map_of(*record);
  if (!map.ok()) return failed(std::move(map).error().with_context(name));
  const auto* place = std::get_if<catalog::ManifestRecord::MapPlace>(&record->map);
  if (place != nullptr) bytes_fetched_ += place->location.length;
  auto file = std::make_shared<const MappedFile>(std::move(map).value());
  std::lock_guard lock(mutex_);
  // Two threads may have fetched it.
  if (const auto kept = by_name_.find(name); kept != by_name_.end()) return kept->second->file;
  recent_.push_front({name, file});
  by_name_[name] = recent_.begin();
  if (recent_.size() > kMapsKept) {
    by_name_.erase(recent_.back().name);
    recent_.pop_back();
  }
  return file;
}

Result<void> RepositorySource::read(const std::string& name, const MappedFile& file,
                                    std::vector<pipeline::WantedFrame> frames,
                                    const pipeline::TakeRun& take) {
  if (closed_) return make_error(ErrorKind::kCancelled, "interrupted");
  std::unique_ptr<pipeline::FrameReader> reader = take_reader();
  Result<uint64_t> fetched = reader->read(file.map, std::move(frames), take);
  give_back(std::move(reader));
  if (!fetched.ok()) return failed(std::move(fetched).error().with_context(name));
  bytes_fetched_ += *fetched;
  return success();
}

Error RepositorySource::failed(Error error) {
  std::lock_guard lock(mutex_);
  if (!failure_) failure_ = error;
  return error;
}

std::optional<Error> RepositorySource::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

// Their buffers are large: as many as were ever needed at once.
std::unique_ptr<pipeline::FrameReader> RepositorySource::take_reader() {
  std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<pipeline::FrameReader>(packs_);
  std::unique_ptr<pipeline::FrameReader> reader = std::move(idle_.back());
  idle_.pop_back();
  return reader;
}

void RepositorySource::give_back(std::unique_ptr<pipeline::FrameReader> reader) {
  std::lock_guard lock(mutex_);
  idle_.push_back(std::move(reader));
}

}  // namespace walkback::ondemand
