#include "drill/random_target.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/backups.h"
#include "catalog/lineage.h"
#include "catalog/wal_archive.h"

namespace walkback::drill {

namespace {

// SplitMix64: any seed, also 0 and 1, gives bits that look like any other's.
uint64_t mixed(uint64_t seed) {
  uint64_t z = seed + 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

uint64_t length_of(const catalog::RecoveryWindow& window) {
  return window.to > window.from ? static_cast<uint64_t>((window.to - window.from).count()) : 0;
}

}  // namespace

std::optional<RandomTarget> choose_target(const std::vector<catalog::RecoveryWindow>& windows,
                                          uint64_t seed) {
  uint64_t all = 0;
  for (const catalog::RecoveryWindow& window : windows) all += length_of(window);
  if (all == 0) return std::nullopt;
  uint64_t at = mixed(seed) % all;
  for (const catalog::RecoveryWindow& window : windows) {
    const uint64_t length = length_of(window);
    if (at < length) {
      return RandomTarget{seed, window.from + std::chrono::microseconds(at), window};
    }
    at -= length;
  }
  return std::nullopt;
}

Result<RandomTarget> random_target(store::ObjectStore& objects, const std::string& cluster,
                                   uint64_t seed) {
  const catalog::WalArchive archive(objects, cluster, TRY(catalog::find_lineage(objects, cluster)));
  const std::vector<catalog::BackupSummary> backups =
      TRY(catalog::list_backups(objects, archive.layout(), [](const Error&) {}));
  const catalog::LineageWindows found = TRY(catalog::find_windows(archive, backups));
  std::optional<RandomTarget> target = choose_target(found.windows, seed);
  if (target) return *std::move(target);
  return make_error(ErrorKind::kMissing, "there is no stretch of time that can be recovered",
                    "`walkback list` shows why; --latest recovers what there is");
}

}  // namespace walkback::drill
