#include "pipeline/unlogged_changes.h"

#include <algorithm>
#include <chrono>

#include "codec/frame.h"
#include "pg/page.h"
#include "pg/page_mask.h"

namespace walkback::pipeline {

namespace {
// Together 30 ms for each piece with such a page; as in page_verifier.cc, but nobody waits for a
// writer that lost its CPU: what it writes is in the WAL that is replayed.
constexpr int kAttempts = 4;
constexpr std::chrono::milliseconds kFirstPause{2};
}  // namespace

uint32_t masked_hash(ByteView page) {
  std::array<std::byte, pg::kPageBytes> masked;
  std::ranges::copy(page, masked.begin());
  pg::mask_unlogged(masked);
  return std::max<uint32_t>(static_cast<uint32_t>(codec::hash_page(masked)), 1);
}

Result<uint64_t> read_until_whole(File& file, std::vector<DifferentPage>& pages, pg::Lsn start_lsn,
                                  Clock& clock) {
  uint64_t bytes = 0;
  Bytes fresh(pg::kPageBytes);
  std::chrono::milliseconds pause = kFirstPause;
  const auto is_open = [&](const DifferentPage& page) {
    return !page.is_alike && pg::page_lsn(page.page) <= start_lsn;
  };
  for (int attempt = 0; attempt < kAttempts && std::ranges::any_of(pages, is_open); ++attempt) {
    clock.sleep(pause);
    pause *= 2;
    for (DifferentPage& page : pages) {
      if (!is_open(page)) continue;
      const size_t size = TRY(file.read_at(page.file_offset, fresh));
      bytes += size;
      if (size < fresh.size()) continue;  // truncated meanwhile: the WAL says so
      std::ranges::copy(fresh, page.page.begin());
      page.is_alike = masked_hash(page.page) == page.parents_hash;
    }
  }
  return bytes;
}

}  // namespace walkback::pipeline
