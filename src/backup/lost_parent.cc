#include "backup/lost_parent.h"

#include <algorithm>
#include <string>

#include "catalog/unreadable.h"
#include "repo/pack.h"

namespace walkback::backup {

namespace {

Result<void> check_are_there(store::ObjectStore& objects, const std::string& prefix,
                             std::vector<repo::PackId> packs) {
  // In the order of their names.
  std::ranges::sort(packs);
  auto next = packs.begin();
  std::vector<repo::PackId> unlisted;
  TRY(objects.list(prefix + "/", "", [&](const store::ObjectInfo& info) {
    for (; next != packs.end(); ++next) {
      const store::ObjectKey wanted = repo::pack_key(prefix, *next);
      if (wanted.text() > info.key.text()) return true;
      if (wanted.text() < info.key.text()) unlisted.push_back(*next);
    }
    return false;
  }));
  unlisted.insert(unlisted.end(), next, packs.end());
  // A list may come late (Swift's does); the object itself does not.
  for (const repo::PackId& pack : unlisted) {
    const store::ObjectKey key = repo::pack_key(prefix, pack);
    if (TRY(objects.info(key))) continue;
    return make_error(ErrorKind::kMissing, key.text() + " is no longer in the repository");
  }
  return success();
}

}  // namespace

bool is_gone_or_unreadable(const Error& error) {
  return error.kind == ErrorKind::kMissing || catalog::is_unreadable(error);
}

Result<void> check_packs_are_there(store::ObjectStore& objects,
                                   const catalog::LineageLayout& layout,
                                   const std::vector<catalog::ManifestPack>& packs) {
  std::vector<repo::PackId> of_pages, of_maps;
  for (const catalog::ManifestPack& pack : packs) {
    (pack.maps ? of_maps : of_pages).push_back(pack.id);
  }
  TRY(check_are_there(objects, layout.pack_prefix(), std::move(of_pages)));
  return check_are_there(objects, layout.map_prefix(), std::move(of_maps));
}

}  // namespace walkback::backup
