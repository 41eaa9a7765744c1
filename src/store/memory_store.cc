#include "store/memory_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

namespace walkback::store {
namespace {

using Content = std::shared_ptr<const Bytes>;

class MemoryReader final : public ObjectReader {
 public:
  MemoryReader(Content content, std::string key)
      : content_(std::move(content)), key_(std::move(key)) {}

  Result<void> read_at(uint64_t offset, MutableBytes out) override {
    if (offset > content_->size() || content_->size() - offset < out.size()) {
      return make_error(ErrorKind::kCorrupt,
                        fmt::format("{} in memory: has {} bytes; {} were expected from offset {}",
                                    key_, content_->size(), out.size(), offset));
    }
    std::copy_n(content_->begin() + static_cast<ptrdiff_t>(offset), out.size(), out.begin());
    return success();
  }
  uint64_t size() const override { return content_->size(); }

 private:
  const Content content_;
  const std::string key_;
};

class MemoryWriter final : public ObjectWriter {
 public:
  MemoryWriter(ObjectStore& store, ObjectKey key) : store_(store), key_(std::move(key)) {}

  Result<void> append(ByteView data) override {
    content_.insert(content_.end(), data.begin(), data.end());
    return success();
  }
  Result<PutOutcome> finish() override { return store_.put(key_, content_); }

 private:
  ObjectStore& store_;
  const ObjectKey key_;
  Bytes content_;
};

class MemoryStore final : public ObjectStore {
 public:
  Result<PutOutcome> put(const ObjectKey& key, ByteView data) override {
    auto content = std::make_shared<const Bytes>(to_bytes(data));
    std::lock_guard lock(mutex_);
    TRY(check_folders(key.text()));
    bool created = objects_.emplace(key.text(), std::move(content)).second;
    return created ? PutOutcome::kCreated : PutOutcome::kAlreadyExists;
  }

  Result<std::unique_ptr<ObjectWriter>> create(const ObjectKey& key) override {
    return {std::make_unique<MemoryWriter>(*this, key)};
  }

  Result<std::optional<Bytes>> get(const ObjectKey& key) override {
    Content content = find(key);
    if (!content) return {std::nullopt};
    return {*content};
  }

  Result<std::unique_ptr<ObjectReader>> open(const ObjectKey& key) override {
    Content content = find(key);
    if (!content)
      return make_error(ErrorKind::kMissing, "there is no " + key.text() + " in memory:");
    return {std::make_unique<MemoryReader>(std::move(content), key.text())};
  }

  Result<std::optional<ObjectInfo>> info(const ObjectKey& key) override {
    Content content = find(key);
    if (!content) return {std::nullopt};
    return {ObjectInfo{key, content->size()}};
  }

  Result<void> list(std::string_view prefix, std::string_view after,
                    const Visitor& visit) override {
    // The visitor may use the store: it is called without the lock, a page at a time.
    std::string last(after);
    while (true) {
      const std::vector<ObjectInfo> page = page_after(prefix, last);
      for (const ObjectInfo& info : page) {
        if (!visit(info)) return success();
      }
      if (page.size() < kPageObjects) return success();
      last = page.back().key.text();
    }
  }

  Result<std::vector<std::string>> list_folders(std::string_view folder) override {
    CHECK(folder.empty() || folder.ends_with('/'));
    std::lock_guard lock(mutex_);
    std::vector<std::string> folders;
    for (auto at = objects_.lower_bound(std::string(folder));
         at != objects_.end() && at->first.starts_with(folder);) {
      const size_t slash = at->first.find('/', folder.size());
      if (slash == std::string::npos) {
        ++at;
        continue;
      }
      folders.push_back(at->first.substr(folder.size(), slash - folder.size()));
      // Behind all that is in it.
      constexpr char kAfterSlash = '/' + 1;
      at = objects_.lower_bound(at->first.substr(0, slash) + kAfterSlash);
    }
    std::ranges::sort(folders);  // "a-b/" lies before "a/", and "a" before "a-b"
    return folders;
  }

  Result<void> remove(const ObjectKey& key) override {
    std::lock_guard lock(mutex_);
    objects_.erase(key.text());
    return success();
  }

  bool conditional_put() const override { return true; }
  std::string description() const override { return "memory:"; }

 private:
  Content find(const ObjectKey& key) {
    std::lock_guard lock(mutex_);
    auto found = objects_.find(key.text());
    return found == objects_.end() ? nullptr : found->second;
  }

  // As strict as a directory, so that tests on memory find such a mistake.
  Result<void> check_folders(const std::string& key) {
    auto below = objects_.lower_bound(key + "/");
    bool is_folder = below != objects_.end() && below->first.starts_with(key + "/");
    for (size_t slash = key.find('/'); slash != std::string::npos;
         slash = key.find('/', slash + 1)) {
      is_folder = is_folder || objects_.contains(key.substr(0, slash));
    }
    if (!is_folder) return success();
    return make_error(ErrorKind::kConflict,
                      "storing " + key + " in memory: is both object and folder");
  }

  std::vector<ObjectInfo> page_after(std::string_view prefix, std::string_view after) {
    std::lock_guard lock(mutex_);
    std::vector<ObjectInfo> infos;
    for (auto at = objects_.lower_bound(std::string(std::max(prefix, after)));
         at != objects_.end() && infos.size() < kPageObjects; ++at) {
      if (!at->first.starts_with(prefix)) break;
      if (at->first > after) infos.push_back({ObjectKey(at->first), at->second->size()});
    }
    return infos;
  }

  static constexpr size_t kPageObjects = 1000;  // what S3 gives with one request

  std::mutex mutex_;
  std::map<std::string, Content> objects_;
};

}  // namespace

std::unique_ptr<ObjectStore> make_memory_store() { return std::make_unique<MemoryStore>(); }

}  // namespace walkback::store
