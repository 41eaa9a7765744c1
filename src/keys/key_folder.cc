#include "keys/key_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace walkback::keys {
namespace {

constexpr std::string_view kRecord = ".json";
constexpr std::string_view kRetired = ".retired.json";
constexpr std::string_view kWrap = ".age";
constexpr std::string_view kGpgWrap = ".gpg";
constexpr std::string_view kFor = "-for-";

constexpr size_t kIdSize = 20;

bool is_id(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return text.size() == kIdSize && text.starts_with("age1") &&
         std::all_of(text.begin(), text.end(), is_letter);
}

// "ID" + suffix, or nothing.
std::optional<std::string> id_before(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  return is_id(name) ? std::optional(std::string(name)) : std::nullopt;
}

std::optional<WrappedKey> age_wrap(const store::ObjectKey& object, std::string_view name) {
  const size_t middle = name.find(kFor);
  if (middle == std::string_view::npos) return std::nullopt;
  const std::optional<std::string> for_id = id_before(name.substr(middle + kFor.size()), kWrap);
  if (!for_id || !is_id(name.substr(0, middle)) || name.substr(0, middle) == *for_id) {
    return std::nullopt;
  }
  return WrappedKey{object, std::string(name.substr(0, middle)), *for_id};
}

store::ObjectKey object_named(std::string_view id, std::string_view suffix) {
  return store::ObjectKey(fmt::format("{}{}{}", kKeysFolder, id, suffix));
}

// What a listing tells, sorted into kinds.
class FolderReader {
 public:
  explicit FolderReader(store::ObjectStore& objects) : objects_(objects) {}

  Result<KeyFolder> read() {
    TRY(objects_.list(kKeysFolder, "", [&](const store::ObjectInfo& info) { return take(info); }));
    for (const auto& [id, object] : records_) TRY(read_record(id, object));
    for (const auto& [id, object] : retirements_) TRY(read_retirement(id, object));
    std::stable_sort(folder_.records.begin(), folder_.records.end(),
                     [](const auto& a, const auto& b) { return a.added_at < b.added_at; });
    return std::move(folder_);
  }

 private:
  // False ends the listing.
  bool take(const store::ObjectInfo& info) {
    const std::string_view name = std::string_view(info.key.text()).substr(kKeysFolder.size());
    if (++count_ > kMostKeyObjects || info.size > kMostKeyObjectBytes) {
      folder_.passed_over.push_back(info.key.text());
      return count_ <= kMostKeyObjects;
    }
    if (auto id = id_before(name, kRetired)) {
      retirements_.emplace(*id, info.key);
    } else if (id = id_before(name, kRecord); id) {
      records_.emplace(*id, info.key);
    } else if (auto wrap = age_wrap(info.key, name)) {
      folder_.wraps.push_back(*wrap);
    } else if (id = id_before(name, kGpgWrap); id) {
      folder_.gpg_wraps.push_back({info.key, *id, ""});
    }  // other names are of later versions, or nobody's
    return true;
  }

  Result<void> read_record(const std::string& id, const store::ObjectKey& object) {
    const std::optional<Bytes> bytes = TRY(objects_.get(object));
    if (!bytes) return success();
    const Result<KeyRecord> record = decode_key_record(*bytes, id);
    if (record.ok()) {
      folder_.records.push_back(*record);
    } else {
      folder_.passed_over.push_back(object.text());
    }
    return success();
  }

  Result<void> read_retirement(const std::string& id, const store::ObjectKey& object) {
    const std::optional<Bytes> bytes = TRY(objects_.get(object));
    if (!bytes) return success();
    const Result<Retirement> retirement = decode_retirement(*bytes, id);
    if (!retirement.ok()) {
      folder_.passed_over.push_back(object.text());
      return success();
    }
    for (KeyRecord& record : folder_.records) {
      if (key_id(record.recipient) == id) record.retired = *retirement;
    }
    return success();
  }

  store::ObjectStore& objects_;
  KeyFolder folder_;
  size_t count_ = 0;
  std::map<std::string, store::ObjectKey> records_;
  std::map<std::string, store::ObjectKey> retirements_;
};

}  // namespace

const KeyRecord* KeyFolder::find(const crypto::Recipient& recipient) const {
  for (const KeyRecord& record : records) {
    if (record.recipient == recipient) return &record;
  }
  return nullptr;
}

bool KeyFolder::has_wrap(std::string_view id, std::string_view for_id) const {
  return std::any_of(wraps.begin(), wraps.end(), [&](const WrappedKey& wrap) {
    return wrap.id == id && wrap.for_id == for_id;
  });
}

Result<KeyFolder> read_key_folder(store::ObjectStore& objects) {
  return FolderReader(objects).read();
}

Result<void> put_key_record(store::ObjectStore& objects, const KeyRecord& record) {
  TRY(objects.put(object_named(key_id(record.recipient), kRecord),
                  as_bytes(encode_key_record(record))));
  return success();
}

Result<void> put_retirement(store::ObjectStore& objects, const crypto::Recipient& recipient,
                            const Retirement& retirement) {
  TRY(objects.put(object_named(key_id(recipient), kRetired),
                  as_bytes(encode_retirement(recipient, retirement))));
  return success();
}

store::ObjectKey wrap_object(std::string_view id, std::string_view for_id) {
  return store::ObjectKey(fmt::format("{}{}{}{}{}", kKeysFolder, id, kFor, for_id, kWrap));
}

store::ObjectKey gpg_wrap_object(std::string_view id) { return object_named(id, kGpgWrap); }

}  // namespace walkback::keys
