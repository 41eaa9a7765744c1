#include "catalog/reserve.h"

#include "base/bytes.h"
#include "catalog/layout.h"

namespace walkback::catalog {

namespace {

store::ObjectKey reserve_key(const std::string& cluster) {
  return store::ObjectKey(cluster_folder(cluster) + "reserve");
}

}  // namespace

Result<void> keep_reserve(store::ObjectStore& objects, const std::string& cluster, Random& random) {
  const store::ObjectKey key = reserve_key(cluster);
  if (TRY(objects.info(key))) return success();
  // A file system that compresses would hold no room with zeros.
  Bytes bytes(kReserveBytes);
  random.fill(bytes);
  TRY(objects.put(key, bytes));
  return success();
}

Result<void> with_reserve(store::ObjectStore& objects, const std::string& cluster,
                          const std::function<Result<void>()>& step) {
  Result<void> done = step();
  if (done.ok() || done.error().kind != ErrorKind::kNoSpace) return done;
  const store::ObjectKey key = reserve_key(cluster);
  const auto there = objects.info(key);
  if (!there.ok() || !*there || !objects.remove(key).ok()) return done;
  return step();
}

}  // namespace walkback::catalog
