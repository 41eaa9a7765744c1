#include "catalog/verified.h"

#include <algorithm>
#include <vector>

#include "catalog/sealed_message.h"
#include "catalog/unreadable.h"
#include "catalog/verified.pb.h"

namespace walkback::catalog {

namespace {

constexpr size_t kLargestRecord = 64 << 20;

}  // namespace

Result<void> each_verified(
    store::ObjectStore& objects, const LineageLayout& layout,
    const std::function<void(const store::ObjectKey& key, const proto::verified::Record& record)>&
        visit) {
  std::vector<store::ObjectKey> keys;
  TRY(objects.list(layout.verified_folder(), "", [&](const store::ObjectInfo& info) {
    keys.push_back(info.key);
    return true;
  }));
  for (const store::ObjectKey& key : keys) {
    Result<Bytes> payload =
        get_sealed(objects, key, repo::SealedKind::kVerified, kVerifiedVersion, kLargestRecord);
    if (!payload.ok()) {
      const bool passed_over =
          payload.error().kind == ErrorKind::kMissing || is_unreadable(payload.error());
      if (passed_over) continue;
      return std::move(payload).error();
    }
    proto::verified::Record record;
    if (!record.ParseFromArray(payload->data(), static_cast<int>(payload->size()))) continue;
    visit(key, record);
  }
  return success();
}

// Of millions of objects few are damaged, if any: only of those it is asked what was proved since.
Result<std::map<std::string, Timestamp>> found_damaged(store::ObjectStore& objects,
                                                       const LineageLayout& layout) {
  std::map<std::string, Timestamp> damaged;
  TRY(each_verified(objects, layout, [&](const auto&, const proto::verified::Record& record) {
    for (const proto::verified::Object& object : record.object()) {
      if (object.damaged_at_unix_us() <= 0) continue;
      Timestamp& at = damaged[object.name()];
      at = std::max(at, Timestamp{object.damaged_at_unix_us()});
    }
  }));
  if (damaged.empty()) return damaged;
  std::map<std::string, Timestamp> proved;
  TRY(each_verified(objects, layout, [&](const auto&, const proto::verified::Record& record) {
    for (const proto::verified::Object& object : record.object()) {
      if (!damaged.contains(object.name())) continue;
      Timestamp& at = proved[object.name()];
      at = std::max(at, Timestamp{object.at_unix_us()});
    }
  }));
  std::erase_if(damaged, [&](const auto& one) { return proved[one.first] > one.second; });
  return damaged;
}

}  // namespace walkback::catalog
