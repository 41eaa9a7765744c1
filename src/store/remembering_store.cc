#include "store/remembering_store.h"

namespace walkback::store {

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
  const auto found = objects_.find(key);
  if (found == objects_.end()) return;
  bytes_ -= found->second.size();
  objects_.erase(found);
}

namespace {

class RememberingStore final : public ObjectStore {
 public:
  RememberingStore(std::unique_ptr<ObjectStore> beneath, std::shared_ptr<ReadObjects> read)
      : beneath_(std::move(beneath)), read_(std::move(read)) {}

  Result<PutOutcome> put(const ObjectKey& key, ByteView data) override {
    return beneath_->put(key, data);
  }
  Result<std::unique_ptr<ObjectWriter>> create(const ObjectKey& key) override {
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
    return beneath_->open(key);
  }
  Result<std::optional<ObjectInfo>> info(const ObjectKey& key) override {
    return beneath_->info(key);
  }
  Result<void> list(std::string_view prefix, std::string_view after,
                    const Visitor& visit) override {
    return beneath_->list(prefix, after, visit);
  }
  Result<std::vector<std::string>> list_folders(std::string_view folder) override {
    return beneath_->list_folders(folder);
  }
  Result<void> remove(const ObjectKey& key) override {
    read_->forget(key);
    return beneath_->remove(key);
  }
  Result<void> remove_all(std::span<const ObjectKey> keys) override {
    for (const ObjectKey& key : keys) read_->forget(key);
    return beneath_->remove_all(keys);
  }
  Result<CatchUp> catch_up(CatchUpExtent extent, std::chrono::nanoseconds deadline) override {
    return beneath_->catch_up(extent, deadline);
  }
  bool conditional_put() const override { return beneath_->conditional_put(); }
  bool encrypted() const override { return beneath_->encrypted(); }
  std::string description() const override { return beneath_->description(); }

 private:
  const std::unique_ptr<ObjectStore> beneath_;
  const std::shared_ptr<ReadObjects> read_;
};

}  // namespace

std::unique_ptr<ObjectStore> make_remembering_store(std::unique_ptr<ObjectStore> beneath,
                                                    std::shared_ptr<ReadObjects> read) {
  return std::make_unique<RememberingStore>(std::move(beneath), std::move(read));
}

}  // namespace walkback::store
