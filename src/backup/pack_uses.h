// Which packs a backup's pages lie in, and how much of each is of use to it.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "catalog/manifest.h"
#include "repo/page_map.h"

namespace walkback::backup {

// Those of pages, or of page maps, of which less than half of what a pack can hold is of use: what
// is left of them is to be stored again, so that they can go (docs/design/space.md). A few are
// worth nobody's while.
inline repo::PackIds thin_packs(const std::vector<catalog::ManifestPack>& packs, bool maps,
                                uint32_t pack_bytes) {
  constexpr size_t kFew = 8;
  repo::PackIds thin;
  for (const catalog::ManifestPack& pack : packs) {
    if (pack.maps == maps && pack.live_bytes * 2 < pack_bytes) thin.insert(pack.id);
  }
  return thin.size() > kFew ? thin : repo::PackIds();
}

// One thread at a time.
class PackUses {
 public:
  // What the parent uses, to begin with.
  void begin_with(const std::vector<catalog::ManifestPack>& packs) {
    for (const catalog::ManifestPack& pack : packs) {
      if (pack.maps) continue;
      live_bytes_[pack.id] += static_cast<int64_t>(pack.live_bytes);
      if (pack.stored_hash) stored_hashes_[pack.id] = *pack.stored_hash;
    }
  }
  // What the packs that were written now are, as they lie in the store.
  void note(const std::vector<repo::PackFinisher::Stored>& written) {
    for (const repo::PackFinisher::Stored& pack : written) {
      if (pack.stored_hash) stored_hashes_[pack.id] = *pack.stored_hash;
    }
  }
  void add(const repo::PageMap& map) { change(map, 1); }
  // Of a file that is there no more, or that has another map now.
  void remove(const repo::PageMap& map) { change(map, -1); }

  // Those that are of any use.
  std::vector<catalog::ManifestPack> packs() const {
    std::vector<catalog::ManifestPack> packs;
    for (const auto& [id, bytes] : live_bytes_) {
      if (bytes <= 0) continue;
      packs.push_back({id, false, static_cast<uint64_t>(bytes)});
      const auto hash = stored_hashes_.find(id);
      if (hash != stored_hashes_.end()) packs.back().stored_hash = hash->second;
    }
    return packs;
  }

 private:
  void change(const repo::PageMap& map, int64_t sign) {
    for (const repo::Frame& frame : map.frames) {
      live_bytes_[frame.location.pack] += sign * frame.location.length;
    }
  }

  std::map<repo::PackId, int64_t> live_bytes_;
  std::map<repo::PackId, codec::ContentHash> stored_hashes_;
};

}  // namespace walkback::backup
