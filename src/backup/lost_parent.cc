#include "backup/lost_parent.h"

#include <algorithm>
#include <string>

#include "catalog/unreadable.h"
#include "repo/pack.h"

namespace walkback::backup {

namespace {

// A pack and where its size goes.
struct Wanted {
  repo::PackId id;
  uint64_t* bytes;
};

Result<void> find_sizes(store::ObjectStore& objects, const std::string& prefix,
                        std::vector<Wanted> packs) {
  // In the order of their names.
  std::ranges::sort(packs, {}, &Wanted::id);
  auto next = packs.begin();
  std::vector<Wanted> unlisted;
  TRY(objects.list(prefix + "/", "", [&](const store::ObjectInfo& info) {
    for (; next != packs.end(); ++next) {
      const store::ObjectKey wanted = repo::pack_key(prefix, next->id);
      if (wanted.text() > info.key.text()) return true;
      if (wanted.text() < info.key.text()) {
        unlisted.push_back(*next);
      } else {
        *next->bytes = info.size;
      }
    }
    return false;
  }));
  unlisted.insert(unlisted.end(), next, packs.end());
  // A list may come late (Swift's does); the object itself does not.
  for (const Wanted& pack : unlisted) {
    const store::ObjectKey key = repo::pack_key(prefix, pack.id);
    const std::optional<store::ObjectInfo> info = TRY(objects.info(key));
    if (!info) {
      return make_error(ErrorKind::kMissing, key.text() + " is no longer in the repository");
    }
    *pack.bytes = info->size;
  }
  return success();
}

}  // namespace

bool is_gone_or_unreadable(const Error& error) {
  return error.kind == ErrorKind::kMissing || catalog::is_unreadable(error);
}

Result<std::vector<uint64_t>> sizes_of_packs(store::ObjectStore& objects,
                                             const catalog::LineageLayout& layout,
                                             const std::vector<catalog::ManifestPack>& packs) {
  std::vector<uint64_t> sizes(packs.size());
  std::vector<Wanted> of_pages, of_maps;
  for (size_t i = 0; i < packs.size(); ++i) {
    (packs[i].maps ? of_maps : of_pages).push_back({packs[i].id, &sizes[i]});
  }
  TRY(find_sizes(objects, layout.pack_prefix(), std::move(of_pages)));
  TRY(find_sizes(objects, layout.map_prefix(), std::move(of_maps)));
  return sizes;
}

}  // namespace walkback::backup
