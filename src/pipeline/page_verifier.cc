#include "pipeline/page_verifier.h"

#include <chrono>
#include <limits>

#include "pg/page.h"

namespace walkback::pipeline {

namespace {

// Together a sixteenth of a second for each piece with a failing page; a torn write is over in
// microseconds, or in milliseconds when the writer lost its CPU.
constexpr int kAttempts = 5;
constexpr std::chrono::milliseconds kFirstPause{2};

// By checksum alone, whatever the LSN says: a page of garbage has a garbage LSN too.
constexpr pg::Lsn kJudgeAll{std::numeric_limits<uint64_t>::max()};

MutableBytes page(const PagesToVerify& what, uint32_t index) {
  return what.pages.subspan(size_t{index} * pg::kPageBytes, pg::kPageBytes);
}

bool fails(const PagesToVerify& what, uint32_t index) {
  return pg::verify_page(page(what, index), what.relation_block + index, kJudgeAll) ==
         pg::PageVerdict::kBad;
}

std::vector<uint32_t> failing_pages(const PagesToVerify& what) {
  std::vector<uint32_t> failing;
  const auto count = static_cast<uint32_t>(what.pages.size() / pg::kPageBytes);
  for (uint32_t i = 0; i < count; ++i) {
    if (fails(what, i)) failing.push_back(i);
  }
  return failing;
}

// All failing pages after one pause: a file full of damage does not take a pause for each page.
Result<uint64_t> read_again(File& file, const PagesToVerify& what, std::vector<uint32_t>& failing) {
  uint64_t bytes = 0;
  Bytes fresh(pg::kPageBytes);
  std::vector<uint32_t> still;
  for (const uint32_t index : failing) {
    const uint64_t offset = what.file_offset + uint64_t{index} * pg::kPageBytes;
    const size_t size = TRY(file.read_at(offset, fresh));
    bytes += size;
    // Truncated meanwhile: what was read first stands for a page that replay truncates again.
    if (size < fresh.size()) continue;
    std::copy(fresh.begin(), fresh.end(), page(what, index).begin());
    if (fails(what, index)) still.push_back(index);
  }
  failing = std::move(still);
  return bytes;
}

}  // namespace

// A page whose LSN is the start itself was last changed before it (XLogRecordAssemble() in
// src/backend/access/transam/xloginsert.c takes a full image of it at its next change).
bool replay_may_mend(pg::Lsn lsn, pg::Lsn start) {
  return lsn > start && lsn - start < kMostWalDuringBackup;
}

Result<PageVerdicts> verify_pages(File& file, const PagesToVerify& what, pg::Lsn start_lsn,
                                  Clock& clock) {
  PageVerdicts verdicts;
  std::vector<uint32_t> failing = failing_pages(what);
  std::chrono::milliseconds pause = kFirstPause;
  for (int attempt = 0; attempt < kAttempts && !failing.empty(); ++attempt) {
    clock.sleep(pause);
    pause *= 2;
    verdicts.bytes_read_again += TRY(read_again(file, what, failing));
  }
  for (const uint32_t index : failing) {
    const pg::Lsn lsn = pg::page_lsn(page(what, index));
    if (replay_may_mend(lsn, start_lsn)) {
      verdicts.doubtful.push_back({index, lsn});
    } else {
      verdicts.bad.push_back(index);
    }
  }
  return verdicts;
}

}  // namespace walkback::pipeline
