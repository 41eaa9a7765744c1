#include "store/remembering_store.h"

#include <fmt/format.h>

#include <algorithm>

namespace walkback::store {

namespace {

class BytesReader final : public ObjectReader {
 public:
  BytesReader(const ObjectKey& key, std::shared_ptr<const Bytes> bytes)
      : key_(key), bytes_(std::move(bytes)) {}

  uint64_t size() const override { return bytes_->size(); }
  Result<void> read_at(uint64_t offset, MutableBytes out) override {
    if (offset > bytes_->size() || bytes_->size() - offset < out.size()) {
      return make_error(ErrorKind::kCorrupt,
                        fmt::format("{} has {} bytes; {} were expected from offset {}", key_.text(),
                                    bytes_->size(), out.size(), offset));
    }
    std::copy_n(bytes_->begin() + static_cast<ptrdiff_t>(offset), out.size(), out.begin());
    return success();
  }

 private:
  const ObjectKey key_;
  const std::shared_ptr<const Bytes> bytes_;
};

}  // namespace

std::optional<Bytes> ReadObjects::find(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(key);
  return found == objects_.end() ? std::nullopt : std::optional(found->second);
}

void ReadObjects::remember(const ObjectKey& key, const Bytes& bytes) {
  const std::lock_guard lock(mutex_);
  if (bytes_ + bytes.size() > most_bytes_) return;
  if (objects_.emplace(key, bytes).second) bytes_ += bytes.size();
}

void ReadObjects::forget(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  if (const auto recent = recent_by_key_.find(key); recent != recent_by_key_.end()) {
    recent_bytes_ -= recent->second->bytes->size();
    recents_.erase(recent->second);
    recent_by_key_.erase(recent);
  }
  std::erase_if(listings_, [&](const auto& one) { return key.text().starts_with(one.first); });
  const auto found = objects_.find(key);
  if (found == objects_.end()) return;
  bytes_ -= found->second.size();
  objects_.erase(found);
}

std::shared_ptr<const Bytes> ReadObjects::find_recent(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  const auto found = recent_by_key_.find(key);
  if (found == recent_by_key_.end()) return nullptr;
  recents_.splice(recents_.begin(), recents_, found->second);
  return found->second->bytes;
}

void ReadObjects::keep_recent(const ObjectKey& key, std::shared_ptr<const Bytes> bytes) {
  const std::lock_guard lock(mutex_);
  if (recent_by_key_.contains(key)) return;
  recent_bytes_ += bytes->size();
  recents_.push_front({key, std::move(bytes)});
  recent_by_key_.emplace(key, recents_.begin());
  while (recent_bytes_ > kMostRecent) {
    recent_bytes_ -= recents_.back().bytes->size();
    recent_by_key_.erase(recents_.back().key);
    recents_.pop_back();
  }
}

Result<std::unique_ptr<ObjectReader>> ReadObjects::open(ObjectStore& beneath,
                                                        const ObjectKey& key) {
  if (!what_.recent_objects || !what_.recent_objects(key)) return beneath.open(key);
  if (std::shared_ptr<const Bytes> known = find_recent(key)) {
    return std::unique_ptr<ObjectReader>(std::make_unique<BytesReader>(key, std::move(known)));
  }
  const std::optional<ObjectInfo> info = TRY(beneath.info(key));
  if (!info || info->size > kLargestRecent) return beneath.open(key);
  std::optional<Bytes> read = TRY(beneath.get(key));
  if (!read) return beneath.open(key);  // removed meanwhile: it says so as it does
  auto bytes = std::make_shared<const Bytes>(*std::move(read));
  keep_recent(key, bytes);
  return std::unique_ptr<ObjectReader>(std::make_unique<BytesReader>(key, std::move(bytes)));
}

Result<void> ReadObjects::list(ObjectStore& beneath, std::string_view prefix,
                               std::string_view after, const ObjectStore::Visitor& visit) {
  const bool grows = after.empty() && what_.growing_listings && what_.growing_listings(prefix);
  if (!grows) return beneath.list(prefix, after, visit);
  std::shared_ptr<GrowingListing> listing;
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<GrowingListing>& known = listings_[std::string(prefix)];
    if (!known) known = std::make_shared<GrowingListing>();
    listing = known;
  }
  return listing->list(beneath, prefix, clock_, visit);
}

namespace {

class RememberingStore final : public ObjectStore {
 public:
  RememberingStore(std::unique_ptr<ObjectStore> beneath, std::shared_ptr<ReadObjects> read)
      : beneath_(std::move(beneath)), read_(std::move(read)) {}

  Result<PutOutcome> put(const ObjectKey& key, ByteView data) override {
    forget_folders();
    return beneath_->put(key, data);
  }
  Result<std::unique_ptr<ObjectWriter>> create(const ObjectKey& key) override {
    forget_folders();
    return beneath_->create(key);
  }
  Result<std::optional<Bytes>> get(const ObjectKey& key) override {
    if (!read_->concerns(key)) return beneath_->get(key);
    if (std::optional<Bytes> known = read_->find(key)) return known;
    std::optional<Bytes> bytes = TRY(beneath_->get(key));
    if (bytes) read_->remember(key, *bytes);
    return bytes;
  }
  Result<std::unique_ptr<ObjectReader>> open(const ObjectKey& key) override {
    return read_->open(*beneath_, key);
  }
  Result<std::optional<ObjectInfo>> info(const ObjectKey& key) override {
    return beneath_->info(key);
  }
  Result<void> list(std::string_view prefix, std::string_view after,
                    const Visitor& visit) override {
    return read_->list(*beneath_, prefix, after, visit);
  }
  // Of lineages and timelines: this store is opened anew for each look, and asked several times.
  Result<std::vector<std::string>> list_folders(std::string_view folder) override {
    const std::lock_guard lock(mutex_);
    const auto known = folders_.find(folder);
    if (known != folders_.end()) return known->second;
    std::vector<std::string> listed = TRY(beneath_->list_folders(folder));
    folders_.emplace(folder, listed);
    return listed;
  }
  Result<void> remove(const ObjectKey& key) override {
    read_->forget(key);
    forget_folders();
    return beneath_->remove(key);
  }
  Result<void> remove_all(std::span<const ObjectKey> keys) override {
    for (const ObjectKey& key : keys) read_->forget(key);
    forget_folders();
    return beneath_->remove_all(keys);
  }
  Result<CatchUp> catch_up(CatchUpExtent extent, std::chrono::nanoseconds deadline) override {
    return beneath_->catch_up(extent, deadline);
  }
  bool conditional_put() const override { return beneath_->conditional_put(); }
  bool encrypted() const override { return beneath_->encrypted(); }
  ObjectKey stored_name(const ObjectKey& key) const override { return beneath_->stored_name(key); }
  std::string description() const override { return beneath_->description(); }

 private:
  // What is changed through this store is seen in it.
  void forget_folders() {
    const std::lock_guard lock(mutex_);
    folders_.clear();
  }

  const std::unique_ptr<ObjectStore> beneath_;
  const std::shared_ptr<ReadObjects> read_;
  std::mutex mutex_;
  std::map<std::string, std::vector<std::string>, std::less<>> folders_;
};

}  // namespace

std::unique_ptr<ObjectStore> make_remembering_store(std::unique_ptr<ObjectStore> beneath,
                                                    std::shared_ptr<ReadObjects> read) {
  return std::make_unique<RememberingStore>(std::move(beneath), std::move(read));
}

}  // namespace walkback::store
